"""B: the structure of Signature and SignedInfo, and the values in them. C: good cryptography over too little."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from copy import deepcopy

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from envelopes.signature.algorithms import BASE64, ENVELOPED, EXCLUSIVE
from tests.conformance.catalogue.case import Case, Cases, by, find, planned, refused, remove, signed, text, tree
from tests.forging.keys import signer
from tests.forging.letters import DS, Q, changed, signature, unsigned
from tests.forging.signing import SHA256, Plan, Ref, forge, sign_octets, transform, x509_data

Node = etree._Element
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _evil_signed_info_first(root: Node) -> None:
    evil = deepcopy(find(root, "SignedInfo"))
    find(evil, "DigestValue").text = base64.b64encode(bytes(32)).decode()
    find(root, "SignedInfo").addprevious(evil)


def _wrapped_signed_info(root: Node) -> None:
    genuine = find(root, "SignedInfo")
    evil = deepcopy(genuine)
    find(evil, "DigestValue").text = base64.b64encode(bytes(32)).decode()
    genuine.addprevious(evil)
    etree.SubElement(signature(root), DS + "Wrapper").append(genuine)


def _two_values(root: Node) -> None:
    bogus = deepcopy(find(root, "SignatureValue"))
    bogus.text = "AAAA"
    find(root, "SignatureValue").addprevious(bogus)


def _value(name: str, value: Callable[[str], str]) -> Callable[[], bytes]:
    def change(root: Node) -> None:
        node = find(root, name)
        node.text = value(node.text or "")

    return tree(change)


def _octets(change: Callable[[bytes], bytes], kind: str = "p256") -> Callable[[], bytes]:
    """Sign with a key of a kind, and change the octets of the signature value."""

    def sign(octets: bytes) -> bytes:
        holder = signer(kind)
        return change(sign_octets(holder, "sha256", octets))

    method = "rsa-sha256" if kind == "rsa" else "ecdsa-sha256"
    plan = Plan(holder=signer(kind), sign=sign, method=f"http://www.w3.org/2001/04/xmldsig-more#{method}")
    return planned(plan)


def _r_s(value: bytes) -> tuple[int, int]:
    return int.from_bytes(value[:32]), int.from_bytes(value[32:])


def _other_s(value: bytes) -> bytes:
    r, s = _r_s(value)
    return r.to_bytes(32) + (ORDER - s).to_bytes(32)


def _flip(octets_in_base64: str) -> str:
    octets = bytearray(base64.b64decode(octets_in_base64))
    octets[3] ^= 1
    return base64.b64encode(octets).decode()


def _unused_bits(value: str) -> str:
    """Change bits of the last character before the padding that no octet holds (a 64-octet value has four)."""
    body = value.rstrip("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(body[-1]) ^ 1]
    changed_text = body[:-1] + other + "=" * (len(value) - len(body))
    assert base64.b64decode(changed_text) == base64.b64decode(value)
    return changed_text


def _refreshed() -> bytes:
    """Change the content and write its new digest into SignedInfo, whose signature is then another's."""
    evil = forge(unsigned(subject="V/v chuyển tiền"), Plan())
    digest = find(etree.fromstring(evil), "DigestValue").text

    def change(root: Node) -> None:
        next(root.iter(Q + "Subject")).text = "V/v chuyển tiền"
        find(root, "DigestValue").text = digest

    return changed(signed(), change)


def _comment_in(evil: bool) -> Callable[[Node], None]:
    def change(root: Node) -> None:
        node = find(root, "DigestValue")
        value = node.text or ""
        node.text, cut = ("", etree.Comment("AAAA")) if evil else (value[:8], etree.Comment("c"))
        cut.tail = value if evil else value[8:]
        node.insert(0, cut)

    return change


def _instruction(root: Node) -> None:
    find(root, "DigestValue").append(etree.ProcessingInstruction("p", "q"))


def _foreign_reference() -> bytes:
    """Sign a SignedInfo whose one Reference is in another namespace."""
    digest = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    foreign = f'<x:Reference xmlns:x="urn:x" URI=""><ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>{digest}</ds:DigestValue></x:Reference>'
    return forge(unsigned(), Plan(references=(), extra=foreign))


