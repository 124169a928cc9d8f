"""The only XML parser in the product: no DTD, no entities, no network, and limits before anything costly.

Canonicalising 100,000 attributes takes libxml2 many seconds and cannot be cancelled, so everything is counted here, on the
tree that the safe parser gave, before any other code sees it.
"""

from __future__ import annotations

import re

from lxml import etree

from envelopes.limits import LIMITS, Limits
from envelopes.prolog import DOCTYPE, ENCODING, ENCODINGS, VERSION, check_prolog
from trust_store.errors import Refused, reason

MALFORMED = reason(
    "xml-malformed", "The document is not well-formed XML", "Have the sending software write well-formed XML 1.0"
)


UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML 1.0 cannot hold (2.2), though names in certificates and JSON can."""


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
    check_prolog(data, limits)
    undeclared, parser = None, _parser(recover=False)
    try:
        tree = etree.ElementTree(etree.fromstring(data, parser))
    except etree.XMLSyntaxError:
        undeclared = _syntax(parser.error_log)
        # The parser's own log: the one of the exception also holds what earlier documents in this thread did wrong.
        if {entry.type for entry in parser.error_log} != {etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE}:
            raise undeclared from None
        tree = etree.ElementTree(etree.fromstring(data, _parser(recover=True)))
    check_information(tree.docinfo)
    _count(tree.getroot(), limits)
    return tree, undeclared


def check_information(information: etree.DocInfo) -> None:
    """Ask the parser what it read, whatever the look at the bytes had found."""
    if information.doctype or information.internalDTD is not None:
        raise Refused(DOCTYPE)
    if information.xml_version not in {None, "1.0"}:
        raise Refused(VERSION)
    if (information.encoding or "utf-8").lower() not in ENCODINGS:
        raise Refused(ENCODING)


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover)


def _syntax(log: etree._ListErrorLog) -> Refused:
    """Tell the first fatal error; an undeclared prefix is only told where nothing worse is wrong."""
    entry = next((item for item in log if item.level == etree.ErrorLevels.FATAL), next(iter(log), None))
    if entry is None:
        return Refused(MALFORMED, "XML parser: the document is empty")
    message = " ".join(entry.message.split()).removesuffix(", use XML_PARSE_HUGE option")
    too_much = re.search("huge|too big|too long|depth", message, re.I)
    where = f"line {entry.line}, column {entry.column}"
    return Refused(LIMITS if too_much else MALFORMED, f"XML parser: {message}", where=where)


def _count(root: etree._Element, limits: Limits) -> None:
    elements = attributes = declarations = depth = 0
    for event, node in etree.iterwalk(root, events=("start", "end", "start-ns")):
        if isinstance(node, tuple):
            declarations += 1
            _check_namespace(node, limits)
        elif event == "end":
            depth -= 1
        elif isinstance(node, etree._Element):
            own = len(node.keys())
            depth, elements, attributes = depth + 1, elements + 1, attributes + own
            if (
                depth > limits.depth
                or elements > limits.elements
                or attributes > limits.attributes
                or own > limits.attributes_of_one
                or declarations > limits.declarations
            ):
                counts = (depth, elements, attributes, own, declarations)
                raise Refused(LIMITS, _excess(counts, limits), where=f"line {node.sourceline}")
            if declarations > limits.namespaces_in_scope:
                _check_scope(node, limits)


def _excess(counts: tuple[int, ...], limits: Limits) -> str:
    bounds = (
        ("levels", limits.depth),
        ("elements", limits.elements),
        ("attributes", limits.attributes),
        ("attributes on one element", limits.attributes_of_one),
        ("namespace declarations", limits.declarations),
    )
    what, allowed = next(bound for bound, count in zip(bounds, counts, strict=True) if count > bound[1])
    return f"More than {allowed:,} {what}"


def _check_namespace(declared: tuple[str, str], limits: Limits) -> None:
    """Bound the length: exclusive C14N writes a namespace again on every element that uses it."""
    if max(len(part or "") for part in declared) > limits.name:
        raise Refused(LIMITS, f"A namespace or its prefix is longer than {limits.name} characters")


def _check_scope(node: etree._Element, limits: Limits) -> None:
    """Count the namespaces in scope; called only where there are declarations enough for it to matter."""
    if len(node.nsmap) > limits.namespaces_in_scope:
        what = f"More than {limits.namespaces_in_scope} namespaces in scope"
        raise Refused(LIMITS, what, where=f"line {node.sourceline}")
