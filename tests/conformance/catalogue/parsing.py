"""G: parser, encoding, and what is made to cost too much."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from envelopes.edxml import Letter
from envelopes.opened import Envelope
from tests.conformance.catalogue.case import Case, Cases, by_id, refused, signed, text
from tests.forging.letters import SUBJECT, unsigned
from tests.forging.signing import Plan, forge

START = b'<?xml version="1.0" encoding="UTF-8"?>'
BIDI = "V/v thanh toán \u202e00001\u202c đồng"


def _declared() -> bytes:
    """Give the signed letter with its declaration written as START."""
    return START + signed()[signed().index(b"?>") + 2 :]


def doctype(declared: str, text_of: str = "") -> Callable[[], bytes]:
    """Put a DOCTYPE before the root and, in place of the subject, a reference to what it declares."""

    def make() -> bytes:
        data = _declared().replace(START, START + declared.encode(), 1)
        return data.replace(SUBJECT.encode(), text_of.encode(), 1) if text_of else data

    return make


def subset(*declarations: str) -> str:
    return f"<!DOCTYPE edXML [{''.join(declarations)}]>"


def inside(content: Callable[[], bytes]) -> Callable[[], bytes]:
    """Put something at the end of the signed letter, within its root."""
    return lambda: signed().replace(b"</edXML>", content() + b"</edXML>")


def nested(depth: int) -> Callable[[], bytes]:
    return inside(lambda: b"<a>" * depth + b"</a>" * depth)


def _laughs() -> str:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 11))
    return subset('<!ENTITY l0 "ha">', levels)


def _mojibake() -> bytes:
    return _declared().replace(b"UTF-8", b"ISO-8859-1", 1)


def _both_orders() -> bytes:
    """Mark the bytes as UTF-16 and declare UTF-8: the mark counts, so that the same letter is read."""
    return b"\xff\xfe" + _declared().decode().encode("utf-16-le")


def _utf7() -> bytes:
    return _declared().replace(b"UTF-8", b"UTF-7", 1)


def _smuggled() -> bytes:
    return _utf7().replace(SUBJECT.encode(), b"+ADw-evil+AD4-", 1)


def _reads_bidi(envelope: Envelope) -> bool:
    message = envelope.message
    return isinstance(message, Letter) and message.subject == BIDI


DECOMPOSED = unicodedata.normalize("NFD", SUBJECT).encode()


def _entity_in_id() -> bytes:
    declared = subset('<!ENTITY e "doc">').encode()
    return by_id().replace(b"?>", b"?>" + declared, 1).replace(b'Id="doc"', b'Id="&e;"', 1)


DTD: Cases = {
    "dtd-empty": refused("xml-doctype", doctype("<!DOCTYPE edXML>")),
    "dtd-attlist-default": refused("xml-doctype", doctype(subset('<!ATTLIST edXML evil CDATA "1">'))),
    "dtd-attlist-id": refused("xml-doctype", doctype(subset("<!ATTLIST edXML:edXMLHeader name ID #IMPLIED>"))),
    "xxe-file": refused("xml-doctype", doctype(subset('<!ENTITY e SYSTEM "file:///etc/hostname">'), "&e;")),
    "xxe-http": refused("xml-doctype", doctype(subset('<!ENTITY e SYSTEM "http://127.0.0.1:9/">'), "&e;")),
    "xxe-parameter-entity": refused(
        "xml-doctype", doctype(subset('<!ENTITY % p SYSTEM "http://127.0.0.1:9/">', "%p;"))
    ),
    "xxe-external-dtd": refused("xml-doctype", doctype('<!DOCTYPE edXML SYSTEM "http://127.0.0.1:9/x.dtd">')),
    "entity-in-id": refused("xml-doctype", _entity_in_id),
    "doctype-parser-differential": refused(
        "xml-doctype", doctype('<!DOCTYPE edXML SYSTEM "x\'><edXML><!-- " [<!ENTITY e "--><evil/>">]>')
    ),
    "billion-laughs": refused("xml-doctype", doctype(_laughs(), "&l10;")),
    "quadratic-blowup": refused("xml-doctype", doctype(subset(f'<!ENTITY e "{"x" * 50_000}">'), "&e;" * 20_000)),
    "entity-cyclic": refused("xml-doctype", doctype(subset('<!ENTITY a "&b;">', '<!ENTITY b "&a;">'), "&a;")),
}


ENCODING: Cases = {
    "encoding-utf7": refused("xml-encoding", _utf7),
    "encoding-utf7-payload": refused("xml-encoding", _smuggled),
    "encoding-mismatch-bom-utf16-decl-utf8": Case(make=_both_orders),
    "encoding-mismatch-http": refused("xml-encoding", _mojibake),
    "encoding-ebcdic": refused("xml-malformed", lambda: _declared().decode().encode("cp037", "replace")),
    "encoding-utf32": refused("xml-encoding", lambda: _declared().decode().replace("UTF-8", "UTF-32").encode("utf-32")),
    "utf8-invalid-sequence": refused("xml-malformed", text(SUBJECT.encode(), b"\xc0\xaf")),
    "utf8-surrogate": refused("xml-malformed", text(SUBJECT.encode(), b"\xed\xa0\x80")),
    "nul-byte": refused("xml-malformed", text(SUBJECT.encode(), b"a\0b")),
    "trailing-garbage": refused("xml-malformed", lambda: signed() + b"<edXML/>"),
    "leading-whitespace-decl": refused("xml-malformed", lambda: b"\n" + _declared()),
    "xml11": refused("xml-version", lambda: _declared().replace(b'"1.0"', b'"1.1"', 1)),
    "truncated": refused("xml-malformed", lambda: signed()[: len(signed()) * 3 // 4]),
    "recoverable-errors": refused("xml-malformed", text(SUBJECT.encode(), b"a & b")),
    "duplicate-attribute": refused("xml-malformed", text(b'version="1.0">', b'version="1.0" version="1.0">')),
    "duplicate-attribute-ns": refused(
        "xml-malformed",
        text(b"<AttachmentEncoded>", b'<AttachmentEncoded xmlns:a="urn:x" xmlns:b="urn:x" a:c="1" b:c="2">'),
    ),
}

CONTENT: Cases = {
    "xinclude-file": refused(
        "content-changed",
        inside(lambda: b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/hostname" parse="text"/>'),
    ),
    "xml-stylesheet-pi": Case(
        make=lambda: by_id().replace(b"<edXML ", b'<?xml-stylesheet href="http://127.0.0.1:9/"?><edXML ', 1)
    ),
    "nfd-substituted": refused("content-changed", text(SUBJECT.encode(), DECOMPOSED)),
    "bidi-override": Case(make=lambda: forge(unsigned(subject=BIDI), Plan()), reads=_reads_bidi),
}

COST: Cases = {
    "deep-nesting-500": refused("xml-limits", nested(500)),
    "deep-nesting-10000": refused("xml-limits", nested(10_000)),
    "deep-nesting-1m": refused("xml-limits", nested(1_000_000)),
    "long-attribute-12m": refused("xml-limits", inside(lambda: b'<a b="' + b"x" * 12_000_000 + b'"/>')),
    "long-text-12m": refused("xml-limits", inside(lambda: b"<a>" + b"x" * 12_000_000 + b"</a>")),
    "attributes-100k": refused(
        "xml-limits", inside(lambda: b"<a " + b" ".join(b'b%d=""' % n for n in range(100_000)) + b"/>")
    ),
    "namespaces-30k": refused(
        "xml-limits", inside(lambda: b"<a " + b" ".join(b'xmlns:b%d="urn:%d"' % (n, n) for n in range(30_000)) + b"/>")
    ),
    "siblings-1m": refused("xml-limits", inside(lambda: b"<a/>" * 1_000_000)),
    "comment-12m": refused("xml-limits", inside(lambda: b"<!--" + b"x" * 12_000_000 + b"-->")),
}
CASES: Cases = {**DTD, **ENCODING, **CONTENT, **COST}
