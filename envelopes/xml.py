"""The only XML parser in the product: no DTD, no entities, no network, and limits before anything costly.

Canonicalising 100,000 attributes takes libxml2 many seconds and cannot be cancelled, so everything is counted here, on the
tree that the safe parser gave, before any other code sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from trust_store.errors import Refused, reason

MALFORMED = reason(
    "xml-malformed", "The document is not well-formed XML", "Have the sending software write well-formed XML 1.0"
)
DOCTYPE = reason(
    "xml-doctype", "The document has a DOCTYPE", "Send the document without a DOCTYPE; entities are never expanded"
)
ENCODING = reason(
    "xml-encoding", "The encoding is not accepted", "Write the document in UTF-8 (UTF-16 is read as well)"
)
VERSION = reason("xml-version", "Only XML 1.0 is accepted", "Write the document as XML 1.0")
LIMITS = reason(
    "xml-limits",
    "The document is too large or too intricate",
    "Send large files as separate attachments, and plain XML",
)

ENCODINGS = frozenset({"utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii"})
_DECLARATION = re.compile(r"""<\?xml\s+version\s*=\s*["']([^"']*)["'](?:\s+encoding\s*=\s*["']([^"']*)["'])?""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bound what a document may cost; sizes in bytes, the rest in nodes."""

    size: int = 48 * 1024 * 1024
    elements: int = 20_000
    attributes: int = 10_000
    attributes_of_one: int = 32
    declarations: int = 500
    namespaces_in_scope: int = 24
    depth: int = 100


def parse(data: bytes, limits: Limits = Limits()) -> etree._ElementTree:
    """Parse the bytes into the one tree that everything else reads.

    A single text is at most 10,000,000 bytes long (libxml2's own guard): larger files travel as detached attachments.

    Raises:
        Refused: not well-formed, an undeclared prefix, a DOCTYPE, another encoding or version, or over a limit.
    """
    tree, undeclared = parse_tolerant(data, limits)
    if undeclared is not None:
        raise undeclared
    return tree


def parse_tolerant(data: bytes, limits: Limits = Limits()) -> tuple[etree._ElementTree, Refused | None]:
    """Parse as `parse` does, but hand back, beside the tree, the complaint about an undeclared prefix.

    Old document systems are not namespace-aware and write undeclared prefixes. Such a name keeps its prefix as part of
    its local name. A document with a complaint can be read, but no signature in it can be believed.

    Raises:
        Refused: as `parse`, except for undeclared prefixes.
    """
    if len(data) > limits.size:
        raise Refused(LIMITS, f"The document has {len(data):,} bytes; {limits.size:,} are allowed")
    _check_prolog(data)
    undeclared, parser = None, _parser(recover=False)
    try:
        tree = etree.ElementTree(etree.fromstring(data, parser))
    except etree.XMLSyntaxError:
        undeclared = _syntax(parser.error_log)
        # The parser's own log: the one of the exception also holds what earlier documents in this thread did wrong.
        if {entry.type for entry in parser.error_log} != {etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE}:
            raise undeclared from None
        tree = etree.ElementTree(etree.fromstring(data, _parser(recover=True)))
    if tree.docinfo.doctype or tree.docinfo.internalDTD is not None:
        raise Refused(DOCTYPE)
    _count(tree.getroot(), limits)
    return tree, undeclared


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover)


def _check_prolog(data: bytes) -> None:
    """Look at the first bytes only: the declared encoding and version, and a DOCTYPE before the first element."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    head = data[:4096].decode("utf-16" if wide else "latin-1", "replace").removeprefix("\xef\xbb\xbf")
    declared = _DECLARATION.match(head)
    if declared and declared[1] != "1.0":
        raise Refused(VERSION, f"The document says it is XML {declared[1]!r}")
    if declared and (declared[2] or "utf-8").lower() not in ENCODINGS:
        raise Refused(ENCODING, f"The document says it is written in {declared[2]!r}")
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or (not wide and b"\0" in data[:4]):
        raise Refused(ENCODING, "The document is neither in UTF-8 nor in UTF-16 with a byte order mark")
    if re.match(r"[^<]*(<\?.*?\?>[^<]*|<!--.*?-->[^<]*)*<!DOCTYPE", head, re.S):
        raise Refused(DOCTYPE)


def _syntax(log: etree._ListErrorLog) -> Refused:
    """Tell the first fatal error; an undeclared prefix is only told where nothing worse is wrong."""
    entry = next((item for item in log if item.level == etree.ErrorLevels.FATAL), next(iter(log), None))
    if entry is None:
        return Refused(MALFORMED, "XML parser: the document is empty")
    message = " ".join(entry.message.split())
    too_much = re.search("huge|too big|too long|depth", message, re.I)
    where = f"line {entry.line}, column {entry.column}"
    return Refused(LIMITS if too_much else MALFORMED, f"XML parser: {message}", where=where)


def _count(root: etree._Element, limits: Limits) -> None:
    elements = attributes = declarations = depth = 0
    for event, node in etree.iterwalk(root, events=("start", "end", "start-ns")):
        if event == "start-ns":
            declarations += 1
        elif event == "end":
            depth -= 1
        elif isinstance(node, etree._Element):
            own = len(node.attrib)
            depth, elements, attributes = depth + 1, elements + 1, attributes + own
            for what, count, allowed in (
                ("levels", depth, limits.depth),
                ("elements", elements, limits.elements),
                ("attributes", attributes, limits.attributes),
                ("attributes on one element", own, limits.attributes_of_one),
                ("namespace declarations", declarations, limits.declarations),
            ):
                if count > allowed:
                    raise Refused(LIMITS, f"More than {allowed:,} {what}", where=f"line {node.sourceline}")
            _check_scope(node, declarations, limits)


def _check_scope(node: etree._Element, declarations: int, limits: Limits) -> None:
    """Count the namespaces in scope, but only where there are declarations enough for it to matter."""
    if declarations > limits.namespaces_in_scope and len(node.nsmap) > limits.namespaces_in_scope:
        what = f"More than {limits.namespaces_in_scope} namespaces in scope"
        raise Refused(LIMITS, what, where=f"line {node.sourceline}")
