"""Options that several commands share: which hub, as whom, with which key."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import msgspec
import uvloop

from exchange.client import Client
from exchange.sandbox import ready
from trust_store.errors import Refused, reason
from trust_store.keys import HeldKey, load_pem, load_pkcs12

NO_CALLER = reason(
    "caller-missing",
    "The command does not know which hub to ask, or as whom",
    "Give --url and --token, or --as PARTY where a sandbox's ready file is",
)
NO_KEY = reason("key-missing", "No key was given to sign with", "Give --p12, or --key with --cert, or --as PARTY")
DEFAULT_READY = ".sandbox/ready.json"
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Hold who calls which hub."""

    url: str
    token: str
    sandbox: ready.Ready | None
    party: ready.ReadyParty | None

    def client(self) -> Client:
        """Open a client."""
        if not self.url or not self.token:
            raise Refused(NO_CALLER)
        return Client(self.url, self.token)

    def key(self, p12: str | None, password: str | None, key: str | None, cert: str | None) -> HeldKey:
        """Read the key to sign with: the one that is named, or else the sandbox party's."""
        if p12:
            return load_pkcs12(Path(p12).read_bytes(), (password or "").encode())
        if key and cert:
            return load_pem(Path(key).read_bytes(), Path(cert).read_bytes(), password.encode() if password else None)
        if self.party is not None:
            return load_pem(Path(self.party.key).read_bytes(), Path(self.party.cert).read_bytes())
        raise Refused(NO_KEY)


def caller_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --url, --token, --as and --ready; the command gets a `caller`."""

    @click.option("--url", envvar="CONGVAN_URL", help="Address of the hub.")
    @click.option("--token", envvar="CONGVAN_TOKEN", help="Token of the party; better in the environment.")
    @click.option("--as", "who", envvar="CONGVAN_AS", help="A sandbox's party, by id: takes address, token and key.")
    @click.option(
        "--ready", "ready_file", default=DEFAULT_READY, envvar="CONGVAN_READY", show_default=True, help="Ready file."
    )
    @wraps(command)
    def wrapped(
        *args: Any, url: str | None, token: str | None, who: str | None, ready_file: str, **options: Any
    ) -> Any:
        return command(*args, caller=_caller(url, token, who, Path(ready_file)), **options)

    return wrapped


def key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --p12, --password, --key and --cert."""
    for option in (
        click.option("--p12", type=click.Path(exists=True, dir_okay=False), help="Key and certificate as PKCS#12."),
        click.option("--password", envvar="CONGVAN_PASSWORD", help="Its password; better in the environment."),
        click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Private key in PEM."),
        click.option("--cert", type=click.Path(exists=True, dir_okay=False), help="Certificate in PEM."),
    ):
        command = option(command)
    return command


def run_async(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run an async command."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        return uvloop.run(command(*args, **kwargs))

    return wrapped


def _caller(url: str | None, token: str | None, who: str | None, file: Path) -> Caller:
    known = _ready(file) if file.exists() and (who or not url) else None
    party = known.party(who) if known and who else None
    if who and party is None:
        raise Refused(NO_CALLER, f"There is no party {who} in {file}")
    return Caller(
        url=url or (known.url if known else ""),
        token=token or (party.token if party else ""),
        sandbox=known,
        party=party,
    )


def _ready(file: Path) -> ready.Ready:
    try:
        return ready.read(file)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(NO_CALLER, f"{file} is not a ready file that can be read") from None
