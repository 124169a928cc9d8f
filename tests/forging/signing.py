"""A signer that signs what it is told to, right or wrong: any reference, transform, algorithm, key information, object."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from envelopes.signature.algorithms import C14N_10, C14N_11, CANONICALIZATIONS, ED25519, ENVELOPED, EXCLUSIVE
from envelopes.signature.c14n import canonicalize_document, canonicalize_element
from tests.forging.keys import signer
from tests.forging.letters import DS, header, write
from trust_store.keys import HeldKey, KeyHolder

MORE = "http://www.w3.org/2001/04/xmldsig-more#"
PSS = "http://www.w3.org/2007/05/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
MD5 = MORE + "md5"
XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
DIGESTS = {
    SHA256: "sha256",
    MORE + "sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    SHA1: "sha1",
    MD5: "md5",
}
HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "md5": hashes.MD5,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
DEFAULT = {256: "ecdsa-sha256", 384: "ecdsa-sha384", 521: "ecdsa-sha512"}


def transform(algorithm: str, inner: str = "") -> str:
    return f'<ds:Transform Algorithm="{algorithm}">{inner}</ds:Transform>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """Describe a Reference: `octets` is what is digested, where that is not what the reference honestly covers."""

    uri: str | None = ""
    transforms: str = transform(ENVELOPED) + transform(EXCLUSIVE)
    method: str = SHA256
    type: str = ""
    octets: bytes | None = None

    def write(self) -> str:
        uri = "" if self.uri is None else f' URI="{self.uri}"'
        kind = f' Type="{self.type}"' if self.type else ""
        chain = f"<ds:Transforms>{self.transforms}</ds:Transforms>" if self.transforms else ""
        method = f'<ds:DigestMethod Algorithm="{self.method}"/><ds:DigestValue>AA==</ds:DigestValue>'
        return f"<ds:Reference{uri}{kind}>{chain}{method}</ds:Reference>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Describe a signature; whatever is left out is as the product writes it."""

    holder: KeyHolder = field(default_factory=signer)
    references: tuple[Ref, ...] = (Ref(),)
    canonicalization: str = EXCLUSIVE
    method: str = ""
    parameters: str = ""
    extra: str = ""
    certificates: tuple[bytes, ...] | None = None
    key_info: str | None = None
    objects: str = ""
    id: str = ""
    bare: bool = False
    sign: Callable[[bytes], bytes] | None = None


def forge(document: bytes, plan: Plan, *, place: Callable[[etree._Element], etree._Element] = header) -> bytes:
    """Sign a document by a plan, with the signature as the last child of what `place` finds."""
    root = etree.fromstring(document)
    made = etree.fromstring(_template(plan))
    place(root).append(made)
    found = list(made.iterfind(f"{DS}SignedInfo/{DS}Reference"))
    for element, reference in zip(found, plan.references, strict=True):
        octets = covered(root, made, reference) if reference.octets is None else reference.octets
        digest = hashlib.new(DIGESTS.get(reference.method, "sha256"), octets).digest()
        text(element, "DigestValue", digest)
    seal(made, plan)
    return write(root)


def seal(made: etree._Element, plan: Plan) -> None:
    """Sign the SignedInfo that stands in a Signature, and write the value."""
    signed_info = made.find(DS + "SignedInfo")
    assert signed_info is not None
    octets = canonical(signed_info, plan.canonicalization)
    value = plan.sign(octets) if plan.sign else sign_octets(plan.holder, plan.method or method_of(plan.holder), octets)
    text(made, "SignatureValue", value)


def text(parent: etree._Element, name: str, octets: bytes) -> None:
    found = parent.find(DS + name)
    assert found is not None
    found.text = base64.b64encode(octets).decode()


def canonical(element: etree._Element, algorithm: str) -> bytes:
    """Canonicalise by what is declared; what nobody knows is taken for exclusive."""
    if algorithm.endswith("WithComments"):
        exclusive = "exc" in algorithm
        return bytes(etree.tostring(element, method="c14n", exclusive=exclusive, with_comments=True))
    return canonicalize_element(element, algorithm if algorithm in CANONICALIZATIONS else EXCLUSIVE)


