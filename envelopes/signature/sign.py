"""Sign as edXML asks and as every engine accepts: enveloped, exclusive C14N, explicit transforms, ds prefix, one certificate.

The signature covers the whole document, so attachments inside it are covered too; files beside it are covered by digest.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from envelopes import xml
from envelopes.signature.algorithms import EXCLUSIVE
from envelopes.signature.c14n import canonicalize_document
from envelopes.signature.claims import Claims
from envelopes.signature.grammar import SIGNATURE
from envelopes.signature.reasons import ALREADY_SIGNED, MISPLACED, REFERENCE
from envelopes.signature.verify import HEADER_PATH, Place, place_of
from envelopes.signature.writing import NOTHING, write_signature
from trust_store.errors import Refused
from trust_store.keys import KeyHolder


def sign(
    document: bytes, holder: KeyHolder, detached: Mapping[str, str] = NOTHING, claims: Claims | None = None
) -> bytes:
    """Sign a whole document with the holder's key; return it in UTF-8 with the signature at the place of its kind.

    `detached` maps the content id of each file that travels beside an edXML letter to its SHA-256 (hex). With `claims` the
    signature is XAdES B-B; without, a plain XML signature, which every document system reads. A placeholder
    outside the XML Signature namespace is replaced. edXML is written with CRLF line ends, as document systems write it;
    canonical XML does not see the difference.

    Raises:
        Refused: the document is not safe XML, is signed already, cannot have files beside it, one of them cannot be named,
            or the key is of a kind that is not used here.
    """
    root = xml.parse(document).getroot()
    if next(root.iter(SIGNATURE), None) is not None:
        raise Refused(ALREADY_SIGNED)
    parent = _parent(root)
    for placeholder in list(parent.iterchildren("{*}Signature", "{*}DigitalSignature")):
        parent.remove(placeholder)
    is_edxml = place_of(root) is Place.EDXML_HEADER
    if detached and not is_edxml:
        raise Refused(REFERENCE, "Only an edXML letter has files beside it")
    canonical = canonicalize_document(root.getroottree(), EXCLUSIVE)
    parent.append(xml.parse(write_signature(canonical, holder, detached, claims).encode()).getroot())
    written = bytes(etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True))
    declaration, _, body = written.partition(b"\n")
    line_end = b"\r\n" if is_edxml else b"\n"
    return declaration.replace(b"'", b'"') + line_end + body.replace(b"\n", line_end)


def _parent(root: etree._Element) -> etree._Element:
    if place_of(root) is not Place.EDXML_HEADER:
        return root
    header = root.find("/".join(reversed(HEADER_PATH[:-1])))
    if header is None:
        raise Refused(MISPLACED, "The document has no edXMLHeader to put a signature into")
    return header
