"""Over TLS a party may show a certificate: registered, in force, not revoked, and of the same party as its token."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from exchange.config import Home
from exchange.core.enrolling import draw_serial
from exchange.core.model import PartyId, PartyStatus
from exchange.enrolment import register
from exchange.founding import authority_of, save_key
from exchange.machine import SystemEntropy
from exchange.net.tls import TlsFiles, build_context
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from trust_store.certificate import load
from trust_store.enrol import Holder, enrol
from trust_store.errors import Refused
from trust_store.evidence import Revocation
from trust_store.identity import PartyKind
from trust_store.keys import HeldKey

WHOAMI = b"GET /v1/whoami HTTP/1.1\r\nHost: hub\r\n"


@pytest.fixture(scope="session")
def secured(sandbox_template, tmp_path_factory) -> Path:
    """A sandbox with a server certificate for 127.0.0.1 beside its settings."""
    folder = tmp_path_factory.mktemp("secured") / "hub"
    shutil.copytree(sandbox_template, folder)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    save_key(folder / "server", HeldKey(certificate=load(_der(builder.sign(key, hashes.SHA256()))), private_key=key))
    return folder


@pytest.fixture
async def hub(secured, limited):
    files = {"tls_cert": "server.cert.pem", "tls_key": "server.key.pem", "client_ca": "trust-anchor.pem"}
    served = await replace(limited, template=secured)(**files, header_seconds=1)
    assert served.url.startswith("https://")
    return served


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _trusting(hub, stem: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=hub.folder / "server.cert.pem")
    if stem is not None:
        context.load_cert_chain(f"{stem}.cert.pem", f"{stem}.key.pem")
    return context


def _issue(hub, name: str, *, start: timedelta = -timedelta(days=1), days: int = 30) -> tuple[Path, HeldKey]:
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name=name, organisation=name, code=LAM_SON)
    authority, serial = authority_of(Home(hub.folder)), draw_serial(SystemEntropy())
    at = (datetime.now(UTC) + start).replace(microsecond=0)
    key = enrol(authority, holder, serial=serial, at=at, days=days)
    save_key(hub.folder / name, key)
    return hub.folder / name, key


async def _ask(hub, stem: Path | None, token: str = ""):
    line = await hub.line(_trusting(hub, stem))
    line.send(WHOAMI + (f"Authorization: Bearer {token}\r\n" if token else "").encode() + b"\r\n")
    return await line.answer()


def _party(hub, code: str) -> Path:
    return hub.folder / "parties" / code


async def _know(hub, key: HeldKey) -> None:
    party = await hub.exchange.hub.store.directory.get(PartyId(LAM_SON))
    await register(hub.exchange, party, key.certificate)


async def test_a_registered_certificate_is_enough(hub) -> None:
    for code in (LAM_SON, ENVIRONMENT):
        answer = await _ask(hub, _party(hub, code))
        assert answer.status == 200
        assert f'"id":"{code}"'.encode() in answer.body


async def test_a_token_is_enough_and_nothing_is_not(hub) -> None:
    assert (await _ask(hub, None, hub.token())).status == 200
    answer = await _ask(hub, None)
    assert (answer.status, answer.code) == (401, "unauthenticated")


async def test_token_and_certificate_must_name_the_same_party(hub) -> None:
    assert (await _ask(hub, _party(hub, LAM_SON), hub.token(LAM_SON))).status == 200
    differ = await _ask(hub, _party(hub, LAM_SON), hub.token(ENVIRONMENT))
    assert (differ.status, differ.code) == (401, "credentials-differ")
    bad = await _ask(hub, _party(hub, LAM_SON), "cv_wrong")
    assert (bad.status, bad.code) == (401, "unauthenticated")


async def test_an_unregistered_certificate_opens_nothing_even_with_a_token(hub) -> None:
    stem, _ = _issue(hub, "stranger")
    for token in ("", hub.token()):
        answer = await _ask(hub, stem, token)
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert b"registered for no party" in answer.body


@pytest.mark.parametrize(("start", "days"), [(-timedelta(days=40), 30), (timedelta(days=1), 30)])
async def test_a_certificate_that_is_not_in_force_opens_nothing(hub, start, days) -> None:
    stem, key = _issue(hub, "late", start=start, days=days)
    await _know(hub, key)
    answer = await _ask(hub, stem)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert b"in force from" in answer.body


async def test_a_revocation_counts_at_once_also_on_an_open_connection(hub) -> None:
    stem, key = _issue(hub, "lost")
    await _know(hub, key)
    line = await hub.line(_trusting(hub, stem))
    line.send(WHOAMI + b"\r\n")
    assert (await line.answer()).status == 200
    revocation = Revocation(signed_part=key.certificate.signed_part, at=datetime.now(UTC), why="the card was lost")
    await hub.exchange.trust.revoke(revocation)
    line.send(WHOAMI + b"\r\n")
    answer = await line.answer()
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert b"the card was lost" in answer.body


async def test_a_suspended_party_is_refused_by_its_certificate(hub) -> None:
    party = await hub.exchange.hub.store.directory.get(PartyId(LAM_SON))
    await hub.exchange.registry.put(replace(party, status=PartyStatus.SUSPENDED))
    answer = await _ask(hub, _party(hub, LAM_SON))
    assert (answer.status, answer.code) == (403, "party-suspended")


async def test_a_certificate_of_another_authority_does_not_get_through_the_handshake(hub) -> None:
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        answer = await _ask(hub, hub.folder / "server")
        assert answer.status == 0
    assert (await _ask(hub, None, hub.token())).status == 200


async def test_old_versions_are_not_spoken(hub) -> None:
    context = _trusting(hub)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await hub.line(context)


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00", WHOAMI + b"\r\n"])
async def test_a_handshake_that_stalls_is_cut(hub, said) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(said)
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            await reader.read()
    writer.close()
    assert (await _ask(hub, None, hub.token())).status == 200


async def test_handshakes_count_as_connections(secured, limited) -> None:
    files = {"tls_cert": "server.cert.pem", "tls_key": "server.key.pem"}
    hub = await replace(limited, template=secured)(**files, connections_per_address=2, header_seconds=5)
    stalled = [socket.create_connection(("127.0.0.1", hub.port)) for _ in range(2)]
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await hub.line(_trusting(hub))
    for connection in stalled:
        connection.close()


def test_files_that_do_not_fit_are_refused(secured, tmp_path) -> None:
    cert, key = secured / "server.cert.pem", secured / "server.key.pem"
    other = secured / "keys" / "hub.key.pem"
    for files in (
        TlsFiles(cert=cert, key=other),
        TlsFiles(cert=tmp_path / "none", key=key),
        TlsFiles(cert=key, key=key),
        TlsFiles(cert=cert, key=key, client_ca=key),
        TlsFiles(cert=cert, key=key, client_ca=tmp_path),
    ):
        with pytest.raises(Refused) as refusal:
            build_context(files)
        assert refusal.value.reason.code == "tls-unusable"
