"""Canonical XML as the specifications say, on top of a libxml2 binding that gets sub-elements wrong.

lxml canonicalises a whole document correctly. For a sub-element under inclusive C14N it writes spurious `xmlns=""` and
forgets inherited `xml:*` attributes, so such an element is taken out and canonicalised as a document of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from envelopes.signature.algorithms import C14N_11, CANONICALIZATIONS, EXCLUSIVE
from envelopes.signature.reasons import CANONICALIZATION
from trust_store.errors import Refused

_XML = "{http://www.w3.org/XML/1998/namespace}"
_INHERITED_10 = ("base", "id", "lang", "space")
_INHERITED_11 = ("lang", "space")


def canonicalize_document(tree: etree._ElementTree, algorithm: str, prefixes: Sequence[str] = ()) -> bytes:
    """Canonicalise a whole document, top-level processing instructions included and comments left out.

    Raises:
        Refused: `canonicalization-not-allowed`: unknown algorithm, or libxml2 cannot canonicalise this document.
    """
    return _write(tree, algorithm, prefixes)


def canonicalize_element(element: etree._Element, algorithm: str, prefixes: Sequence[str] = ()) -> bytes:
    """Canonicalise one element in the context of its ancestors (document subset; C14N 1.0 section 2.4, 1.1 section 2.4).

    Raises:
        Refused: `canonicalization-not-allowed`, also where C14N 1.1 would have to join xml:base of the ancestors.
    """
    if algorithm == EXCLUSIVE:
        return _write(element, algorithm, prefixes)
    return _write(_standalone(element, algorithm), algorithm, ())


def _standalone(element: etree._Element, algorithm: str) -> etree._ElementTree:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    alone = etree.fromstring(etree.tostring(element, with_tail=False, encoding="UTF-8"), parser)
    for ancestor in element.iterancestors():
        if algorithm == C14N_11 and _XML + "base" in ancestor.attrib:
            raise Refused(CANONICALIZATION, "C14N 1.1 of a part below xml:base is not supported")
        for name in _INHERITED_11 if algorithm == C14N_11 else _INHERITED_10:
            inherited = ancestor.get(_XML + name)
            if inherited is not None and _XML + name not in alone.attrib:
                alone.set(_XML + name, inherited)
    return etree.ElementTree(alone)


def _write(node: etree._Element | etree._ElementTree, algorithm: str, prefixes: Sequence[str]) -> bytes:
    if algorithm not in CANONICALIZATIONS:
        raise Refused(CANONICALIZATION, f"{algorithm or 'An empty algorithm'} is not allowed")
    if "#default" in prefixes:
        raise Refused(CANONICALIZATION, "#default in InclusiveNamespaces is not supported")
    exclusive = algorithm == EXCLUSIVE
    try:
        octets = etree.tostring(
            node,
            method="c14n",
            exclusive=exclusive,
            with_comments=False,
            inclusive_ns_prefixes=list(prefixes) if exclusive and prefixes else None,
        )
    except (etree.C14NError, etree.LxmlError, ValueError):
        raise Refused(CANONICALIZATION, "This document cannot be canonicalised") from None
    if not octets:
        raise Refused(CANONICALIZATION, "The canonical form is empty")
    return bytes(octets)
