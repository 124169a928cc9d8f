"""Sign as edXML asks and as every engine accepts: enveloped, exclusive C14N, explicit transforms, ds prefix, one certificate.

signxml does the work. The signature covers the whole document, so attachments inside it are covered too.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from envelopes import xml
from envelopes.signature.grammar import SIGNATURE
from envelopes.signature.reasons import ALREADY_SIGNED, KEY_KIND, MISPLACED
from envelopes.signature.verify import HEADER_PATH, Place, place_of
from trust_store.errors import Refused
from trust_store.keys import KeyHolder

_CURVES: Final = {
    "secp256r1": (SignatureMethod.ECDSA_SHA256, DigestAlgorithm.SHA256),
    "secp384r1": (SignatureMethod.ECDSA_SHA384, DigestAlgorithm.SHA384),
    "secp521r1": (SignatureMethod.ECDSA_SHA512, DigestAlgorithm.SHA512),
}


def sign(document: bytes, holder: KeyHolder) -> bytes:
    """Sign a whole document with the holder's key; return it in UTF-8 with the signature at the place of its kind.

    A placeholder outside the XML Signature namespace is replaced. edXML is written with CRLF line ends, as document
    systems write it; canonical XML does not see the difference.

    Raises:
        Refused: the document is not safe XML, is signed already, or the key is of a kind that is not used here.
    """
    tree = xml.parse(document)
    root = tree.getroot()
    if next(root.iter(SIGNATURE), None) is not None:
        raise Refused(ALREADY_SIGNED)
    parent = _parent(root)
    for placeholder in list(parent.iterchildren("{*}Signature", "{*}DigitalSignature")):
        parent.remove(placeholder)
    parent.append(root.makeelement(SIGNATURE, {"Id": "placeholder"}, nsmap={"ds": SIGNATURE[1:-10]}))
    key, signer = _signer(holder)
    signed = signer.sign(root, key=key, cert=[holder.certificate.x509])
    written = etree.tostring(signed.getroottree(), encoding="UTF-8", xml_declaration=True)
    declaration, _, body = bytes(written).partition(b"\n")
    line_end = b"\r\n" if place_of(root) is Place.EDXML_HEADER else b"\n"
    return declaration.replace(b"'", b'"') + line_end + body.replace(b"\n", line_end)


def _parent(root: etree._Element) -> etree._Element:
    if place_of(root) is not Place.EDXML_HEADER:
        return root
    header = root.find("/".join(reversed(HEADER_PATH[:-1])))
    if header is None:
        raise Refused(MISPLACED, "The document has no edXMLHeader to put a signature into")
    return header


def _signer(holder: KeyHolder) -> tuple[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, XMLSigner]:
    key = holder.private_key
    if isinstance(key, rsa.RSAPrivateKey):
        method, digest = SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA256
    elif isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        method, digest = _CURVES[key.curve.name]
    else:
        raise Refused(KEY_KIND, "Only RSA and ECDSA (P-256, P-384, P-521) keys sign documents here")
    signer = XMLSigner(
        signature_algorithm=method,
        digest_algorithm=digest,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    return key, signer