def covered(root: etree._Element, made: etree._Element, reference: Ref) -> bytes:
    """Compute what a reference honestly covers: the document without the signature, or one element."""
    name = (reference.uri or "").removeprefix("#")
    by_last = next((a for a in (EXCLUSIVE, C14N_11, C14N_10) if f'"{a}"' in reference.transforms), C14N_10)
    if not name or root.get("Id") == name:
        return canonicalize_document(_enveloping(root).getroottree(), by_last)
    target = next((element for element in root.iter("*") if element.get("Id") == name), made)
    return canonical(_enveloping(target) if ENVELOPED in reference.transforms else target, by_last)


def _enveloping(element: etree._Element) -> etree._Element:
    """Copy an element without the signatures in it; a root with what stands around it."""
    is_root = element.getparent() is None
    copy = deepcopy(element.getroottree()).getroot() if is_root else deepcopy(element)
    for inside in list(copy.iter(DS + "Signature")):
        if inside is not copy:
            detach(inside)
    return copy


def detach(element: etree._Element) -> None:
    """Take an element out and leave its tail."""
    parent, before = element.getparent(), element.getprevious()
    assert parent is not None
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)


def method_of(holder: KeyHolder) -> str:
    key = holder.private_key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return MORE + DEFAULT[key.key_size]
    return ED25519 if isinstance(key, ed25519.Ed25519PrivateKey) else MORE + "rsa-sha256"


def sign_octets(holder: KeyHolder, method: str, octets: bytes) -> bytes:
    """Sign octets by the key, with the hash that the method names (SHA-256 where it names none)."""
    key = holder.private_key
    hashed = next((make() for name, make in HASHES.items() if name in method.lower()), hashes.SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(octets)
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        return key.sign(octets, pss if "MGF1" in method else padding.PKCS1v15(), hashed)
    half = (key.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(hashed)))
    return r.to_bytes(half) + s.to_bytes(half)


def xades(
    holder: KeyHolder, *, target: str = "sig", time: str = "2026-11-23T08:00:00+07:00", unsigned: str = ""
) -> str:
    """Write an Object of XAdES properties that name the holder's certificate, under the Id `props`."""
    digest = base64.b64encode(holder.certificate.x509.fingerprint(hashes.SHA256())).decode()
    return (
        f'<ds:Object><x:QualifyingProperties xmlns:x="{XADES}" Target="#{target}"><x:SignedProperties Id="props">'
        f"<x:SignedSignatureProperties><x:SigningTime>{time}</x:SigningTime><x:SigningCertificateV2><x:Cert><x:CertDigest>"
        f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>{digest}</ds:DigestValue></x:CertDigest></x:Cert>'
        f"</x:SigningCertificateV2></x:SignedSignatureProperties></x:SignedProperties>{unsigned}"
        "</x:QualifyingProperties></ds:Object>"
    )


PROPERTIES = Ref(uri="#props", transforms=transform(EXCLUSIVE), type="http://uri.etsi.org/01903#SignedProperties")


def hmac_by(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda octets: hmac.digest(secret, octets, "sha256")


def x509_data(*certificates: bytes) -> str:
    found = "".join(
        f"<ds:X509Certificate>{base64.b64encode(der).decode()}</ds:X509Certificate>" for der in certificates
    )
    return f"<ds:X509Data>{found}</ds:X509Data>"


def _template(plan: Plan) -> bytes:
    method = plan.method if plan.method or plan.sign else method_of(plan.holder)
    ders = (plan.holder.certificate.der,) if plan.certificates is None else plan.certificates
    key_info = f"<ds:KeyInfo>{x509_data(*ders)}</ds:KeyInfo>" if plan.key_info is None else plan.key_info
    attribute = f' Id="{plan.id}"' if plan.id else ""
    c14n = f'<ds:CanonicalizationMethod Algorithm="{plan.canonicalization}"/>'
    signing = f'<ds:SignatureMethod Algorithm="{method}">{plan.parameters}</ds:SignatureMethod>'
    references = "".join(reference.write() for reference in plan.references)
    written = (
        f'<ds:Signature xmlns:ds="{XMLDSIG}"{attribute}><ds:SignedInfo>{c14n}{signing}{references}{plan.extra}</ds:SignedInfo>'
        f"<ds:SignatureValue/>{key_info}{plan.objects}</ds:Signature>"
    )
    return (written.replace("xmlns:ds=", "xmlns=").replace("ds:", "") if plan.bare else written).encode()


def held(certificate: HeldKey, key: HeldKey) -> HeldKey:
    """Show one certificate and sign with another key."""
    return HeldKey(certificate=certificate.certificate, private_key=key.private_key)
