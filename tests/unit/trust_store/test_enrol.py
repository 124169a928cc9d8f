"""The small authority makes certificates that the judge believes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from trust_store.enrol import Holder, create_authority, enrol, issue, new_key, new_rsa_key
from trust_store.errors import Misuse
from trust_store.evidence import Evidence
from trust_store.identity import Identity, PartyKind, holder_tax_code
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.verdict import Outcome

ENTERPRISE = Holder(kind=PartyKind.ENTERPRISE, common_name="Công ty A", organisation="Công ty A", code="0100107370001")
AGENCY = Holder(kind=PartyKind.AGENCY, common_name="Văn thư", organisation="Sở Nội vụ", code="H56.12")


@pytest.fixture(scope="module")
def authority(now):
    root = create_authority("Sandbox root", serial=1, at=now, years=10)
    return create_authority("Sandbox issuing", serial=2, at=now, years=5, parent=root)


@pytest.mark.parametrize("holder", [ENTERPRISE, AGENCY])
@pytest.mark.parametrize("generate", [new_key, new_rsa_key, ed25519.Ed25519PrivateKey.generate])
def test_what_is_issued_is_believed(authority, now, holder, generate):
    held = enrol(authority, holder, serial=3, at=now, days=365, generate=generate)
    party = Identity(
        kind=holder.kind,
        codes=frozenset({holder.code}),
        tax_code="0100107370-001",
        fingerprints=frozenset({held.certificate.fingerprint}) if holder is AGENCY else frozenset(),
    )
    evidence = Evidence(anchors=held.chain[-1:])
    verdict = judge([held.certificate, *held.chain], evidence, Policy(), now, party)
    assert (verdict.outcome, verdict.codes) == (Outcome.VALID, party.codes)


def test_what_the_certificate_says(authority, now):
    moment = now + timedelta(microseconds=5)
    certificate = issue(authority, ENTERPRISE, new_key().public_key(), serial=77, at=moment, days=30)
    assert certificate.serial == 77
    assert (certificate.not_before, certificate.not_after) == (now, now + timedelta(days=30))
    assert certificate.usages == {"digitalSignature", "contentCommitment"}
    assert holder_tax_code(certificate) == "0100107370-001"
    extensions = certificate.x509.extensions
    assert extensions.get_extension_for_class(x509.KeyUsage).critical
    issuer = authority.certificate.x509.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == issuer.digest


def test_the_code_of_an_agency_is_its_organisation_identifier(authority, now):
    certificate = issue(authority, AGENCY, new_key().public_key(), serial=4, at=now, days=30)
    found = certificate.x509.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_IDENTIFIER)
    assert [each.value for each in found] == ["H56.12"]
    assert holder_tax_code(certificate) is None


def test_nothing_outlives_its_authority(authority, now):
    certificate = issue(authority, AGENCY, new_key().public_key(), serial=5, at=now, days=36500)
    assert certificate.not_after == authority.certificate.not_after


def test_a_wrong_tax_code_is_not_certified(authority, now):
    wrong = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code="0100107371")
    with pytest.raises(Misuse):
        issue(authority, wrong, new_key().public_key(), serial=6, at=now, days=30)


def test_an_issuing_authority_makes_no_further_authorities(authority, now):
    below = create_authority("Below", serial=7, at=now, years=1, parent=authority)
    held = enrol(below, AGENCY, serial=8, at=now, days=30)
    verdict = judge([held.certificate, *held.chain], Evidence(anchors=held.chain[-1:]), Policy(), now)
    assert verdict.outcome is Outcome.INVALID


def test_keys_are_as_promised():
    assert isinstance(key := new_key(), ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert isinstance(key := new_rsa_key(), rsa.RSAPrivateKey)
    assert key.key_size == 3072