STRUCTURE: Cases = {
    "two-signedinfo-first": refused("signature-grammar", tree(_evil_signed_info_first)),
    "wrapped-signedinfo": refused("signature-grammar", tree(_wrapped_signed_info)),
    "no-signedinfo": refused("signature-grammar", remove("SignedInfo")),
    "no-signaturevalue": refused("signature-grammar", remove("SignatureValue")),
    "empty-signaturevalue": refused("signature-grammar", _value("SignatureValue", lambda _: "")),
    "two-signaturevalue": refused("signature-grammar", tree(_two_values)),
    "zero-references": refused("signature-grammar", planned(Plan(references=()))),
    "foreign-ns-reference": refused("signature-grammar", _foreign_reference),
    "tampered-content": refused("content-changed", text(b"5/CV-A<", b"6/CV-A<")),
    "tampered-signaturevalue": refused("signature-mismatch", _value("SignatureValue", _flip)),
    "tampered-digestvalue": refused("signature-mismatch", _value("DigestValue", _flip)),
    "digest-refreshed": refused("signature-mismatch", _refreshed),
    "comment-in-digestvalue": refused("signature-comment", tree(_comment_in(True))),
    "comment-splits-digestvalue": refused("signature-comment", tree(_comment_in(False))),
    "pi-in-digestvalue": refused("signature-comment", tree(_instruction)),
    "base64-garbage-signaturevalue": refused(
        "signature-base64", _value("SignatureValue", lambda value: f"{value[:9]}!-{value[9:]}")
    ),
    "base64-noncanonical-trailing-bits": refused("signature-base64", _value("SignatureValue", _unused_bits)),
    "rsa-signature-trailing-zero": refused("signature-mismatch", _octets(lambda value: value + b"\0", "rsa")),
    "rsa-signature-leading-zero": refused("signature-mismatch", _octets(lambda value: b"\0" + value, "rsa")),
    "ecdsa-der-encoded": refused("signature-mismatch", _octets(lambda value: encode_dss_signature(*_r_s(value)))),
    "ecdsa-zero": refused("signature-mismatch", _octets(lambda _: bytes(64))),
    "ecdsa-r-s-equal-n": refused("signature-mismatch", _octets(lambda _: 2 * ORDER.to_bytes(32))),
    "ecdsa-malleable-high-s": Case(make=_octets(_other_s)),
    "ecdsa-padded-33": refused("signature-mismatch", _octets(lambda value: b"\0" + value[:32] + b"\0" + value[32:])),
    "base64-transform-on-document": refused(
        "transform-not-allowed",
        planned(Plan(references=(Ref(transforms=transform(ENVELOPED) + transform(BASE64), octets=b"x"),))),
    ),
}


def _replaced_body() -> bytes:
    document = unsigned().replace(b"<edXML:edXMLHeader>", b'<edXML:edXMLHeader Id="head">', 1)
    data = forge(document, Plan(references=(by("#head"),)))
    assert b"JVBERi0xLjQgYQ==" in data
    return data.replace(b"JVBERi0xLjQgYQ==", b"JVBERi0xLjQgYg==")


def _instruction_beside() -> bytes:
    document = unsigned().replace(b"<edXML:edXMLEnvelope ", b'<edXML:edXMLEnvelope Id="env" ', 1)
    data = forge(document, Plan(references=(by("#env"),)))
    return changed(data, lambda root: etree.SubElement(root, Q + "Instruction").set("pay", "1"))


def _key_info_only() -> bytes:
    info = f'<ds:KeyInfo Id="ki">{x509_data(signer().certificate.der)}</ds:KeyInfo>'
    return forge(unsigned(), Plan(key_info=info, references=(by("#ki", chain=transform(EXCLUSIVE)),)))


def _object_only() -> bytes:
    objects = '<ds:Object Id="obj">x</ds:Object>'
    return forge(unsigned(), Plan(objects=objects, references=(by("#obj", chain=transform(EXCLUSIVE)),)))


def _manifest() -> bytes:
    digest = base64.b64encode(bytes(32)).decode()
    inner = f'<ds:Reference URI=""><ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>'
    objects = f'<ds:Object><ds:Manifest Id="man">{inner}</ds:Manifest></ds:Object>'
    reference = Ref(uri="#man", transforms=transform(EXCLUSIVE), type="http://www.w3.org/2000/09/xmldsig#Manifest")
    return forge(unsigned(), Plan(objects=objects, references=(reference,)))


COVERAGE: Cases = {
    "unsigned-body": refused("coverage-incomplete", _replaced_body),
    "unsigned-sibling": refused("coverage-incomplete", _instruction_beside),
    "reference-keyinfo-only": refused("coverage-incomplete", _key_info_only),
    "reference-object-only": refused("coverage-incomplete", _object_only),
    "manifest-with-wrong-digest": refused("coverage-incomplete", _manifest),
}
CASES: Cases = {**STRUCTURE, **COVERAGE}
