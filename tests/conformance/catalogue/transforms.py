"""D: transforms and canonicalisation."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from envelopes.edxml import Letter
from envelopes.opened import Envelope
from envelopes.signature.algorithms import C14N_10, ENVELOPED, EXCLUSIVE
from tests.conformance.catalogue.case import Case, Cases, planned, refused, remove, signed, text, tree
from tests.forging.letters import Q, changed, unsigned
from tests.forging.signing import Plan, Ref, forge, transform

XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
WITH_COMMENTS = C14N_10 + "#WithComments"
DOS = "count(//@*[count(//@*[count(//@*) > 0]) > 0]) > 0"


def chain(*transforms: str, octets: bytes | None = None) -> Callable[[], bytes]:
    """Sign a letter with other transforms; what they would give is digested where it is told."""
    return planned(Plan(references=(Ref(transforms="".join(transforms), octets=octets),)))


def xpath(expression: str) -> str:
    return transform(XPATH, f"<ds:XPath>{expression}</ds:XPath>")


def xslt(inner: str) -> str:
    sheet = 'xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"'
    return transform(XSLT, f"<xsl:stylesheet {sheet}>{inner}</xsl:stylesheet>")


def _many_attributes() -> bytes:
    attributes = "".join(f'<x a{n % 20}="1"/>' for n in range(300)).encode()
    document = unsigned().replace(b"</edXML>", b"<y>" + attributes + b"</y></edXML>")
    return forge(document, Plan(references=(Ref(transforms=transform(ENVELOPED) + xpath(DOS), octets=b"x"),)))


def method(algorithm: str) -> Callable[[], bytes]:
    return planned(Plan(canonicalization=algorithm))


def _split(at: str) -> Callable[[etree._Element], None]:
    """Put a comment into a signed text, behind some words of it."""

    def change(root: etree._Element) -> None:
        for node in root.iter(etree.Element):
            if node.text and at in node.text and len(node) == 0 and Q in node.tag:
                head, tail = node.text.split(at, 1)
                cut = etree.Comment("c")
                node.text, cut.tail = head + at, tail
                node.append(cut)
                return
        raise AssertionError("no such text")

    return change


def _instruction(root: etree._Element) -> None:
    next(root.iter(Q + "Subject")).append(etree.ProcessingInstruction("p", "q"))


def _comment_in_signed_info() -> bytes:
    data = forge(unsigned(), Plan(canonicalization=WITH_COMMENTS))
    return data.replace(b"<ds:SignatureMethod", b"<!--c--><ds:SignatureMethod", 1)


def _relative_namespace() -> bytes:
    return signed().replace(b"<AttachmentEncoded>", b'<AttachmentEncoded xmlns:r="relative"><r:a/>', 1)


def _golden() -> bytes:
    """Sign the digest of nothing, genuinely, and carry it to a document that cannot be canonicalised."""
    data = forge(unsigned(), Plan(references=(Ref(octets=b""),)))
    return data.replace(b"<AttachmentEncoded>", b'<AttachmentEncoded xmlns:r="relative"><r:a/>', 1)


def _typed() -> bytes:
    document = unsigned().replace(
        b"<AttachmentEncoded>",
        b'<AttachmentEncoded xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:good" xsi:type="t:Good">',
        1,
    )
    return forge(document, Plan()).replace(b'xmlns:t="urn:good"', b'xmlns:t="urn:evil"')


def _undeclared() -> bytes:
    document = unsigned().replace(b"</AttachmentEncoded>", b'</AttachmentEncoded><n xmlns="">1</n>', 1)
    data = forge(document, Plan())
    assert b'<n xmlns="">' in data
    return data.replace(b'<n xmlns="">', b"<n>")


def _many_namespaces() -> bytes:
    inner = "".join(f'<p{n}:x xmlns:p{n}="urn:{n}"/>' for n in range(3000)).encode()
    return forge(unsigned().replace(b"</edXML>", b"<y>" + inner + b"</y></edXML>"), Plan())


def _says(number: str, subject: str) -> Callable[[Envelope], bool]:
    def check(envelope: Envelope) -> bool:
        message = envelope.message
        return isinstance(message, Letter) and (message.code.number, message.subject) == (number, subject)

    return check


def _amount() -> bytes:
    return changed(forge(unsigned(subject="Số tiền 1000000"), Plan()), _split("Số tiền 10"))


def _address() -> bytes:
    return changed(forge(unsigned(subject="ke-toan@tp.gov.vn.evil.example"), Plan()), _split("ke-toan@tp.gov.vn"))


BAD_METHODS = {
    "c14nmethod-unknown": "urn:evil:c14n",
    "c14nmethod-c14n2": "http://www.w3.org/2010/xml-c14n2",
    "c14nmethod-empty": "",
    "c14nmethod-xpath": XPATH,
    "c14nmethod-xslt": XSLT,
    "c14nmethod-minimal": "http://www.w3.org/2000/09/xmldsig#minimal",
}

CASES: Cases = {
    "comment-splits-amount": Case(make=_amount, reads=_says("5", "Số tiền 1000000")),
    "comment-splits-address": Case(make=_address, reads=_says("5", "ke-toan@tp.gov.vn.evil.example")),
    "pi-inserted": refused("content-changed", tree(_instruction)),
    "comment-in-signedinfo-withcomments": refused("signature-comment", _comment_in_signed_info),
    "xpath-excludes-body": refused(
        "transform-not-allowed",
        chain(transform(ENVELOPED), xpath("not(ancestor-or-self::*[local-name()='edXMLBody'])"), octets=b"x"),
    ),
    "xpath-selects-nothing": refused("transform-not-allowed", chain(xpath("false()"), octets=b"")),
    "xpath-filter2-subtract": refused(
        "transform-not-allowed",
        chain(transform(ENVELOPED), transform(FILTER, f'<f:XPath xmlns:f="{FILTER}" Filter="subtract">//*</f:XPath>')),
    ),
    "xpath-dos-nested-count": refused("transform-not-allowed", chain(transform(ENVELOPED), xpath(DOS), octets=b"x")),
    "xslt-identity": refused("transform-not-allowed", chain(transform(ENVELOPED), xslt("<xsl:copy-of select='.'/>"))),
    "xslt-read-file": refused(
        "transform-not-allowed",
        chain(transform(ENVELOPED), xslt("<xsl:copy-of select=\"document('/etc/hostname')\"/>")),
    ),
    "xslt-infinite-loop": refused(
        "transform-not-allowed",
        chain(
            transform(ENVELOPED),
            xslt(
                "<xsl:template match='/'><xsl:for-each select='//*'><xsl:for-each select='//*'>x</xsl:for-each></xsl:for-each></xsl:template>"
            ),
        ),
    ),
    "xslt-exsl-write": refused(
        "transform-not-allowed",
        chain(
            transform(ENVELOPED),
            xslt('<e:document xmlns:e="http://exslt.org/common" href="/nonexistent/x">x</e:document>'),
        ),
    ),
    "transforms-1000": refused("transform-not-allowed", chain(transform(ENVELOPED), *[transform(EXCLUSIVE)] * 1000)),
    "enveloped-twice": refused("transform-not-allowed", chain(transform(ENVELOPED), transform(ENVELOPED))),
    "c14n-then-enveloped": refused("transform-not-allowed", chain(transform(EXCLUSIVE), transform(ENVELOPED))),
    "unknown-transform-ignored": refused("transform-not-allowed", chain(transform(ENVELOPED), transform("urn:evil"))),
    "xpath-ignored-by-lax-engine": refused("transform-not-allowed", chain(transform(ENVELOPED), xpath("false()"))),
    **{name: refused("canonicalization-not-allowed", method(value)) for name, value in BAD_METHODS.items()},
    "c14nmethod-missing": refused("signature-grammar", remove("CanonicalizationMethod")),
    "void-c14n-relative-ns": refused("canonicalization-not-allowed", _relative_namespace),
    "void-c14n-empty-digest": refused("canonicalization-not-allowed", _golden),
    "qname-prefix-rebind": Case(make=_typed),
    "xmlns-undeclaration-removed": refused("content-changed", _undeclared),
    "default-ns-swapped": refused("edxml-namespace", lambda: signed().replace(b"QCVN_102_2016", b"QCVN_102_2017")),
    "ds-namespace-lookalike": refused("xml-malformed", text(b'2000/09/xmldsig#"', b'2000/09/xmldsig# "')),
    "ds-namespace-case": refused(
        "signature-namespace", text(b'http://www.w3.org/2000/09/xmldsig#"', b'http://www.w3.org/2000/09/XMLDSIG#"')
    ),
    "c14n-ns-quadratic-signed": refused("xml-limits", _many_namespaces),
    "xpath-dos-300attrs": refused("transform-not-allowed", _many_attributes),
}
