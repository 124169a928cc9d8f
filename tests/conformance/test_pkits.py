"""NIST PKITS: every case of path validation, by the judge itself, with its revocation lists.

The certificates come with a package of test vectors, the expectations from `../shared/samples`. DSA and SHA-1 are let in here
alone, and indirect lists are on: the suite is about paths, not about what this product accepts.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cryptography_vectors
import pytest

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
    "40105": "a DSA key without its parameters, which are those of its issuer: no key of this kind can be read here",
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


@pytest.mark.filterwarnings("ignore:Parsed a serial number:")
def test_the_table(record_property, capsys):
    """Print how many passed, failed and do not apply; nothing is accepted that must be refused."""
    counts: Counter[str] = Counter()
    for case in CASES:
        found, _ = outcome(case)
        right = found == case["expect"]
        counts["passed" if right else "not applicable" if case["id"] in NOT_APPLICABLE else "failed"] += 1
        assert case["expect"] == "valid" or found == "invalid"
    with capsys.disabled():
        left = "" if CASES else " (all 246 cases left out: ../shared/samples is not here)"
        print(f"\nNIST PKITS: {dict(counts)} of {len(CASES)}{left}")
        for each, why in NOT_APPLICABLE.items():
            print(f"  not applicable: {each}: {why}")
    assert counts["failed"] == 0
    assert not CASES or (len(CASES), counts["passed"]) == (246, 245)
