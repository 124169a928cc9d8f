"""Reading certificates: everything at once, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from trust_store.certificate import MAX_SIZE, load, load_many
from trust_store.errors import Refused


def test_what_a_certificate_says(world):
    certificate = world.leaf(x509.Name.from_rfc4514_string("CN=Ký số,O=Sở Nội vụ,C=VN"), purposes=("2.5.29.37.0",))
    assert certificate.subject == "CN=Ký số,O=Sở Nội vụ,C=VN"
    assert certificate.issuer == "CN=Issuing"
    assert (certificate.not_before, certificate.not_after) == (
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2044, 1, 1, tzinfo=UTC),
    )
    assert (certificate.key.algorithm, certificate.key.bits, certificate.digest) == ("EC P-256", 256, "SHA-256")
    assert certificate.usages == {"digitalSignature", "contentCommitment"}
    assert certificate.purposes == {"2.5.29.37.0"}
    assert not certificate.is_authority
    assert world.root.certificate.is_authority
    assert world.root.certificate.is_self_issued
    assert len(certificate.fingerprint) == 64


def test_der_and_pem_give_the_same_value(world):
    certificate = world.signer.certificate
    assert load(certificate.pem) == load(certificate.der) == certificate
    assert load(certificate.pem).der == certificate.der
    assert hash(load(certificate.pem)) == hash(certificate)
    assert certificate != world.root.certificate


def test_many_in_one_file_keep_their_order(world):
    both = (world.signer.certificate, world.root.certificate)
    assert load_many(b"".join(each.pem for each in both)) == both
    with pytest.raises(Refused, match="One certificate is expected, 2 are there"):
        load(b"".join(each.pem for each in both))


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"garbage",
        b"\x30\x80",
        b"\x30\x82\xff\xff" + bytes(100),
        bytes(MAX_SIZE + 1),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN",
    ],
)
def test_garbage_is_refused(garbage):
    with pytest.raises(Refused) as refusal:
        load(garbage)
    assert refusal.value.reason.code == "certificate-malformed"


def test_trailing_bytes_and_truncation_are_refused(world):
    der = world.signer.certificate.der
    for broken in (der + b"\0", der[:-1], der + der):
        with pytest.raises(Refused, match="are not an X"):
            load(broken)


def test_an_enormous_certificate_is_refused_in_either_form(world):
    filler = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(MAX_SIZE))
    with pytest.raises(Refused, match="are allowed"):
        world.leaf(extra=((filler, False),))
    big = _sized(MAX_SIZE)
    pem = b"-----BEGIN CERTIFICATE-----\n" + big + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(Refused):
        load(pem)


def _sized(size: int) -> bytes:
    import base64

    return base64.encodebytes(bytes(size + 1))


@pytest.mark.filterwarnings("ignore")  # else the library's own warning, made an error, would refuse it first
def test_a_serial_number_is_positive(world):
    der = world.signer.certificate.der
    serial = world.signer.certificate.serial
    assert serial < 128
    at = der.index(bytes([2, 1, serial]))
    for wrong in (0, 0xFF):
        with pytest.raises(Refused, match="certificate-malformed"):
            load(der[: at + 2] + bytes([wrong]) + der[at + 3 :])


def test_the_signature_of_the_issuer_fills_whole_octets(world):
    """The library takes unused bits that are zero: then there are two files of what the issuer signed once."""
    name = x509.Name.from_rfc4514_string("CN=A")
    der = next(each.der for each in iter(lambda: world.leaf(name), None) if each.der[-1] % 2 == 0)
    at = len(der) - len(x509.load_der_x509_certificate(der).signature) - 1
    other = der[:at] + b"\1" + der[at + 1 :]
    assert x509.load_der_x509_certificate(other).signature == der[at + 1 :]
    with pytest.raises(Refused) as caught:
        load(other)
    assert caught.value.reason.code == "certificate-malformed"


def test_an_extension_that_cannot_be_read_is_found_at_once(world):
    oid = x509.ObjectIdentifier("2.5.29.37")
    with pytest.raises(Refused, match="certificate-malformed"):
        world.leaf(extra=((x509.UnrecognizedExtension(oid, b"\x30\x03\x06\x05\x2a"), False),))


def test_the_same_extension_twice_is_refused(world):
    strange = x509.ObjectIdentifier("1.2.3.4.7"), x509.ObjectIdentifier("1.2.3.4.8")
    certificate = world.leaf(extra=tuple((x509.UnrecognizedExtension(each, b"\x05\x00"), False) for each in strange))
    seven, eight = bytes.fromhex("06042a030407"), bytes.fromhex("06042a030408")
    with pytest.raises(Refused, match="certificate-malformed"):
        load(certificate.der.replace(eight, seven))


def test_text_that_would_not_show_as_itself_is_replaced(world):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\u202eb\nc")])
    assert world.leaf(subject).subject == "CN=a\ufffdb\ufffdc"


def test_a_nameless_and_a_long_subject(world):
    assert world.leaf(x509.Name([])).subject == "(no name)"
    parts = [x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "x" * 60) for _ in range(10)]
    assert len(world.leaf(x509.Name(parts)).subject) == 300


def test_the_library_object_is_the_same_certificate(world):
    assert world.signer.certificate.x509.public_bytes(Encoding.DER) == world.signer.certificate.der
