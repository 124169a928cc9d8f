"""Options for signing with XAdES: what the signer says of the signature, and signs as well."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from envelopes.signature.claims import Claims, SignaturePolicy
from exchange.machine import SystemClock, SystemEntropy

_OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


def xades_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of XAdES; it is called with `claims`, which are None for a plain signature."""

    @click.option("--xades", is_flag=True, help="Sign as XAdES B-B, with the time and the certificate's digest signed.")
    @click.option(
        "--role", default="", help="The role that you claim to sign in, such as Chánh văn phòng; with --xades."
    )
    @click.option(
        "--policy",
        nargs=2,
        metavar="OID FILE",
        help="The policy that you sign under, and the file that holds it; with --xades.",
    )
    @wraps(command)
    def called(*args: Any, xades: bool, role: str, policy: tuple[str, str] | None, **more: Any) -> None:
        if not xades and (role or policy):
            raise click.UsageError("--role and --policy are said in XAdES; add --xades")
        command(*args, claims=_claims(role, policy) if xades else None, **more)

    return called


def _claims(role: str, policy: tuple[str, str] | None) -> Claims:
    return Claims(
        id=f"sig-{SystemEntropy().draw(8).hex()}",
        at=SystemClock().now(),
        role=role,
        policy=_policy(*policy) if policy else None,
    )


def _policy(oid: str, file: str) -> SignaturePolicy:
    if not _OID.fullmatch(oid):
        raise click.UsageError(f"{oid} is not an object identifier, such as 1.3.6.1.4.1.99999.7")
    try:
        return SignaturePolicy(oid=oid, digest=hashlib.sha256(Path(file).read_bytes()).digest())
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from None
