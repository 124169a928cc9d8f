"""A real time-stamp authority for tests (RFC 3161): true tokens over HTTP, or wrong in any one way."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trust_store.certificate import Certificate, load
from trust_store.keys import HeldKey

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2044, 1, 1, tzinfo=UTC)
STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)


def make_certificate(
    subject: str,
    issuer: HeldKey | None = None,
    *,
    start: datetime = START,
    end: datetime = END,
    purposes: tuple[x509.ObjectIdentifier, ...] = (),
    critical: bool = True,
    serial: int | None = None,
) -> HeldKey:
    """Make an authority (no issuer and no purposes) or what it certifies."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    is_authority = not purposes and issuer is None
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    usage |= {"digital_signature": not is_authority, "content_commitment": not is_authority}
    usage |= {"key_cert_sign": is_authority, "crl_sign": is_authority}
    signer = issuer.private_key if issuer else key
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.x509.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
    certificate = load(builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER))
    chain = (issuer.certificate, *issuer.chain) if issuer else ()
    return HeldKey(certificate=certificate, private_key=key, chain=chain)


def make_list(issuer: HeldKey, at: datetime, *revoked: Certificate, until: datetime | None = None) -> bytes:
    """Make a revocation list of an authority as of a moment (DER)."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.x509.subject)
    builder = builder.last_update(at).next_update(until or at + timedelta(days=30))
    builder = builder.add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
    key = issuer.private_key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(at).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(kw_only=True)
class Stamper:
    """Answer requests as an authority does; `spoil` makes one thing wrong, by its name."""

    key: HeldKey
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    spoil: str = ""
    policy: str = "1.3.6.1.4.1.99999.1"
    serial: int = 0
    asked: int = 0
    kept: bytes = field(default=b"", repr=False)
    delay: float = 0.0

    def answer(self, request: bytes) -> bytes:
        """Answer one request (DER)."""
        self.asked += 1
        asked = tsp.TimeStampReq.load(request, strict=True)
        if self.spoil == "garbage":
            return b"<html>502 Bad Gateway</html>"
        if self.spoil == "denied":
            return _denied()
        if self.spoil == "replay" and self.kept:
            return self.kept
        given = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": self._token(asked)}).dump()
        self.kept = self.kept or given
        return given

    def stamp(self, algorithm: str, imprint: bytes) -> bytes:
        """Make a token (DER) over a digest, without a request."""
        hashed = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": imprint}
        return bytes(self._token(tsp.TimeStampReq({"version": "v1", "message_imprint": hashed})).dump())

    def stamp_octets(self, *octets: bytes) -> bytes:
        """Make a token (DER) over octets, by SHA-256."""
        return self.stamp("sha256", hashlib.sha256(b"".join(octets)).digest())

    def _token(self, asked: Any) -> cms.ContentInfo:
        content = self._content(asked)
        attributes = self._attributes(content)
        signer = {
            "version": "v1",
            "sid": cms.IssuerAndSerialNumber(
                {"issuer": _parsed(self.key).issuer, "serial_number": self.key.certificate.serial}
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": self._sign(attributes.dump()),
        }
        certificates = [each.der for each in (self.key.certificate, *self.key.chain)]
        if self.spoil == "unsorted":
            certificates.sort(reverse=True)
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
                "signer_infos": [signer],
            }
        )
        if self.spoil != "bare":
            signed["certificates"] = _unsorted(certificates) if self.spoil == "unsorted" else _sorted(certificates)
        return cms.ContentInfo({"content_type": "signed_data", "content": signed})

    def _content(self, asked: Any) -> bytes:
        imprint = asked["message_imprint"].copy()
        if self.spoil == "imprint":
            imprint["hashed_message"] = bytes(len(imprint["hashed_message"].native))
        self.serial += 1
        values: dict[str, Any] = {
            "version": "v1",
            "policy": "1.2.3.4" if self.spoil == "policy" else self.policy,
            "message_imprint": imprint,
            "serial_number": self.serial,
            "gen_time": core.GeneralizedTime(self.now()),
            "accuracy": {"seconds": 86_399_999_999_999 if self.spoil == "vague" else 1},
        }
        nonce = asked["nonce"].native
        if nonce is not None:
            values["nonce"] = nonce + 1 if self.spoil == "nonce" else nonce
        return bytes(tsp.TSTInfo(values).dump())

    def _attributes(self, content: bytes) -> cms.CMSAttributes:
        digest, certificate = hashlib.sha256(content).digest(), self.key.certificate.der
        if self.spoil == "digest":
            digest = bytes(32)
        named: tuple[str, Any] = (
            "signing_certificate_v2",
            tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(certificate).digest()}]}),
        )
        if self.spoil == "ess":
            named = (named[0], tsp.SigningCertificateV2({"certs": [{"cert_hash": bytes(32)}]}))
        if self.spoil == "sha1":
            named = (
                "signing_certificate",
                tsp.SigningCertificate({"certs": [{"cert_hash": hashlib.sha1(certificate).digest()}]}),
            )
        pairs = [("content_type", "tst_info"), ("message_digest", digest), named]
        return cms.CMSAttributes([cms.CMSAttribute({"type": kind, "values": [value]}) for kind, value in pairs])

    def _sign(self, octets: bytes) -> bytes:
        key = self.key.private_key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signed = key.sign(octets, ec.ECDSA(hashes.SHA256()))
        return signed[:-1] + bytes([signed[-1] ^ 1]) if self.spoil == "signature" else signed


def make_stamper(*, spoil: str = "", now: Callable[[], datetime] | None = None, **more: Any) -> tuple[HeldKey, Stamper]:
    """Make an authority over time-stamps and the one that stamps for it."""
    authority = make_certificate("Time CA")
    settings = {"purposes": STAMPING} | more
    return authority, Stamper(
        key=make_certificate("Time", authority, **settings), spoil=spoil, now=now or (lambda: datetime.now(UTC))
    )


@asynccontextmanager
async def serving(stamper: Stamper) -> AsyncIterator[str]:
    """Serve an authority over HTTP while the block runs; gives its address."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        if stamper.spoil == "silent":
            await asyncio.sleep(60)
        if stamper.delay:
            await asyncio.sleep(stamper.delay)
        if stamper.spoil == "500":
            raise web.HTTPInternalServerError
        if stamper.spoil == "huge":
            return web.Response(body=bytes(2_000_000), content_type="application/timestamp-reply")
        return web.Response(body=stamper.answer(body), content_type="application/timestamp-reply")

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


def again(stamper: Stamper, **changes: Any) -> Stamper:
    """Give the same authority with something changed."""
    return replace(stamper, **changes)


def _parsed(key: HeldKey) -> asn1.Certificate:
    return asn1.Certificate.load(key.certificate.der)


def _sorted(certificates: list[bytes]) -> cms.CertificateSet:
    return cms.CertificateSet(
        [cms.CertificateChoices("certificate", asn1.Certificate.load(der)) for der in certificates]
    )


def _unsorted(certificates: list[bytes]) -> cms.CertificateSet:
    """Write a SET in the order given, as openssl does; the library would sort it."""
    return cms.CertificateSet(contents=b"".join(certificates))


def _denied() -> bytes:
    status = tsp.PKIStatusInfo({"status": "rejection", "status_string": ["closed today"], "fail_info": {"bad_request"}})
    return bytes(core.Sequence.load(b"\x30" + _length(status.dump()) + status.dump()).dump())


def _length(octets: bytes) -> bytes:
    return bytes([len(octets)])


__all__ = ["Stamper", "again", "algos", "make_certificate", "make_list", "make_stamper", "serving"]
