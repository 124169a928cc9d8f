"""E: what a Reference points to. H: the signed properties of XAdES."""

from __future__ import annotations

from datetime import UTC, datetime

from envelopes.opened import Envelope
from envelopes.signature.algorithms import EXCLUSIVE
from tests.conformance.catalogue.case import Case, Cases, by, original, planned, refused
from tests.forging.keys import AT, attacker, signer
from tests.forging.letters import unsigned
from tests.forging.signing import PROPERTIES, Plan, Ref, forge, transform, xades

EXTERNAL = {
    "http": ("http://127.0.0.1:9/x", "reference-not-allowed"),
    "file": ("file:///etc/hostname", "reference-not-allowed"),
    "relative": ("../../../../etc/hostname", "reference-not-allowed"),
    "ftp": ("ftp://127.0.0.1/x", "reference-not-allowed"),
    "data": ("data:,hello", "reference-not-allowed"),
    "cid": ("cid:part1", "coverage-incomplete"),
}
"""A file by cid: may be named beside the content, in edXML, and never instead of it."""


def _own_signed_info() -> bytes:
    data = forge(unsigned(), Plan(references=(by("#si", octets=b"x", chain=transform(EXCLUSIVE)),)))
    return data.replace(b"<ds:SignedInfo>", b'<ds:SignedInfo Id="si">')


E_CASES: Cases = {
    **{
        f"reference-external-{name}": refused(
            code, planned(Plan(references=(Ref(uri=uri, transforms="", octets=b"hello"),)))
        )
        for name, (uri, code) in EXTERNAL.items()
    },
    "reference-no-uri": refused("reference-not-allowed", planned(Plan(references=(by(None, octets=b"x"),)))),
    "references-500-same": refused("reference-not-allowed", planned(Plan(references=(Ref(octets=b"x"),) * 500))),
    "reference-to-own-signedinfo": refused("coverage-incomplete", _own_signed_info),
    "reference-dangling": refused("coverage-incomplete", planned(Plan(references=(by("#nowhere", octets=b"x"),)))),
    "reference-xpath-injection": refused(
        "reference-not-allowed", planned(Plan(references=(by("#doc' or '1'='1", octets=b"x"),)))
    ),
    "reference-empty-fragment": refused("reference-not-allowed", planned(Plan(references=(by("#", octets=b"x"),)))),
    "references-5000-same": refused("xml-limits", planned(Plan(references=(Ref(octets=b"x"),) * 5000))),
}


def _with_properties(objects: str, *references: Ref, document: bytes = b"") -> bytes:
    return forge(document or unsigned(), Plan(id="sig", objects=objects, references=(Ref(), *references)))


def _two_properties() -> bytes:
    second = xades(signer()).replace('Id="props"', 'Id="other"')
    return _with_properties(xades(signer()) + second, PROPERTIES)


def _fake_properties() -> bytes:
    """Carry other signed properties under the same Id outside the signature, where a look-up finds them first."""
    fake = xades(attacker()).replace("ds:", "").replace("<Object>", '<Object xmlns:x="urn:x">')
    document = unsigned().replace(b"</AttachmentEncoded>", f"</AttachmentEncoded>{fake}".encode(), 1)
    return _with_properties(xades(signer()), PROPERTIES, document=document)


def _claims(moment: datetime) -> Case:
    """Take the letter, record what the signer claims, and judge at the hub's own moment."""

    def reads(envelope: Envelope) -> bool:
        return envelope.message == original() and envelope.claimed_time == moment and envelope.verdict.at == AT

    written = moment.isoformat()
    return Case(make=lambda: _with_properties(xades(signer(), time=written), PROPERTIES), reads=reads)


STAMP = (
    "<x:UnsignedProperties><x:UnsignedSignatureProperties><x:SignatureTimeStamp><x:EncapsulatedTimeStamp>AAAA"
    "</x:EncapsulatedTimeStamp></x:SignatureTimeStamp></x:UnsignedSignatureProperties></x:UnsignedProperties>"
)
OTHER_TYPE = Ref(uri="#props", transforms=transform(EXCLUSIVE), type="http://uri.etsi.org/01903#Other")

H_CASES: Cases = {
    "xades-bes-valid": Case(make=lambda: _with_properties(xades(signer()), PROPERTIES)),
    "xades-signingcert-digest-mismatch": refused(
        "xades-properties", lambda: _with_properties(xades(attacker()), PROPERTIES)
    ),
    "xades-signedproperties-not-referenced": refused("xades-properties", lambda: _with_properties(xades(signer()))),
    "xades-signedproperties-wrong-type": refused(
        "coverage-incomplete", lambda: _with_properties(xades(signer()), OTHER_TYPE)
    ),
    "xades-target-mismatch": refused(
        "xades-properties", lambda: _with_properties(xades(signer(), target="other"), PROPERTIES)
    ),
    "xades-two-signedproperties": refused("xades-properties", _two_properties),
    "xades-signingtime-future": _claims(datetime(2099, 1, 1, tzinfo=UTC)),
    "xades-signingtime-malformed": refused(
        "xades-properties", lambda: _with_properties(xades(signer(), time="yesterday"), PROPERTIES)
    ),
    "xades-garbage-timestamp": Case(make=lambda: _with_properties(xades(signer(), unsigned=STAMP), PROPERTIES)),
    "xades-fake-signedproperties": refused("id-duplicate", _fake_properties),
}
CASES: Cases = {**E_CASES, **H_CASES}
