"""F: whose key it is, how it is handed over, and the algorithms."""

from __future__ import annotations

import base64
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conformance.catalogue.case import Cases, planned, refused
from tests.forging import keys
from tests.forging.keys import attacker, attackers, genuine, signer
from tests.forging.letters import unsigned
from tests.forging.signing import (
    MD5,
    MORE,
    SHA1,
    SHA256,
    XMLDSIG,
    Plan,
    Ref,
    forge,
    held,
    hmac_by,
    sign_octets,
    x509_data,
)
from trust_store.keys import HeldKey

HMAC = MORE + "hmac-sha256"
WEAK = XMLDSIG + "rsa-sha1"


def key_info(inner: Callable[[], str], holder: Callable[[], HeldKey] = signer) -> Callable[[], bytes]:
    return lambda: forge(unsigned(), Plan(holder=holder(), key_info=f"<ds:KeyInfo>{inner()}</ds:KeyInfo>"))


def key_value(holder: HeldKey) -> str:
    key = holder.private_key.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    point = base64.b64encode(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).decode()
    return (
        '<ds:KeyValue><e:ECKeyValue xmlns:e="http://www.w3.org/2009/xmldsig11#"><e:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
        f"<e:PublicKey>{point}</e:PublicKey></e:ECKeyValue></ds:KeyValue>"
    )


def secret(form: str) -> bytes:
    certificate = signer().certificate
    key = certificate.x509.public_key()
    info = PublicFormat.SubjectPublicKeyInfo
    forms = {
        "pem-cert": certificate.pem,
        "pem-cert-stripped": certificate.pem.strip(),
        "der-cert": certificate.der,
        "spki-pem": key.public_bytes(Encoding.PEM, info),
        "spki-der": key.public_bytes(Encoding.DER, info),
    }
    return forms[form]


def by_hmac(form: str) -> Callable[[], bytes]:
    return lambda: forge(unsigned(), Plan(method=HMAC, sign=hmac_by(secret(form))))


