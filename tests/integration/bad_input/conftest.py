"""What the tests of bad input share: a maker of good letters that are then spoiled, and of certificates that are not right."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from envelopes.edxml import Letter, build
from envelopes.signature.sign import sign
from exchange.config import Home
from exchange.core.model import PartyStatus
from exchange.founding import authority_of
from exchange.sandbox import ready
from exchange.server import serve
from exchange.wiring import open_exchange
from trust_store.certificate import load
from trust_store.enrol import create_authority
from trust_store.evidence import Revocation
from trust_store.keys import HeldKey

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Make what is wrong in one point, for a hub that runs."""

    hub: Any

    def letter(self, **more: Any) -> Letter:
        return self.hub.letter(self.hub.lam_son, self.hub.environment, **more)

    def signed(self, letter: Letter | None = None, key: HeldKey | None = None) -> bytes:
        return sign(build(letter or self.letter()), key or self.hub.key(self.hub.lam_son))

    def written(self, change: Callable[[bytes], bytes]) -> bytes:
        """Sign a letter that was changed before."""
        return sign(change(build(self.letter())), self.hub.key(self.hub.lam_son))

    def spoiled(self, *changes: tuple[bytes, bytes]) -> bytes:
        """Change a letter that was signed before."""
        data = self.signed()
        for old, new in changes:
            assert old in data
            data = data.replace(old, new, 1)
        return data

    def certified(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        tax_code: str = "",
        bits: int = 0,
        authority: HeldKey | None = None,
    ) -> HeldKey:
        """Issue a certificate in the sender's name; the hub's authority does it unless told."""
        key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        issuer = authority or authority_of(Home(self.hub.folder))
        code = f"MST:{tax_code or self.hub.lam_son}"
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, "Lam Sơn"), x509.NameAttribute(NameOID.USER_ID, code)]
        )
        usages = dict.fromkeys(
            ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
        )
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=True, encipher_only=False, decipher_only=False, **usages
        )
        aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private_key.public_key())
        builder = x509.CertificateBuilder().subject_name(name).public_key(key.public_key())
        builder = builder.issuer_name(issuer.certificate.x509.subject).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(start or now() - HOUR).not_valid_after(end or now() + 24 * HOUR)
        builder = builder.add_extension(usage, critical=True).add_extension(aki, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        certificate = builder.sign(issuer.private_key, hashes.SHA256())
        return HeldKey(certificate=load(certificate.public_bytes(Encoding.DER)), private_key=key)

    def stranger(self) -> HeldKey:
        """Make an authority that nobody trusts."""
        return create_authority("Nobody's CA", serial=1, at=now() - HOUR, years=1)

    async def revoke(self, key: HeldKey) -> HeldKey:
        why = Revocation(signed_part=key.certificate.signed_part, at=datetime.now(UTC), why="lộ khóa")
        await self.hub.exchange.trust.revoke(why)
        return key

    async def suspend(self, code: str) -> str:
        party = await self.hub.party(code)
        await self.hub.exchange.registry.put(dataclasses.replace(party, status=PartyStatus.SUSPENDED))
        return code

    def blobs(self) -> set[str]:
        return {str(path) for path in (self.hub.folder / "blobs").rglob("*") if path.is_file()}


@pytest.fixture
def workshop(hub):
    return Workshop(hub=hub)


class Settable:
    """Tell the time of this machine, set by hand."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Hold a running hub with a clock that can be set; it is two hours ahead at first, after all its certificates began."""

    exchange: Any
    url: str
    session: aiohttp.ClientSession
    clock: Settable
    record: ready.Ready
    folder: Path

    async def ask(self, method: str, path: str, *, by: str = "", token: str = "", **more: Any) -> tuple[int, Any]:
        listed = self.record.party(by)
        shown = token or (listed.token if listed else "")
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        async with self.session.request(method, self.url + path, headers=headers, **more) as response:
            data = await response.read()
            return response.status, json.loads(data) if "json" in response.content_type else data


@pytest.fixture
async def timed(sandbox_template, tmp_path):
    folder, clock = tmp_path / "timed", Settable(2 * HOUR)
    shutil.copytree(sandbox_template, folder)
    async with AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(Home(folder), clock=clock))
        url = await stack.enter_async_context(serve(exchange, "127.0.0.1", 0))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        record = ready.read(folder / ready.FILE)
        yield Timed(exchange=exchange, url=url, session=session, clock=clock, record=record, folder=folder)
