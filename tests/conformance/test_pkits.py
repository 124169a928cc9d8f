"""NIST PKITS: every case of path validation, by the judge itself, with its revocation lists.

The certificates come with a package of test vectors, the expectations from `../shared/samples`. DSA and SHA-1 are let in here
alone, and indirect lists are on: the suite is about paths, not about what this product accepts. A second column has what
pyhanko-certvalidator says by itself, which reads certificates that cryptography cannot.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cryptography_vectors
import pytest
from asn1crypto import crl as asn1crl
from asn1crypto import x509 as asn1
from pyhanko_certvalidator import CertificateValidator, PKIXValidationParams, ValidationContext
from pyhanko_certvalidator.errors import InvalidCertificateError, PathError, ValidationError
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, REQUIRE_REVINFO, AcceptAllAlgorithms, CertRevTrustPolicy

from trust_store.certificate import Certificate, load
from trust_store.errors import Refused
from trust_store.evidence import Asking, Evidence, Terms
from trust_store.judge import judge
from trust_store.policy import ALGORITHMS, AlgorithmRule, Freshness, PathRules, Policy
from trust_store.revocation.lists import load_list

SHARED = Path(__file__).parents[3] / "shared" / "samples" / "pkits" / "manifest.json"
DATA = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
AT = datetime(2022, 5, 1, tzinfo=UTC)
USAGES = frozenset({"digitalSignature", "contentCommitment", "keyCertSign", "cRLSign", "keyEncipherment"})
CASES = json.loads(SHARED.read_text())["cases"] if SHARED.exists() else []
NOT_APPLICABLE = {
    "40105": "a DSA key without its parameters, which are those of its issuer: no key of this kind can be read here, and DSA is "
    "no algorithm of this product; certvalidator takes the path, but cannot check the list that this key signed",
}
"""Cases that cannot be tried, and why; the certificate is refused as malformed."""


def certificate(path: str) -> Certificate:
    return load((DATA / path).read_bytes())


def policy(params: dict[str, object] | None) -> Policy:
    given = params or {}
    rules = PathRules(
        policies=frozenset(given.get("user_initial_policy_set", ())),
        explicit=bool(given.get("initial_explicit_policy")),
        no_mapping=bool(given.get("initial_policy_mapping_inhibit")),
        no_any_policy=bool(given.get("initial_any_policy_inhibit")),
    )
    return Policy(
        algorithms=(*ALGORITHMS, AlgorithmRule(name="DSA"), AlgorithmRule(name="SHA-1")),
        usages=USAGES,
        path=rules,
        freshness=Freshness(grace=timedelta(0), indirect=True),
    )


def outcome(case: dict[str, object]) -> tuple[str, str]:
    """Judge one case; give what it came to, and why."""
    root = certificate("certs/TrustAnchorRootCertificate.crt")
    try:
        evidence = Evidence(
            anchors=(root,),
            terms={root.fingerprint: Terms(asking=Asking.REQUIRED)},
            intermediates=tuple(certificate(each) for each in case["other_certs"]),
            lists=tuple(load_list((DATA / each).read_bytes()) for each in case["crls"]),
        )
        verdict = judge([certificate(case["cert"])], evidence, policy(case["params"]), AT)
    except Refused as refusal:
        return "invalid", refusal.reason.code
    return ("valid", "") if verdict.reason is None else ("invalid", verdict.reason.code)


@pytest.mark.filterwarnings("ignore:Parsed a serial number:")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']}-{case['name']}")
def test_every_case_ends_as_nist_says(case):
    found, why = outcome(case)
    if case["id"] in NOT_APPLICABLE:
        assert (found, why) == ("invalid", "certificate-malformed")
    else:
        assert found == case["expect"], why


def by_certvalidator(case: dict[str, object]) -> str:
    """Ask the library alone, with revocation required; where that cannot be asked, for the path alone."""
    params = case["params"] or {}
    given = PKIXValidationParams(
        user_initial_policy_set=frozenset(params.get("user_initial_policy_set", ("any_policy",))),
        initial_explicit_policy=bool(params.get("initial_explicit_policy")),
        initial_policy_mapping_inhibit=bool(params.get("initial_policy_mapping_inhibit")),
        initial_any_policy_inhibit=bool(params.get("initial_any_policy_inhibit")),
    )

    def read(path: str) -> asn1.Certificate:
        return asn1.Certificate.load((DATA / path).read_bytes())

    rules = NO_REVOCATION if case["id"] in NOT_APPLICABLE else REQUIRE_REVINFO
    context = ValidationContext(
        trust_roots=[read("certs/TrustAnchorRootCertificate.crt")],
        other_certs=[read(each) for each in case["other_certs"]],
        crls=[asn1crl.CertificateList.load((DATA / each).read_bytes()) for each in case["crls"]],
        moment=AT,
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(rules),
        algorithm_usage_policy=AcceptAllAlgorithms(),
        time_tolerance=timedelta(0),
    )
    validator = CertificateValidator(read(case["cert"]), validation_context=context, pkix_params=given)
    try:
        asyncio.run(validator.async_validate_path())
    except (ValidationError, PathError, InvalidCertificateError):
        return "invalid"
    return "valid"


@pytest.mark.filterwarnings("ignore:Parsed a serial number:")
def test_the_table(record_property, capsys):
    """Print how many passed, failed and do not apply; nothing is accepted that must be refused."""
    counts: Counter[str] = Counter()
    alone = Counter("passed" if by_certvalidator(case) == case["expect"] else "failed" for case in CASES)
    for case in CASES:
        found, _ = outcome(case)
        right = found == case["expect"]
        counts["passed" if right else "not applicable" if case["id"] in NOT_APPLICABLE else "failed"] += 1
        assert case["expect"] == "valid" or found == "invalid"
    with capsys.disabled():
        left = "" if CASES else " (all 246 cases left out: ../shared/samples is not here)"
        print(f"\nNIST PKITS, by the judge: {dict(counts)} of {len(CASES)}{left}")
        print(f"NIST PKITS, by pyhanko-certvalidator alone: {dict(alone)} of {len(CASES)} (40105 for its path)")
        for each, why in NOT_APPLICABLE.items():
            print(f"  not applicable: {each}: {why}")
    assert counts["failed"] == alone["failed"] == 0
    assert not CASES or (len(CASES), counts["passed"]) == (246, 245)
