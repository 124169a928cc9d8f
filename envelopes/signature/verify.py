"""The strict verifier: read top to bottom, it is the profile in docs/protocol/signature.md.

It answers one question: what did the holder of this certificate's key sign? Whether that holder is believed is for the
trust store to say. It hands back the element that was signed, never the input: after `verify` the tree holds exactly what
the digest covers.
"""

from __future__ import annotations

import copy
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from lxml import etree

from envelopes.edxml.syntax import NAMESPACE
from envelopes.signature import detached, grammar, unsigned, xades
from envelopes.signature.algorithms import BASE64, C14N_10, CANONICALIZATIONS, ENVELOPED, SIGNATURES, digest
from envelopes.signature.c14n import canonicalize_document, canonicalize_element
from envelopes.signature.claims import SIGNED_PROPERTIES_TYPE
from envelopes.signature.detached import Detached
from envelopes.signature.grammar import DETACHED, SIGNATURE, Reference, SignatureBlock, Transform
from envelopes.signature.reasons import CHANGED, COVERAGE, GRAMMAR, MISPLACED, MISSING, SEVERAL, TRANSFORM
from trust_store.certificate import Certificate, load
from trust_store.errors import Refused

HEADER_PATH: Final = [f"{{{NAMESPACE}}}{name}" for name in ("edXMLHeader", "edXMLEnvelope", "edXML")]


