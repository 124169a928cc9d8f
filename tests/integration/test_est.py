"""EST (RFC 7030) over TLS, as its clients speak it: keys and requests by openssl, HTTP by curl, answers read by openssl."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7
from cryptography.x509.oid import NameOID

from exchange.auth import codes, tokens
from exchange.config import Home
from exchange.core.access import MAY_HAVE
from exchange.core.applications import ApplicationState
from exchange.core.enrolling import draw_serial
from exchange.core.model import PartyId
from exchange.founding import authority_of, save_key
from exchange.net.tls import TlsFiles
from exchange.running import Exchange
from exchange.sandbox.province import HAM_RONG, LAM_SON
from exchange.server import serve
from exchange.wiring import open_exchange
from trust_store.certificate import load
from trust_store.enrol import Holder, enrol, new_key
from trust_store.enrol_request import make_request
from trust_store.identity import PartyKind
from trust_store.keys import HeldKey

TOOLS = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is not installed: 4 cases left out"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Est:
    """Drive a hub over TLS as a system does that knows EST and nothing else of it."""

    url: str
    folder: Path
    exchange: Exchange

    async def run(self, *command: object, data: bytes | None = None) -> bytes:
        """Run a program that must succeed."""
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, errors = await asyncio.wait_for(process.communicate(data), 30)
        assert process.returncode == 0, (command, said, errors)
        return said

    async def curl(self, operation: str, *options: object) -> tuple[int, str, bytes]:
        """Ask by curl; give status, head and body."""
        head = self.folder / "head"
        body = await self.run(
            *("curl", "--silent", "--show-error", "--cacert", self.folder / "server.cert.pem", "--dump-header", head),
            *(*options, f"{self.url}/.well-known/est/{operation}"),
        )
        text = head.read_text()
        return int(text.split()[1]), text.lower(), body

    async def post(self, operation: str, request: Path, *options: object) -> tuple[int, str, bytes]:
        sent = ("--header", "Content-Type: application/pkcs10", "--data-binary", f"@{request}")
        return await self.curl(operation, *sent, *options)

    async def made(self, name: str, subject: str) -> Path:
        """Make a key and a request by openssl, in base64 as EST has it."""
        key, request = self.folder / f"{name}.pem", self.folder / f"{name}.p10"
        await self.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        der = await self.run("openssl", "req", "-new", "-key", key, "-subj", subject, "-outform", "DER")
        request.write_bytes(base64.encodebytes(der))
        return request

    async def read(self, body: bytes) -> bytes:
        """Read the certificates of an answer by openssl."""
        der = base64.b64decode(body)
        return await self.run("openssl", "pkcs7", "-inform", "DER", "-print_certs", data=der)

    async def code(self, party: str = LAM_SON) -> str:
        exchange = self.exchange
        return (
            await codes.give(
                exchange.hub.store.enrolments, exchange.entropy, exchange.author(), PartyId(party), timedelta(hours=1)
            )
        )[0]

    async def approve(self) -> None:
        enrolment = self.exchange.hub.enrolment
        for waiting in await enrolment.store.enrolments.page(ApplicationState.PENDING, "", 10):
            await enrolment.approve(waiting.id, "somebody", self.exchange.author())

    async def ask(self, method: str, operation: str, **options) -> tuple[int, aiohttp.typedefs.LooseHeaders, bytes]:
        """Ask by the client of this product."""
        context = ssl.create_default_context(cafile=self.folder / "server.cert.pem")
        url = f"{self.url}/.well-known/est/{operation}"
        async with aiohttp.ClientSession() as session, session.request(method, url, ssl=context, **options) as response:
            return response.status, response.headers, await response.read()

    async def enrol(self, body: bytes, secret: str = "", name: str = LAM_SON, kind: str = "application/pkcs10"):
        auth = {"Authorization": aiohttp.encode_basic_auth(name, secret)} if secret else {}
        return await self.ask("POST", "simpleenroll", data=body, headers={"Content-Type": kind, **auth})


@pytest.fixture
async def est(sandbox_template, tmp_path) -> AsyncIterator[Est]:
    folder = tmp_path / "hub"
    shutil.copytree(sandbox_template, folder)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    made = load(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    save_key(folder / "server", HeldKey(certificate=made, private_key=key))
    tls = TlsFiles(
        cert=folder / "server.cert.pem", key=folder / "server.key.pem", client_ca=folder / "trust-anchor.pem"
    )
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(Home(folder)))
        url = await stack.enter_async_context(serve(exchange, "127.0.0.1", 0, tls))
        yield Est(url=url, folder=folder, exchange=exchange)


@TOOLS
async def test_cacerts_are_the_authority_as_openssl_reads_it(est) -> None:
    status, head, body = await est.curl("cacerts")
    assert (status, "content-type: application/pkcs7-mime" in head) == (200, True)
    assert "content-transfer-encoding: base64" in head
    (found,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    assert load(found.public_bytes(Encoding.DER)).pem == (est.folder / "trust-anchor.pem").read_bytes()
    assert b"subject=CN" in await est.read(body)


@TOOLS
async def test_csrattrs_are_der_that_openssl_reads(est) -> None:
    status, head, body = await est.curl("csrattrs")
    assert (status, "content-type: application/csrattrs" in head) == (200, True)
    shown = await est.run("openssl", "asn1parse", "-inform", "DER", data=base64.b64decode(body))
    assert [name in shown for name in (b"id-ecPublicKey", b"prime256v1", b"ecdsa-with-SHA256")] == [True] * 3


@TOOLS
async def test_a_system_enrols_with_a_code_and_renews_itself_with_its_certificate(est) -> None:
    request = await est.made("first", f"/UID=MST:{LAM_SON}/CN=QLVB")
    user = ("--user", f"{LAM_SON}:{await est.code()}")
    for _ in range(2):
        status, head, body = await est.post("simpleenroll", request, *user)
        assert (status, "retry-after: 60" in head) == (202, True)
        assert b"waits for approval" in body
    await est.approve()
    status, head, body = await est.post("simpleenroll", request, *user)
    assert (status, "content-type: application/pkcs7-mime; smime-type=certs-only" in head) == (200, True)
    printed = await est.read(body)
    assert printed.count(b"BEGIN CERTIFICATE") == 1
    (est.folder / "first.crt").write_bytes(printed)
    checked = await est.run("openssl", "verify", "-CAfile", est.folder / "trust-anchor.pem", est.folder / "first.crt")
    assert checked.strip().endswith(b"OK")

    again = await est.made("second", f"/CN={LAM_SON}")
    shown = ("--cert", est.folder / "first.crt", "--key", est.folder / "first.pem")
    status, _, body = await est.post("simplereenroll", again, *shown)
    assert status == 200
    renewed = await est.read(body)
    assert renewed != printed
    known = await est.exchange.hub.store.registry.certificates(PartyId(LAM_SON))
    assert len(known) == 3
    (est.folder / "second.crt").write_bytes(renewed)
    next_one = ("--cert", est.folder / "second.crt", "--key", est.folder / "second.pem")
    status, _, body = await est.post("simplereenroll", await est.made("third", f"/CN={LAM_SON}"), *next_one)
    assert status == 200


@TOOLS
async def test_a_refused_system_is_told_in_words(est) -> None:
    request = await est.made("first", f"/CN={LAM_SON}")
    user = ("--user", f"{LAM_SON}:{await est.code()}")
    await est.post("simpleenroll", request, *user)
    enrolment = est.exchange.hub.enrolment
    (waiting,) = await enrolment.store.enrolments.of_party(PartyId(LAM_SON))
    await enrolment.refuse(waiting.id, "p", "Không ai xác nhận", est.exchange.author())
    status, head, body = await est.post("simpleenroll", request, *user)
    assert (status, "content-type: text/plain" in head) == (409, True)
    assert body.startswith(b"application-closed: ")
    assert "Không ai xác nhận".encode() in body
    foreign = await est.made("other", f"/UID=MST:{HAM_RONG}")
    status, _, body = await est.post("simpleenroll", foreign, "--user", f"{LAM_SON}:{await est.code()}")
    assert (status, body.split(b":")[0]) == (400, b"csr-subject")


async def test_who_is_not_known_gets_nothing(est) -> None:
    body = base64.b64encode(x509.load_pem_x509_csr(make_request(new_key(), LAM_SON, "")).public_bytes(Encoding.DER))
    usual = (await est.exchange.hub.store.tokens.all(PartyId(LAM_SON)))[0]
    assert "enrol" not in usual.scopes
    tries = {
        "nothing": ("", LAM_SON),
        "a made-up code": ("ce_" + "a" * 32, LAM_SON),
        "a code of another party": (await est.code(HAM_RONG), LAM_SON),
        "a name of another party": (await est.code(), HAM_RONG),
    }
    for what, (secret, name) in tries.items():
        status, headers, said = await est.enrol(body, secret, name)
        assert (status, said.split(b":")[0]) == (401, b"unauthenticated"), what
        assert headers["WWW-Authenticate"].startswith("Basic ")
    for header in ("Basic", "Basic !!!", "Basic " + base64.b64encode(b"no-colon").decode(), "Bearer x"):
        status, _, _ = await est.ask("POST", "simpleenroll", data=body, headers={"Authorization": header})
        assert status == 401, header
    assert await est.exchange.hub.store.enrolments.of_party(PartyId(LAM_SON)) == []


async def test_a_token_enrols_when_it_has_the_scope(est) -> None:
    body = base64.b64encode(x509.load_pem_x509_csr(make_request(new_key(), LAM_SON, "")).public_bytes(Encoding.DER))
    exchange = est.exchange
    secrets = {}
    for scopes in (frozenset({"send"}), MAY_HAVE):
        secrets[len(scopes)], _ = await tokens.issue(
            exchange.tokens, exchange.entropy, exchange.author(), party=PartyId(LAM_SON), label="x", scopes=scopes
        )
    status, _, said = await est.enrol(body, secrets[1])
    assert (status, said.split(b":")[0]) == (403, b"forbidden")
    assert (await est.enrol(body, secrets[4]))[0] == 202
    status, _, said = await est.ask(
        "POST",
        "simplereenroll",
        data=body,
        headers={"Authorization": aiohttp.encode_basic_auth(LAM_SON, secrets[4]), "Content-Type": "application/pkcs10"},
    )
    assert (status, said.split(b":")[0]) == (403, b"application-renewal")


async def test_what_is_no_request_is_refused_with_a_status_and_a_text(est) -> None:
    good = base64.b64encode(x509.load_pem_x509_csr(make_request(new_key(), LAM_SON, "")).public_bytes(Encoding.DER))
    for kind, body, status, code in (
        ("application/json", good, 400, b"request-malformed"),
        ("application/pkcs10", b"", 400, b"csr-malformed"),
        ("application/pkcs10", b"\xff\x00" * 40, 400, b"csr-malformed"),
        ("application/pkcs10", b"AAAA", 400, b"csr-malformed"),
        ("application/pkcs10", good + b"!", 400, b"csr-malformed"),
        ("application/pkcs10", b"A" * 40_000, 413, b"request-too-large"),
    ):
        answered, headers, said = await est.enrol(body, await est.code(), kind=kind)
        assert (answered, said.split(b":")[0]) == (status, code)
        assert headers["Content-Type"].startswith("text/plain")


async def test_a_certificate_that_has_ended_renews_nothing(est) -> None:
    exchange, at = est.exchange, datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="x", organisation="x", code=LAM_SON)
    old = enrol(authority_of(Home(est.folder)), holder, serial=draw_serial(exchange.entropy), at=at, days=30)
    await exchange.registry.add_certificate(PartyId(LAM_SON), old.certificate, at, exchange.author())
    save_key(est.folder / "old", old)
    context = ssl.create_default_context(cafile=est.folder / "server.cert.pem")
    context.load_cert_chain(est.folder / "old.cert.pem", est.folder / "old.key.pem")
    key = load_pem_private_key((est.folder / "old.key.pem").read_bytes(), None)
    request = make_request(key, LAM_SON, "")  # type: ignore[arg-type]
    body = base64.b64encode(x509.load_pem_x509_csr(request).public_bytes(Encoding.DER))
    url, headers = f"{est.url}/.well-known/est/simplereenroll", {"Content-Type": "application/pkcs10"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, ssl=context, data=body, headers=headers) as response,
    ):
        assert response.status == 401


async def test_without_the_authority_s_key_what_was_issued_is_still_there(est) -> None:
    first, second = (
        base64.b64encode(x509.load_pem_x509_csr(make_request(new_key(), LAM_SON, "")).public_bytes(Encoding.DER))
        for _ in range(2)
    )
    code = await est.code()
    await est.enrol(first, code)
    await est.approve()
    (est.folder / "keys" / "authority.key.pem").unlink()
    assert (await est.enrol(first, code))[0] == 200
    assert (await est.ask("GET", "cacerts"))[0] == 200
    status, _, said = await est.enrol(second, await est.code())
    assert (status, said.split(b":")[0]) == (503, b"authority-missing")
    (est.folder / "keys" / "authority.cert.pem").unlink()
    status, _, said = await est.ask("GET", "cacerts")
    assert (status, said.split(b":")[0]) == (503, b"authority-missing")