def truncated(bits: int) -> Callable[[], bytes]:
    def make() -> bytes:
        whole = hmac_by(secret("pem-cert"))
        plan = Plan(method=HMAC, parameters=output_length(bits), sign=lambda octets: whole(octets)[: bits // 8])
        return forge(unsigned(), plan)

    return make


def output_length(bits: int) -> str:
    return f"<ds:HMACOutputLength>{bits}</ds:HMACOutputLength>"


def algorithm(uri: str, kind: str = "p256", parameters: str = "") -> Callable[[], bytes]:
    return lambda: forge(unsigned(), _algorithm_plan(uri, kind, parameters))


def _algorithm_plan(uri: str, kind: str, parameters: str) -> Plan:
    holder = signer(kind)
    return Plan(holder=holder, method=uri, parameters=parameters, sign=lambda octets: sign_octets(holder, uri, octets))


def digest(method: str) -> Callable[[], bytes]:
    return planned(Plan(references=(Ref(method=method),)))


def of(make: Callable[[], HeldKey]) -> Callable[[], bytes]:
    return lambda: forge(unsigned(), Plan(holder=make()))


def _cloned_chain() -> bytes:
    above = (attackers().issuing.certificate.der, attackers().root.certificate.der)
    return forge(unsigned(), Plan(holder=attacker(), certificates=(attacker().certificate.der, *above)))


def _leaf_as_authority() -> bytes:
    leaf = keys.issued_by_party()
    return forge(unsigned(), Plan(holder=leaf, certificates=(leaf.certificate.der, signer("p384").certificate.der)))


def _genuine_first() -> bytes:
    shows = (signer().certificate.der, attacker().certificate.der)
    return forge(unsigned(), Plan(holder=held(signer(), attacker()), certificates=shows))


def _attacker_first() -> bytes:
    above = genuine().issuing.certificate.der
    return forge(
        unsigned(), Plan(holder=attacker(), certificates=(attacker().certificate.der, signer().certificate.der, above))
    )


def _both(signs: Callable[[], HeldKey]) -> Callable[[], bytes]:
    return lambda: forge(
        unsigned(),
        Plan(
            holder=held(signer(), signs()),
            key_info=f"<ds:KeyInfo>{key_value(attacker())}{x509_data(signer().certificate.der)}</ds:KeyInfo>",
        ),
    )


def retrieval(uri: str) -> str:
    return f'<ds:RetrievalMethod Id="rm" URI="{uri}" Type="{XMLDSIG}X509Data"/>'


PLACEHOLDER = "signature-placeholder"
"""What carries no certificate that can be read is told so; the verifier itself says what is wrong with the KeyInfo."""

KEYS: Cases = {
    "key-attacker-keyvalue": refused(
        PLACEHOLDER, key_info(lambda: key_value(attacker()), attacker), "key-info-not-allowed"
    ),
    "key-attacker-selfsigned": refused("path-untrusted", of(keys.self_signed)),
    "key-attacker-cloned-chain": refused("path-untrusted", _cloned_chain),
    "key-genuine-cert-first-attacker-second": refused("signature-mismatch", _genuine_first),
    "key-attacker-first-genuine-second": refused("path-untrusted", _attacker_first),
    "key-cert-genuine-keyvalue-attacker": refused("key-info-not-allowed", _both(attacker)),
    "key-cert-genuine-keyvalue-attacker-signed-genuine": refused("key-info-not-allowed", _both(signer)),
    "key-leaf-as-ca": refused("issuer-not-ca", _leaf_as_authority),
    "cert-expired": refused("certificate-expired", of(keys.expired)),
    "cert-notyet": refused("certificate-not-yet-valid", of(keys.not_yet)),
    "cert-nokeyusage-sign": refused("key-usage", of(keys.without_usage)),
    "cert-tls-only": refused("extended-key-usage", of(keys.tls_only)),
    "cert-revoked": refused("certificate-revoked", of(keys.revoked)),
    "cert-rsa1024": refused("key-too-weak", of(lambda: signer("rsa1024"))),
    "keyinfo-absent": refused(PLACEHOLDER, lambda: forge(unsigned(), Plan(key_info="")), "signature-grammar"),
    "keyinfo-retrievalmethod-http": refused(
        PLACEHOLDER, key_info(lambda: retrieval("http://127.0.0.1:9/x")), "key-info-not-allowed"
    ),
    "keyinfo-retrievalmethod-loop": refused(PLACEHOLDER, key_info(lambda: retrieval("#rm")), "key-info-not-allowed"),
    "keyinfo-garbage-certificate": refused(
        PLACEHOLDER, key_info(lambda: x509_data(b"not a certificate")), "certificate-malformed"
    ),
    "keyinfo-500-certificates": refused(
        "key-info-not-allowed", key_info(lambda: x509_data(*[signer().certificate.der] * 500))
    ),
    "key-rsa-e3": refused("key-too-weak", of(lambda: signer("rsa-e3"))),
}

ALGORITHMS: Cases = {
    **{
        f"hmac-confusion-{form}": refused("signature-algorithm", by_hmac(form))
        for form in ("pem-cert", "der-cert", "spki-pem", "spki-der", "pem-cert-stripped")
    },
    "hmac-truncated-0": refused("signature-algorithm", truncated(0)),
    "hmac-truncated-8": refused("signature-algorithm", truncated(8)),
    "hmacoutputlength-on-rsa": refused("signature-algorithm", algorithm(MORE + "rsa-sha256", "rsa", output_length(8))),
    "alg-rsa-sha1": refused("signature-algorithm", algorithm(WEAK, "rsa")),
    "alg-rsa-md5": refused("signature-algorithm", algorithm(MORE + "rsa-md5", "rsa")),
    "alg-ecdsa-sha1": refused("signature-algorithm", algorithm(MORE + "ecdsa-sha1")),
    "digest-sha1": refused("digest-algorithm", digest(SHA1)),
    "digest-md5": refused("digest-algorithm", digest(MD5)),
    "alg-key-mismatch-ecdsa-uri-rsa-key": refused("key-kind", algorithm(MORE + "ecdsa-sha256", "rsa")),
    "alg-none": refused("signature-algorithm", algorithm("none")),
    "alg-empty": refused("signature-algorithm", algorithm("")),
    "alg-unknown": refused("signature-algorithm", algorithm("urn:evil:sig")),
    "alg-digest-as-sig": refused("signature-algorithm", algorithm(SHA256)),
}
CASES: Cases = {**KEYS, **ALGORITHMS}
