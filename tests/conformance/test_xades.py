"""XAdES that we make passes the independent tools that can judge it, and XAdES that others make passes here.

The schemas are ETSI's own (they come with signxml). Imprints of time-stamps are computed here a second time, from the clauses,
by other code than the product's, and handed to openssl.
"""

from __future__ import annotations

import base64
import importlib.util
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import signxml
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from lxml import etree
from signxml.xades import XAdESSignatureConfiguration, XAdESSigner, XAdESVerifier

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.receipt import Actor, Event, Receipt, seal, state
from envelopes.signature import raising
from envelopes.signature.claims import Claims, SignaturePolicy
from envelopes.signature.lasting import Level, assess
from envelopes.signature.sign import sign
from envelopes.signature.unsigned import StampKind
from envelopes.signature.verify import place_of, verify
from envelopes.xml import parse
from exchange.verification import examine
from trust_store.certificate import load_many
from trust_store.evidence import Evidence
from trust_store.keys import HeldKey, write_key
from trust_store.policy import Policy

_SPEC = importlib.util.spec_from_file_location("stamping", Path(__file__).parents[1] / "stamping.py")
assert _SPEC is not None
assert _SPEC.loader is not None
stamping = sys.modules.setdefault("stamping", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(stamping)

NOW = datetime.now(UTC).replace(microsecond=0)
DS, X = "{http://www.w3.org/2000/09/xmldsig#}", "{http://uri.etsi.org/01903/v1.3.2#}"
X141, QCVN = "{http://uri.etsi.org/01903/v1.4.1#}", "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENGINES, VECTORS = Path(__file__).parent / "engines", Path(__file__).parents[1] / "vectors" / "xades"
SCHEMAS = Path(signxml.__file__).parent / "xades" / "schemas"
needs_xmlsec1 = pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed: 6 cases left out")
needs_jdk = pytest.mark.skipif(shutil.which("javac") is None, reason="there is no JDK: 3 cases left out")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: 7 cases left out")


def unsigned_letter() -> bytes:
    letter = draft_letter(
        sender=Organ(organ_id="2899000016", name="Công ty A & B <1>"),
        receivers=[Organ(organ_id="000.00.00.H56")],
        number="1",
        notation="CV-A",
        subject="Thời gian",
        at=NOW,
        files=[("a.pdf", b"%PDF-1.4")],
    )
    return build(letter)


class Scene:
    """The keys, and every document at every level."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = stamping.make_certificate("Documents CA")
        self.signer = stamping.make_certificate("A", self.authority, purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION,))
        self.time_authority, self.stamper = stamping.make_stamper()
        self.evidence = Evidence(anchors=(self.authority.certificate, self.time_authority.certificate))
        for name, key in (("ca", self.authority), ("time-ca", self.time_authority), ("cert", self.signer)):
            (folder / f"{name}.pem").write_bytes(key.certificate.pem)
        (folder / "ca.key").write_bytes(write_key(self.authority))
        (folder / "all.pem").write_bytes(self.authority.certificate.pem + self.time_authority.certificate.pem)
        self.answer = openssl_answer(folder, self.signer)
        claims = Claims(
            id="sig-1",
            at=NOW,
            role="Chánh văn phòng",
            policy=SignaturePolicy(oid="1.3.6.1.4.1.99999.7", digest=bytes(32)),
        )
        self.documents = {
            "letter": sign(unsigned_letter(), self.signer, claims=claims),
            "plain": sign(unsigned_letter(), self.signer),
            "receipt": seal(statement(), self.signer),
        }
        self.raised = {name: self.raise_fully(data) for name, data in self.documents.items()}

    def raise_fully(self, data: bytes) -> dict[str, bytes]:
        stamped = self.add(data, StampKind.SIGNATURE, raising.signature_octets(data))
        certificates = [each.certificate.der for each in (self.authority, self.stamper.key, self.time_authority)]
        lists = [stamping.make_list(self.time_authority, NOW - timedelta(minutes=1))]
        complete = raising.add(stamped, raising.write_values(certificates, lists, [self.answer]))
        archived = self.add(complete, StampKind.ARCHIVE, *raising.archive_octets(complete))
        more = raising.write_stamp_values([self.stamper.key.certificate.der], lists, [])
        renewed = raising.add(archived, more)
        renewed = self.add(renewed, StampKind.ARCHIVE, *raising.archive_octets(renewed))
        return {"B": data, "T": stamped, "LT": complete, "LTA": archived, "LTA2": renewed}

    def add(self, data: bytes, kind: StampKind, *octets: bytes) -> bytes:
        return raising.add(data, raising.write_stamp(kind, self.stamper.stamp_octets(*octets)))


def statement() -> bytes:
    hub, sender = Actor(code="000.00.99.H56", name="Trục"), Actor(code="2899000016", name="Công ty <A>")
    made = Receipt(
        id="K3" * 13,
        event=Event.CONTENT_HANDOVER,
        at=NOW,
        issuer=hub,
        sender=sender,
        receivers=(hub,),
        message_id="1",
        digest="ab" * 32,
        size=1,
        submitted_at=NOW,
    )
    return state(made)


def openssl_answer(folder: Path, signer: HeldKey) -> bytes:
    """Have openssl answer as the authority's OCSP responder that the signer's certificate is good."""
    ends = signer.certificate.not_after.strftime("%y%m%d%H%M%SZ")
    (folder / "index.txt").write_text(f"V\t{ends}\t\t{signer.certificate.serial:X}\tunknown\t/CN=A\n")
    run(folder, "ocsp", "-issuer", "ca.pem", "-cert", "cert.pem", "-reqout", "ocsp.request", "-no_nonce")
    answering = ("-index", "index.txt", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "30")
    run(folder, "ocsp", *answering, "-reqin", "ocsp.request", "-respout", "ocsp.answer")
    return (folder / "ocsp.answer").read_bytes()


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, timeout=30, check=False, text=True)
    assert done.returncode == 0, f"openssl {arguments[0]}: {done.stdout} {done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    assert shutil.which("openssl"), "these tests need openssl (make tools)"
    return Scene(tmp_path_factory.mktemp("xades"))


def each_document(*levels: str) -> pytest.MarkDecorator:
    names = [(name, level) for name in ("letter", "plain", "receipt") for level in levels]
    return pytest.mark.parametrize(("name", "level"), names, ids=[f"{name}-{level}" for name, level in names])


@needs_xmlsec1
@each_document("B", "LT", "LTA2")
def test_xmlsec1_accepts_the_signature_at_every_level(scene: Scene, name: str, level: str) -> None:
    path = scene.folder / "judged.xml"
    path.write_bytes(scene.raised[name][level])
    command = ["xmlsec1", "--verify", "--enabled-key-data", "x509", "--trusted-pem", str(scene.folder / "ca.pem")]
    command += ["--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties", str(path)]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False, text=True)
    assert done.returncode == 0, done.stderr


@needs_jdk
def test_the_jdk_accepts_the_signature_at_every_level(scene: Scene) -> None:
    paths = []
    for name, levels in scene.raised.items():
        for level, data in levels.items():
            paths.append(scene.folder / f"{name}-{level}.xml")
            paths[-1].write_bytes(data)
    command = ["java", str(ENGINES / "Verify.java"), str(scene.folder / "cert.pem"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False, text=True)
    assert done.stdout.split() == ["true"] * 15, done.stderr


@pytest.mark.parametrize("level", ["B", "T", "LT", "LTA2"])
def test_signxml_accepts_the_properties_and_their_schema(scene: Scene, level: str) -> None:
    certificate = (scene.folder / "cert.pem").read_text()
    for name in ("letter", "receipt"):
        found = XAdESVerifier().verify(
            scene.raised[name][level],
            x509_cert=certificate,
            expect_config=XAdESSignatureConfiguration(expect_references=2),
        )
        assert len(found) == 2


@each_document("B", "LTA2")
def test_the_properties_are_as_the_schemas_of_etsi_say(scene: Scene, name: str, level: str) -> None:
    document = etree.parse(SCHEMAS / "XAdES01903v141-201601.xsd")
    for imported in document.iter("{http://www.w3.org/2001/XMLSchema}import"):
        imported.set("schemaLocation", (SCHEMAS / imported.get("schemaLocation", "")).resolve().as_uri())
    schema = etree.XMLSchema(document)
    root = etree.fromstring(scene.raised[name][level])
    for qualifying in root.iter(X + "QualifyingProperties"):
        schema.assertValid(etree.fromstring(etree.tostring(qualifying, with_tail=False)))


def canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def imprints(data: bytes) -> list[tuple[bytes, bytes]]:
    """Give each time-stamp token with the octets that it must be over, computed from clauses 5.3 and 5.5.2.2."""
    root = etree.fromstring(data)
    signature = next(root.iter(DS + "Signature"))
    content = etree.fromstring(data)
    bare = next(content.iter(DS + "Signature"))
    before, parent = bare.getprevious(), bare.getparent()
    assert parent is not None
    if before is not None:
        before.tail = (before.tail or "") + (bare.tail or "")
    parent.remove(bare)
    referenced = canonical(content) + b"".join(canonical(each) for each in root.iter(X + "SignedProperties"))
    own = b"".join(canonical(signature.find(DS + tag)) for tag in ("SignedInfo", "SignatureValue", "KeyInfo"))
    found, behind = [], b""
    for each in next(root.iter(X + "UnsignedSignatureProperties")):
        octets = {
            X + "SignatureTimeStamp": canonical(signature.find(DS + "SignatureValue")),
            X141 + "ArchiveTimeStamp": referenced + own + behind,
        }.get(each.tag)
        if octets is not None:
            found.append((base64.b64decode(each.findtext(X + "EncapsulatedTimeStamp")), octets))
        behind += canonical(each)
    return found


@needs_openssl
@each_document("T", "LT", "LTA2")
def test_openssl_accepts_every_time_stamp_over_what_we_compute_again(scene: Scene, name: str, level: str) -> None:
    found = imprints(scene.raised[name][level])
    assert len(found) == {"T": 1, "LT": 1, "LTA2": 3}[level]
    for number, (token, octets) in enumerate(found):
        (scene.folder / f"token{number}").write_bytes(token)
        (scene.folder / f"octets{number}").write_bytes(octets)
        command = ("ts", "-verify", "-data", f"octets{number}", "-in", f"token{number}", "-token_in")
        assert "Verification: OK" in run(scene.folder, *command, "-CAfile", "time-ca.pem")


@needs_openssl
def test_openssl_accepts_the_revocation_values(scene: Scene) -> None:
    root = etree.fromstring(scene.raised["letter"]["LTA"])
    (scene.folder / "list").write_bytes(base64.b64decode(next(root.iter(X + "EncapsulatedCRLValue")).text or ""))
    (scene.folder / "answer").write_bytes(base64.b64decode(next(root.iter(X + "EncapsulatedOCSPValue")).text or ""))
    assert "verify OK" in run(scene.folder, "crl", "-in", "list", "-inform", "DER", "-CAfile", "time-ca.pem", "-noout")
    asked = ("-issuer", "ca.pem", "-cert", "cert.pem", "-respin", "answer", "-CAfile", "ca.pem", "-no_nonce")
    said = run(scene.folder, "ocsp", *asked)
    assert "Response verify OK" in said
    assert "cert.pem: good" in said


@each_document("B", "T", "LT", "LTA", "LTA2")
def test_we_give_the_level_that_it_has(scene: Scene, name: str, level: str) -> None:
    tree = parse(scene.raised[name][level])
    found = assess(verify(tree, place_of(tree.getroot())), scene.evidence, Policy(), datetime.now(UTC))
    assert found.level == Level(level.removesuffix("2")), found.checks[-1]
    assert found.is_baseline is (name != "plain")


def test_a_letter_by_xadesjs_validates_here() -> None:
    evidence = Evidence(anchors=load_many((VECTORS / "xadesjs.ca.pem").read_bytes()))
    data = (VECTORS / "xadesjs.edxml").read_bytes()
    found = examine(data, evidence, Policy(), datetime(2026, 11, 25, 20, tzinfo=UTC))
    assert (found.verdict, found.lasting and found.lasting.name) == ("valid", "XAdES B-B")
    changed = data.replace(b"Van thu", b"Van chu")
    assert examine(changed, evidence, Policy(), NOW).reason == "content-changed"


class _Signer(XAdESSigner):
    """signxml digests SignedProperties in exclusive form and does not say so; said, everybody can verify it."""

    def _add_reference_to_signed_info(self, sig_root, node_to_reference, **attributes):
        super()._add_reference_to_signed_info(sig_root, node_to_reference, **attributes)
        reference = sig_root.findall(f"{DS}SignedInfo/{DS}Reference")[-1]
        if reference.find(DS + "Transforms") is None:
            transforms = etree.Element(DS + "Transforms")
            etree.SubElement(transforms, DS + "Transform", Algorithm=EXCLUSIVE)
            reference.insert(0, transforms)


def test_a_document_by_signxml_validates_here(scene: Scene) -> None:
    signer = _Signer(
        c14n_algorithm=signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        signature_algorithm="ecdsa-sha256",
    )
    root = signer.sign(
        etree.fromstring(b"<a xmlns='urn:a'><b>\xc4\x91</b></a>"),
        key=scene.signer.private_key,
        cert=[scene.signer.certificate.pem.decode()],
        always_add_key_value=False,
    )
    found = examine(etree.tostring(root), scene.evidence, Policy(), datetime.now(UTC))
    assert (found.verdict, found.lasting and found.lasting.name) == ("valid", "XAdES B-B"), found.text


@needs_jdk
@pytest.mark.parametrize(
    "form", [EXCLUSIVE, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"], ids=["exclusive", "inclusive"]
)
def test_a_letter_by_the_jdk_validates_here_and_can_be_raised(scene: Scene, form: str) -> None:
    key = scene.signer.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (scene.folder / "key.der").write_bytes(key)
    (scene.folder / "unsigned.edxml").write_bytes(unsigned_letter())
    names = ("key.der", "cert.pem", form, "unsigned.edxml", "jdk.edxml")
    command = ["java", str(ENGINES / "Sign.java"), *names]
    done = subprocess.run(command, cwd=scene.folder, capture_output=True, timeout=100, check=False, text=True)
    assert done.returncode == 0, done.stderr
    data = (scene.folder / "jdk.edxml").read_bytes()
    found = examine(data, scene.evidence, Policy(), datetime.now(UTC))
    assert (found.verdict, found.lasting and found.lasting.name) == ("valid", "XAdES B-B"), found.text
    raised = examine(scene.raise_fully(data)["LTA2"], scene.evidence, Policy(), datetime.now(UTC))
    assert (raised.verdict, raised.lasting and raised.lasting.name) == ("valid", "XAdES B-LTA"), raised.text
