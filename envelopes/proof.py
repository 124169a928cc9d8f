"""A proof of holding a key as signed XML, for keys that only signing software for documents reaches (tokens, cards)."""

from __future__ import annotations

from typing import Final

from lxml import etree

from envelopes import xml
from envelopes.signature.verify import Place, verify
from trust_store.certificate import Certificate
from trust_store.enrol_proof import PROOF_WRONG
from trust_store.errors import Refused
from trust_store.verdict import Check, passed

NAMESPACE: Final = "urn:congvan:enrolment:1"
MAX_SIZE: Final = 64 * 1024
_ROOT: Final = f"{{{NAMESPACE}}}Proof"


def write_proof(statement: str) -> bytes:
    """Write a statement as XML that is to be signed as a whole (enveloped, under the root)."""
    root = etree.Element(_ROOT, nsmap={None: NAMESPACE})
    root.text = statement
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def check_signed_proof(data: bytes, certificate: Certificate, statement: str) -> Check:
    """Check that a statement is signed by the key of a certificate, by the same strict rules as documents.

    Raises:
        Refused: `proof-wrong`, or with the rule that the XML or its signature breaks.
    """
    if len(data) > MAX_SIZE:
        raise Refused(PROOF_WRONG, f"The signed proof has {len(data):,} bytes; {MAX_SIZE:,} are allowed")
    signed = verify(xml.parse(data), Place.ROOT_CHILD)
    element = signed.element
    if signed.chain[0] != certificate:
        raise Refused(PROOF_WRONG, f"The proof is signed by {signed.chain[0].subject}, not by {certificate.subject}")
    if element.tag != _ROOT or len(element) or (element.text or "").strip() != statement.strip():
        raise Refused(PROOF_WRONG, "The signed text is not the statement that the hub asked for")
    return passed("possession", f"The holder of the key of {certificate.subject} signed what the hub asked, as XML")
