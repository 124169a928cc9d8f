"""Files beside an edXML letter: named by cid:, covered by the signature, listed in the manifest, each exactly once."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from envelopes import xml
from envelopes.drafting import FileBeside, digests, draft_letter
from envelopes.edxml import Letter, Organ, build
from envelopes.opened import VIETNAM, open_signed
from envelopes.signature import detached as beside
from envelopes.signature.classify import SignatureClass
from envelopes.signature.detached import Detached
from envelopes.signature.grammar import DS, SIGNATURE, Reference
from envelopes.signature.sign import sign
from envelopes.signature.verify import Place, Signed, verify
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.identity import Identity
from trust_store.judge import judge
from trust_store.keys import HeldKey
from trust_store.policy import Policy
from trust_store.verdict import Verdict

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
CODE = "2899000016"
ONE, TWO = hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"two").hexdigest()
FILES = (
    FileBeside(name="Bản vẽ & số liệu.dwg", digest=ONE, size=3, content_type="image/vnd.dwg"),
    FileBeside(name="b.bin", digest=TWO, size=3, content_id="tệp 2 / 100% <b>"),
)


def drafted(*files: FileBeside, inside: tuple[tuple[str, bytes], ...] = ()) -> Letter:
    return draft_letter(
        sender=Organ(organ_id=CODE),
        receivers=[Organ(organ_id="000.00.00.H56")],
        number="5",
        notation="CV-A",
        subject="V/v thử",
        at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
        files=inside,
        detached=files,
    )


LETTER = drafted(*FILES, inside=(("a.pdf", b"%PDF-1.4 a"),))


@pytest.fixture(scope="module")
def data(key: HeldKey) -> bytes:
    return sign(build(LETTER), key, digests(LETTER, FILES))


@pytest.fixture(scope="module")
def verdict(key: HeldKey, authority: HeldKey, identity: Identity) -> Verdict:
    return judge([key.certificate], Evidence(anchors=(authority.certificate,)), Policy(), AT, identity)


def verified(data: bytes) -> Signed:
    return verify(xml.parse(data), Place.EDXML_HEADER)


def code_of(data: bytes, place: Place = Place.EDXML_HEADER) -> str:
    with pytest.raises(Refused) as caught:
        verify(xml.parse(data), place)
    return caught.value.reason.code


def with_references(data: bytes, extra: str) -> bytes:
    """Put more References into a signed letter; its value no longer fits, which is told later than the grammar."""
    return data.replace(b"</ds:SignedInfo>", extra.encode() + b"</ds:SignedInfo>")


def reference(
    uri: str, *, method: str = beside.SHA256, value: str = "", transforms: str = "", attributes: str = ""
) -> str:
    value = value or base64.b64encode(bytes(32)).decode()
    return (
        f'<ds:Reference URI="{uri}"{attributes}>{transforms}<ds:DigestMethod Algorithm="{method}"/>'
        f"<ds:DigestValue>{value}</ds:DigestValue></ds:Reference>"
    )


def test_an_envelope_tells_the_files_beside_it_and_their_digests(data: bytes, verdict: Verdict) -> None:
    opened = open_signed(data)
    assert [(item.content_id, item.digest) for item in opened.detached] == [
        (f"{LETTER.document_id}#2", ONE),
        ("tệp 2 / 100% <b>", TWO),
    ]
    envelope = opened.accept(verdict)
    assert envelope.message == LETTER
    assert [(item.content_id, item.name, item.content_type, item.digest) for item in envelope.detached] == [
        (f"{LETTER.document_id}#2", "Bản vẽ & số liệu.dwg", "image/vnd.dwg", ONE),
        ("tệp 2 / 100% <b>", "b.bin", None, TWO),
    ]
    assert [item.name for item in LETTER.attachments] == ["a.pdf"]


def test_a_letter_without_files_beside_it_has_none(signed: bytes, verdict: Verdict) -> None:
    assert open_signed(signed).detached == ()
    assert open_signed(signed).accept(verdict).detached == ()


def test_the_signature_is_good_by_the_letter_of_the_standard(data: bytes, key: HeldKey) -> None:
    """Computed here with lxml and cryptography alone: other engines cannot resolve cid:."""
    tree = etree.ElementTree(etree.fromstring(data))
    signature = next(tree.getroot().iter(SIGNATURE))
    signed_info = signature[0]
    canonical = etree.tostring(signed_info, method="c14n", exclusive=True)
    value = base64.b64decode(signature.findtext(DS + "SignatureValue") or "")
    der = encode_dss_signature(int.from_bytes(value[:32]), int.from_bytes(value[32:]))
    public = key.certificate.public_key
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(der, canonical, ec.ECDSA(hashes.SHA256()))

    content, *files = signed_info.findall(DS + "Reference")
    parent = signature.getparent()
    assert parent is not None
    assert not signature.tail
    parent.remove(signature)
    digest = hashlib.sha256(etree.tostring(tree, method="c14n", exclusive=True)).digest()
    assert content.findtext(DS + "DigestValue") == base64.b64encode(digest).decode()
    found = [(item.get("URI"), base64.b64decode(item.findtext(DS + "DigestValue") or "").hex()) for item in files]
    assert [item[1] for item in found] == [ONE, TWO]
    assert found[1][0] == "cid:t%E1%BB%87p%202%20%2F%20100%25%20%3Cb%3E"


@pytest.mark.parametrize("what", ["digest", "name", "taken out"])
def test_nothing_about_a_file_beside_can_be_changed(data: bytes, what: str) -> None:
    one = base64.b64encode(bytes.fromhex(ONE))
    changed = {
        "digest": data.replace(one, base64.b64encode(bytes.fromhex(TWO)), 1),
        "name": data.replace(b"cid:t%E1%BB%87p", b"cid:T%E1%BB%87p"),
        "taken out": re.sub(rb'<ds:Reference URI="cid:t.*?</ds:Reference>', b"", data),
    }[what]
    assert changed != data
    assert code_of(changed) == "signature-mismatch"


def test_a_file_that_is_not_signed_is_missing_and_one_not_listed_is_too_many(key: HeldKey, verdict: Verdict) -> None:
    for signed_over, code in (
        ({"1": ONE}, "attachment-missing"),
        ({"1": ONE, "2": TWO, "3": ONE}, "attachment-unlisted"),
    ):
        listed = (
            FileBeside(name="1", digest=ONE, size=1, content_id="1"),
            FileBeside(name="2", digest=TWO, size=1, content_id="2"),
        )
        opened = open_signed(sign(build(drafted(*listed)), key, signed_over))
        assert opened.signature_class is SignatureClass.VALID
        with pytest.raises(Refused) as caught:
            opened.accept(verdict)
        assert caught.value.reason.code == code


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (reference("cid:"), "reference-not-allowed"),
        (reference("cid:%"), "reference-not-allowed"),
        (reference("cid:%4"), "reference-not-allowed"),
        (reference("cid:%zz"), "reference-not-allowed"),
        (reference("cid:a b"), "reference-not-allowed"),
        (reference("cid:đ"), "reference-not-allowed"),
        (reference("cid:a#b"), "reference-not-allowed"),
        (reference("cid:%FF"), "reference-not-allowed"),
        (reference("cid:%C0%AF"), "reference-not-allowed"),
        (reference("cid:%00"), "reference-not-allowed"),
        (reference("cid:a%0Ab"), "reference-not-allowed"),
        (reference("cid:a%E2%80%AEb"), "reference-not-allowed"),
        (reference("cid:%20a"), "reference-not-allowed"),
        (reference("cid:cid:a"), "reference-not-allowed"),
        (reference("cid:" + "a" * 256), "reference-not-allowed"),
        (reference("CID:a"), "coverage-incomplete"),
        (reference("cid:a") + reference("cid:%61"), "reference-not-allowed"),
        (reference("cid:a", attributes=' Type="http://uri.etsi.org/01903#SignedProperties"'), "reference-not-allowed"),
        (reference("cid:a", method="http://www.w3.org/2001/04/xmlenc#sha512"), "digest-algorithm"),
        (reference("cid:a", method="http://www.w3.org/2000/09/xmldsig#sha1"), "digest-algorithm"),
        (reference("cid:a", value="AAAA"), "digest-algorithm"),
        (
            reference(
                "cid:a",
                transforms='<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/></ds:Transforms>',
            ),
            "transform-not-allowed",
        ),
        ("".join(reference(f"cid:{n}") for n in range(101)), "reference-not-allowed"),
        (reference("http://127.0.0.1:9/a"), "coverage-incomplete"),
        (reference("") + reference("cid:a") + reference(""), "coverage-incomplete"),
    ],
)
def test_a_reference_that_breaks_a_rule_is_refused(signed: bytes, extra: str, code: str) -> None:
    assert code_of(with_references(signed, extra)) == code


def test_what_is_escaped_without_need_is_read_and_stays_covered(signed: bytes) -> None:
    """A name may be escaped in more ways than one; here only the value no longer fits."""
    assert code_of(with_references(signed, reference("cid:%61/b@c"))) == "signature-mismatch"


def test_a_hundred_files_are_allowed(key: HeldKey) -> None:
    files = tuple(FileBeside(name=f"{n}.pdf", digest=ONE, size=3) for n in range(100))
    letter = drafted(*files)
    assert len(verified(sign(build(letter), key, digests(letter, files))).detached) == 100


def test_ten_thousand_references_are_refused_before_anything_is_canonicalised(signed: bytes) -> None:
    """Whole ones are over the limit of elements; where that were higher, their number is told before their content."""
    many = with_references(signed, "".join(reference(f"cid:{n}") for n in range(10_000)))
    with pytest.raises(Refused) as caught:
        xml.parse(many)
    assert caught.value.reason.code == "xml-limits"
    for data in (many, with_references(signed, '<ds:Reference URI="cid:a"/>' * 10_000)):
        tree = etree.ElementTree(etree.fromstring(data.replace(b"xml-exc-c14n#", b"no-such-canonicalisation")))
        with pytest.raises(Refused) as caught:
            verify(tree, Place.EDXML_HEADER)
        assert caught.value.reason.code == "reference-not-allowed"
        assert "100" in caught.value.detail


@pytest.mark.parametrize("extra", [reference("cid:a"), reference("cid:a") + reference("cid:b")])
def test_other_documents_have_no_files_beside_them(key: HeldKey, extra: str) -> None:
    data = sign(b"<a><b>1</b></a>", key)
    assert code_of(with_references(data, extra), Place.ROOT_CHILD) == "reference-not-allowed"
    with pytest.raises(Refused) as caught:
        sign(b"<a/>", key, {"a": ONE})
    assert caught.value.reason.code == "reference-not-allowed"


def test_a_file_beside_never_stands_in_for_the_content(signed: bytes) -> None:
    alone = re.sub(rb'<ds:Reference URI="">.*?</ds:Reference>', reference("cid:a").encode(), signed, flags=re.S)
    assert code_of(alone) == "coverage-incomplete"


@pytest.mark.parametrize("name", ["", " a", "a\n", "\u202ea", "cid:a", "a" * 256])
def test_a_name_that_nobody_would_read_is_not_signed(unsigned: bytes, key: HeldKey, name: str) -> None:
    with pytest.raises(Refused) as caught:
        sign(unsigned, key, {name: ONE})
    assert caught.value.reason.code == "reference-not-allowed"


@pytest.mark.parametrize("digest", ["", "ab", ONE.upper(), "g" * 64])
def test_a_digest_that_is_none_is_not_signed(unsigned: bytes, key: HeldKey, digest: str) -> None:
    with pytest.raises(Refused) as caught:
        sign(unsigned, key, {"a": digest})
    assert caught.value.reason.code == "digest-algorithm"


names = st.text(min_size=1, max_size=60).filter(
    lambda name: name.isprintable() and name == name.strip() and not name.startswith("cid:")
)


@given(st.dictionaries(names, st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=5))
def test_every_name_is_read_as_it_was_written(files: dict[str, str]) -> None:
    references = [
        Reference(uri=uri, type="", transforms=(), digest_algorithm=beside.SHA256, digest=digest)
        for uri, digest in beside.to_uris(files)
    ]
    assert beside.read(references, allowed=True) == tuple(
        Detached(content_id=name, digest=digest) for name, digest in files.items()
    )
    assert all(item.uri.isascii() and not set(item.uri) & set("<>&\"' ") for item in references)


@given(names)
def test_what_others_escape_by_the_general_rule_is_read(name: str) -> None:
    one = Reference(uri="cid:" + quote(name), type="", transforms=(), digest_algorithm=beside.SHA256, digest=bytes(32))
    assert beside.read([one], allowed=True)[0].content_id == name
