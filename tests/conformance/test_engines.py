"""What we sign, others accept; what others sign, we accept: xmlsec1, python-xmlsec, the JDK and signxml."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from signxml import CanonicalizationMethod, XMLSigner, XMLVerifier

from envelopes.drafting import draft_letter, draft_status
from envelopes.edxml import Organ, StatusCode, build, parse
from envelopes.opened import VIETNAM, open_signed
from envelopes.signature.classify import SignatureClass
from envelopes.signature.sign import sign
from trust_store.enrol import Holder, create_authority, enrol, new_key, new_rsa_key
from trust_store.identity import PartyKind
from trust_store.keys import HeldKey, PrivateKey, write_certificates, write_key

AT = datetime(2026, 11, 1, tzinfo=UTC)
DS = "{http://www.w3.org/2000/09/xmldsig#}"
QCVN = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"
ENGINES = Path(__file__).parent / "engines"


def _p384() -> PrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


@pytest.fixture(scope="module", params=[new_key, _p384, new_rsa_key], ids=["p256", "p384", "rsa3072"])
def key(request: pytest.FixtureRequest) -> HeldKey:
    generate: Callable[[], PrivateKey] = request.param
    authority = create_authority("Test CA", serial=1, at=AT, years=5)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code="2899000016")
    return enrol(authority, holder, serial=2, at=AT, days=365, generate=generate)


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    letter = draft_letter(
        sender=Organ(organ_id="2899000016", name="Công ty A & B <1>"),
        receivers=[Organ(organ_id="000.00.00.H56"), Organ(organ_id="000.00.12.H56")],
        number="1",
        notation="CV-A",
        subject="Dòng một\nDòng hai: “ngoặc kép”, <thẻ>, & và \u00a0",
        at=datetime(2026, 11, 23, 9, tzinfo=VIETNAM),
        files=[("a.pdf", b"%PDF-1.4\n" + bytes(range(256))), ("b.txt", "văn bản".encode())],
    )
    return build(letter)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, key: HeldKey) -> Path:
    made = tmp_path_factory.mktemp("engines")
    (made / "key.pem").write_bytes(write_key(key))
    (made / "cert.pem").write_bytes(key.certificate.pem)
    (made / "chain.pem").write_bytes(write_certificates(key))
    (made / "ca.pem").write_bytes(key.chain[-1].pem)
    return made


@pytest.fixture(scope="module")
def letter(folder: Path, unsigned: bytes, key: HeldKey) -> Path:
    path = folder / "letter.edxml"
    path.write_bytes(sign(unsigned, key))
    return path


@pytest.fixture(scope="module")
def tampered(folder: Path, letter: Path) -> Path:
    path = folder / "tampered.edxml"
    path.write_bytes(letter.read_bytes().replace("Dòng một".encode(), "Dòng khác".encode()))
    return path


def _xmlsec1(letter: Path, folder: Path) -> bool:
    command = ["xmlsec1", "--verify", "--enabled-key-data", "x509", "--trusted-pem", str(folder / "ca.pem")]
    command += ["--verification-time", "2026-11-23 00:00:00", str(letter)]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    return done.returncode == 0


@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed: 3 cases left out")
def test_xmlsec1_accepts_our_letter(letter: Path, tampered: Path, folder: Path) -> None:
    assert _xmlsec1(letter, folder)
    assert not _xmlsec1(tampered, folder)


@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no JDK: 3 cases left out")
def test_the_jdk_accepts_our_letter(letter: Path, tampered: Path, folder: Path) -> None:
    command = ["java", str(ENGINES / "Verify.java"), str(folder / "cert.pem"), str(letter), str(tampered)]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False, text=True)
    assert done.stdout.split() == ["true", "false"], done.stderr


def test_python_xmlsec_accepts_our_letter(letter: Path, tampered: Path, folder: Path) -> None:
    def check(path: Path) -> None:
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(str(folder / "cert.pem"), xmlsec.constants.KeyDataFormatCertPem)
        context.verify(next(etree.parse(path).iter(DS + "Signature")))

    check(letter)
    with pytest.raises(xmlsec.VerificationError):
        check(tampered)


def test_signxml_accepts_our_letter(letter: Path, folder: Path) -> None:
    certificate = (folder / "cert.pem").read_text()
    result = XMLVerifier().verify(letter.read_bytes(), x509_cert=certificate, id_attribute="Id")
    assert result.signed_xml is not None
    assert result.signed_xml.tag == QCVN + "edXML"


def _header(data: bytes) -> tuple[etree._Element, etree._Element]:
    root = etree.fromstring(data)
    return root, next(root.iter(QCVN + "edXMLHeader"))


def test_we_accept_a_letter_signed_by_xmlsec(unsigned: bytes, folder: Path, key: HeldKey) -> None:
    root, header = _header(unsigned)
    rsa = type(key.private_key).__name__.startswith("RSA")
    method = xmlsec.constants.TransformRsaSha256 if rsa else xmlsec.constants.TransformEcdsaSha256
    template = xmlsec.template.create(root, xmlsec.constants.TransformInclC14N, method, ns="ds")
    header.append(template)
    reference = xmlsec.template.add_reference(template, xmlsec.constants.TransformSha256, uri="")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(template))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(folder / "key.pem"), xmlsec.constants.KeyDataFormatPem)
    context.key.load_cert_from_file(str(folder / "cert.pem"), xmlsec.constants.KeyDataFormatCertPem)
    context.sign(template)

    opened = open_signed(etree.tostring(root, encoding="UTF-8", xml_declaration=True))

    assert opened.refusal is None
    assert opened.signature_class is SignatureClass.VALID
    assert opened.chain[0].fingerprint == key.certificate.fingerprint


@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed: 3 cases left out")
def test_we_accept_a_letter_signed_by_xmlsec1(unsigned: bytes, folder: Path, key: HeldKey) -> None:
    root, header = _header(unsigned)
    rsa = type(key.private_key).__name__.startswith("RSA")
    method = xmlsec.constants.TransformRsaSha256 if rsa else xmlsec.constants.TransformEcdsaSha256
    template = xmlsec.template.create(root, xmlsec.constants.TransformExclC14N, method, ns="ds")
    header.append(template)
    reference = xmlsec.template.add_reference(template, xmlsec.constants.TransformSha256, uri="")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformInclC14N)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(template))
    (folder / "template.xml").write_bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
    keys = f"{folder / 'key.pem'},{folder / 'cert.pem'}"
    command = ["xmlsec1", "--sign", "--privkey-pem", keys, "--output", str(folder / "by-xmlsec1.xml")]
    subprocess.run([*command, str(folder / "template.xml")], check=True, capture_output=True, timeout=30)

    opened = open_signed((folder / "by-xmlsec1.xml").read_bytes())

    assert opened.refusal is None
    assert opened.chain[0].fingerprint == key.certificate.fingerprint


def test_we_accept_a_letter_signed_by_signxml(unsigned: bytes, key: HeldKey) -> None:
    root, header = _header(unsigned)
    etree.SubElement(header, DS + "Signature", {"Id": "placeholder"}, nsmap={"ds": DS[1:-1]})
    bits = {"secp384r1": "384"}.get(getattr(getattr(key.private_key, "curve", None), "name", ""), "256")
    kind = "rsa" if type(key.private_key).__name__.startswith("RSA") else "ecdsa"
    signer = XMLSigner(
        signature_algorithm=f"{kind}-sha{bits}",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(root, key=key.private_key, cert=[key.certificate.x509])

    opened = open_signed(etree.tostring(signed, encoding="UTF-8", xml_declaration=True))

    assert opened.refusal is None


def test_a_signed_status_notice_is_accepted_by_us_and_xmlsec(unsigned: bytes, folder: Path, key: HeldKey) -> None:
    about = parse(etree.fromstring(unsigned))
    notice = draft_status(
        sender=Organ(organ_id="000.00.12.H56"), letter=about, code=StatusCode.ACCEPTED, at=datetime.now(VIETNAM)
    )
    data = sign(build(notice), key)

    assert open_signed(data).signature_class is SignatureClass.VALID
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(folder / "cert.pem"), xmlsec.constants.KeyDataFormatCertPem)
    context.verify(next(etree.fromstring(data).iter(DS + "Signature")))
