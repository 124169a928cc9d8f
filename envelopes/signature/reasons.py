"""Why a signature is refused before anyone asks who made it (XMLDSig 1.1, and the strict profile in docs/protocol)."""

from __future__ import annotations

from trust_store.errors import reason

_RESEND = "Sign the document again with standard XML Signature software and send that file unchanged"

MISSING = reason("signature-missing", "The document is not signed", "Sign the document with the party's certificate")
SEVERAL = reason("signature-several", "The document has more than one Signature element", "Send it with one signature")
MISPLACED = reason(
    "signature-misplaced",
    "The signature is not where this kind of document has it",
    "Put ds:Signature last in edXMLHeader (edXML) or directly under the root (other documents)",
)
GRAMMAR = reason("signature-grammar", "The Signature element is not built as XMLDSig says", _RESEND)
COMMENT = reason("signature-comment", "The Signature element holds a comment or a processing instruction", _RESEND)
BASE64 = reason("signature-base64", "A value inside the signature is not strict base64", _RESEND)
DUPLICATE_ID = reason("id-duplicate", "Two elements carry the same Id", "Give every element an Id of its own")
REFERENCE = reason(
    "reference-not-allowed", "A Reference points to something it may not", "Sign the whole document (URI empty)"
)
COVERAGE = reason(
    "coverage-incomplete", "The signature does not cover the whole document", "Sign the whole document (URI empty)"
)
TRANSFORM = reason(
    "transform-not-allowed",
    "A transform is not allowed here",
    "Use enveloped-signature followed by one canonicalization, nothing else",
)
CANONICALIZATION = reason(
    "canonicalization-not-allowed",
    "The canonicalization is not allowed or cannot be done",
    "Use Exclusive XML Canonicalization 1.0 without comments",
)
ALGORITHM = reason(
    "signature-algorithm", "The signature algorithm is weak or unknown", "Sign with RSA, ECDSA or Ed25519 and SHA-2"
)
DIGEST = reason("digest-algorithm", "The digest algorithm is weak or unknown", "Use SHA-256, SHA-384 or SHA-512")
KEY_KIND = reason("key-kind", "The key in the certificate is of another kind than the algorithm", _RESEND)
KEY_INFO = reason(
    "key-info-not-allowed",
    "The signer's key is not given by X.509 certificates alone",
    "Put the signer's certificate first in one X509Data and nothing else that holds a key",
)
CHANGED = reason(
    "content-changed",
    "The document is not the one that was signed",
    "Ask the sender for the original file; software that re-saves XML breaks signatures",
)
FORGED = reason("signature-mismatch", "The signature does not belong to the certificate that it carries", _RESEND)
XADES = reason("xades-properties", "The XAdES signed properties are not right", _RESEND)
NAMESPACE = reason("signature-namespace", "The Signature element is outside the XML Signature namespace", _RESEND)
ALREADY_SIGNED = reason(
    "signature-present",
    "The document is signed already",
    "Sign the unsigned original; one document carries one signature",
)
PLACEHOLDER = reason(
    "signature-placeholder", "The signature is a placeholder that signs nothing", "Sign with the party's certificate"
)
UNDECLARED = reason(
    "signature-undeclared-prefix", "A document with undeclared prefixes cannot carry a signature", _RESEND
)