class Place(StrEnum):
    """Say where a document of some kind carries its one signature."""

    ROOT_CHILD = "root-child"
    ENVELOPING = "enveloping"
    EDXML_HEADER = "edxml-header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Hold what was signed: the element without its signature, or the octets of a base64 object.

    `chain` starts with the certificate whose key signed. `claimed` is what the signer wrote (XAdES signed properties);
    nobody vouches for it. `unsigned` is what others may have added: not believed, and no part of the content. `detached`
    names the files beside the document whose digests are signed as well.
    """

    element: etree._Element
    chain: tuple[Certificate, ...]
    algorithm: str
    claimed: xades.Claimed | None
    unsigned: unsigned.Unsigned = unsigned.NOTHING
    octets: bytes | None = None
    detached: tuple[Detached, ...] = ()

    @property
    def claimed_time(self) -> datetime | None:
        """Return the time that the signer claims (XAdES SigningTime), in UTC."""
        return self.claimed.time if self.claimed else None


def verify(tree: etree._ElementTree, place: Place, *, renew: bool = False) -> Signed:
    """Verify the one signature of a document and return what it covers.

    Takes the tree over: the signature and all comments are removed from it. With `renew`, `unsigned.next` holds what a
    further archive time-stamp would be over.

    Raises:
        Refused: with the rule that the signature breaks.
    """
    root = tree.getroot()

    # 1. Exactly one signature in the whole document, at the place that this kind of document has.
    signature = find(root, place)

    # 2. Its grammar, its limits and its algorithms, before anything is computed.
    block = grammar.read(signature)
    ids = grammar.unique_ids(root)

    # 3. What it covers: the whole content, at most the XAdES properties besides, and files beside an edXML letter.
    beside = detached.read(block.references, allowed=place is Place.EDXML_HEADER)
    content, properties, key = _assign(block, place, ids)

    # 4. The signature value over SignedInfo, by the key of the first certificate and no other.
    chain = tuple(load(der) for der in block.certificates)
    signed_info = canonical(block.signed_info, block.canonicalization)
    SIGNATURES[block.algorithm](chain[0].public_key, block.value, signed_info)

    # 5. The signed properties, while they still stand in their place; and, not believed, what others added.
    claimed = xades.check(block, chain[0].der, ids, properties)
    octets_of = {each: _part(each, ids) for each in (properties, key) if each is not None}
    others = unsigned.read(block, renew=renew)

    # 6. The content. What remains in the tree is what was signed.
    if place is Place.ENVELOPING:
        element, octets, octets_of[content] = _open_object(content, ids[grammar.referenced_id(content.uri)])
    else:
        octets = None
        element, octets_of[content] = _without_signature(tree, signature, content)
    return Signed(
        element=element,
        chain=chain,
        algorithm=block.algorithm,
        claimed=claimed,
        unsigned=unsigned.complete(others, [_stampable(item, octets_of) for item in block.references]),
        octets=octets,
        detached=beside,
    )


def find(root: etree._Element, place: Place) -> etree._Element:
    """Find the one signature of a document.

    Raises:
        Refused: there is none, there are several, or it stands elsewhere.
    """
    found = list(root.iter(SIGNATURE))
    if not found:
        raise Refused(MISSING)
    if len(found) > 1:
        raise Refused(SEVERAL, f"There are {len(found)} Signature elements", where=f"line {found[1].sourceline}")
    ancestors = [ancestor.tag for ancestor in found[0].iterancestors()]
    expected = {Place.ROOT_CHILD: [root.tag], Place.ENVELOPING: [], Place.EDXML_HEADER: HEADER_PATH}[place]
    if ancestors != expected:
        raise Refused(MISPLACED, where=f"line {found[0].sourceline}")
    return found[0]


def place_of(root: etree._Element) -> Place:
    """Tell where a document of this root carries its signature."""
    if root.tag == SIGNATURE:
        return Place.ENVELOPING
    return Place.EDXML_HEADER if root.tag == HEADER_PATH[-1] else Place.ROOT_CHILD


def strip_comments(root: etree._Element) -> None:
    """Remove all comments, so that every text is whole: canonical XML does not cover comments."""
    etree.strip_tags(root, etree.Comment)


def _assign(
    block: SignatureBlock, place: Place, ids: Mapping[str, etree._Element]
) -> tuple[Reference, Reference | None, Reference | None]:
    """Tell the reference to the content from those to the properties and to KeyInfo; the content must be all there is."""
    inside = [item for item in block.references if not item.uri.startswith(DETACHED)]
    typed = [item for item in inside if item.type == SIGNED_PROPERTIES_TYPE]
    named = grammar.key_info(block.element).get("Id")
    keys = [item for item in inside if named and item.uri == f"#{named}" and item not in typed]
    content = [item for item in inside if item not in typed and item not in keys]
    if len(content) != 1 or len(keys) > 1:
        raise Refused(COVERAGE, f"{len(content)} References to the content; there must be one")
    name = grammar.referenced_id(content[0].uri)
    root = block.element.getroottree().getroot()
    target = ids.get(name) if name else root
    contents = [item for item in block.objects if not xades.is_properties(item)]
    if contents != ([target] if place is Place.ENVELOPING else []):
        raise Refused(COVERAGE, "The signature holds an Object that it does not cover, or covers only a part")
    if place is not Place.ENVELOPING and target is not root:
        raise Refused(COVERAGE, f"The Reference {content[0].uri[:100]!r} does not point to the root")
    return content[0], typed[0] if typed else None, keys[0] if keys else None


def _part(reference: Reference, ids: Mapping[str, etree._Element]) -> bytes:
    """Compare the digest of a part of the signature itself, and return what it is over."""
    octets = canonical(ids[grammar.referenced_id(reference.uri)], only_transform(reference))
    compare(reference, octets)
    return octets


def _without_signature(
    tree: etree._ElementTree, signature: etree._Element, reference: Reference
) -> tuple[etree._Element, bytes]:
    """Apply enveloped-signature and the canonicalisation, compare the digest, and return the root and what it is over."""
    if not reference.transforms or reference.transforms[0].algorithm != ENVELOPED:
        raise Refused(TRANSFORM, "The first transform must be enveloped-signature")
    transform = only_transform(reference, skip=1)
    root = tree.getroot()
    detach(signature)
    strip_comments(root)
    # A reference by Id covers the element alone; URI="" also the processing instructions around it.
    covered = etree.ElementTree(copy.deepcopy(root)) if reference.uri and has_company(root) else tree
    octets = canonicalize_document(covered, transform.algorithm, transform.prefixes)
    compare(reference, octets)
    return root, octets


def _open_object(reference: Reference, holder: etree._Element) -> tuple[etree._Element, bytes | None, bytes]:
    """Compare the digest of an enveloping signature's ds:Object; return its one element, or its decoded octets.

    What the digest is over comes last.
    """
    strip_comments(holder)
    if [item.algorithm for item in reference.transforms] == [BASE64]:
        if len(holder):
            raise Refused(TRANSFORM, "The base64 transform is for an Object that holds text only")
        octets = grammar.decode_base64(holder.text or "", f"Object, line {holder.sourceline}")
        compare(reference, octets)
        return holder, octets, octets
    octets = canonical(holder, only_transform(reference))
    compare(reference, octets)
    if len(holder) != 1 or (holder.text or "").strip() or (holder[0].tail or "").strip():
        raise Refused(GRAMMAR, "The Object must hold one document", where=f"line {holder.sourceline}")
    return holder[0], None, octets


def _stampable(reference: Reference, octets_of: Mapping[Reference, bytes]) -> bytes | None:
    """Give the octets of a reference, where they do not depend on how a time-stamp is canonicalised."""
    explicit = any(item.algorithm in CANONICALIZATIONS or item.algorithm == BASE64 for item in reference.transforms)
    return octets_of.get(reference) if explicit else None


def only_transform(reference: Reference, *, skip: int = 0) -> Transform:
    """Return the one canonicalisation of a reference; none written means inclusive C14N 1.0 (XMLDSig 4.4.3.2).

    Raises:
        Refused: `transform-not-allowed`.
    """
    rest = reference.transforms[skip:]
    if len(rest) > 1 or any(item.algorithm not in CANONICALIZATIONS for item in rest):
        unwanted = next((item.algorithm for item in rest if item.algorithm not in CANONICALIZATIONS), "A second one")
        raise Refused(TRANSFORM, f"{unwanted or 'An empty transform'} is not allowed here")
    return rest[0] if rest else Transform(algorithm=C14N_10)


def canonical(element: etree._Element, transform: Transform) -> bytes:
    """Canonicalise an element where it stands.

    Raises:
        Refused: `canonicalization-not-allowed`.
    """
    return canonicalize_element(element, transform.algorithm, transform.prefixes)


def compare(reference: Reference, octets: bytes) -> None:
    """Compare octets with the digest of a reference.

    Raises:
        Refused: `content-changed`, or `digest-algorithm`.
    """
    if not octets or not hmac.compare_digest(digest(reference.digest_algorithm, octets), reference.digest):
        raise Refused(CHANGED, where=f"Reference {reference.uri!r}")


def detach(signature: etree._Element) -> None:
    """Remove the signature and keep the text that follows it, which is signed content."""
    parent, before = signature.getparent(), signature.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (signature.tail or "") or None
    else:
        parent.text = (parent.text or "") + (signature.tail or "") or None
    parent.remove(signature)


def has_company(root: etree._Element) -> bool:
    """Tell whether there are instructions or comments beside the root."""
    return root.getprevious() is not None or root.getnext() is not None
