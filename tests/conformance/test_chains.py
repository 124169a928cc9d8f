"""Generated chains for every finding about paths, judged here, by openssl, by cryptography and by pyhanko-certvalidator.

Each disagreement of another verifier is explained in the case by a written rule; one that is not fails, and so does an
explanation of a disagreement that is none.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.authority.certificates import NOW
from tests.conformance.chains import Chain, everything
from tests.conformance.verifiers import NOT_BY_CERTVALIDATOR, OPENSSL, VERIFIERS, is_asked
from trust_store.certificate import load
from trust_store.errors import Refused
from trust_store.evidence import Asking, Evidence, Terms
from trust_store.judge import judge
from trust_store.policy import PathRules, Policy
from trust_store.revocation.lists import load_list

CHAINS = everything()
SECONDS = 0.5
"""What a judgement may cost in processor time, whatever the chain."""

pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")


def outcome(chain: Chain) -> str:
    """Judge a chain; give "valid" or the code of the reason."""
    try:
        anchors = tuple(load(each) for each in chain.anchors)
        terms = Terms(asking=Asking.REQUIRED if chain.required else Asking.NAMED)
        evidence = Evidence(
            anchors=anchors,
            intermediates=tuple(load(each) for each in chain.between),
            lists=tuple(load_list(each) for each in chain.lists),
            terms={each.fingerprint: terms for each in anchors},
        )
        rules = PathRules(policies=chain.policies, explicit=chain.explicit)
        verdict = judge([load(chain.leaf)], evidence, Policy(path=rules), NOW)
    except Refused as refusal:
        return refusal.reason.code
    return verdict.reason.code if verdict.reason else "valid"


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.id)
@pytest.mark.timeout(20)
def test_every_chain_ends_as_its_rule_says_and_soon(chain):
    started = time.process_time()
    found = outcome(chain)
    assert (found, chain.rule) == (chain.expect, chain.rule)
    assert time.process_time() - started < SECONDS


def differing(name: str, folder: Path) -> set[str]:
    """Give the cases in which a verifier says something else than the rule."""
    return {
        each.id
        for each in CHAINS
        if is_asked(name, each) and VERIFIERS[name](each, folder) is not (each.expect == "valid")
    }


@pytest.mark.parametrize("name", VERIFIERS)
def test_every_disagreement_of_another_verifier_is_explained(name, tmp_path, capsys):
    if name == "openssl" and OPENSSL is None:
        with capsys.disabled():
            print("\nLEFT OUT: openssl is not installed; its opinion of the chains was not asked")
        return
    (tmp_path / "chain").mkdir()
    assert differing(name, tmp_path / "chain") == {each.id for each in CHAINS if name in each.explained}


def test_what_does_not_end_is_not_asked_and_is_there():
    assert {each.id for each in CHAINS} >= NOT_BY_CERTVALIDATOR
    assert len({each.id for each in CHAINS}) == len(CHAINS)


def test_the_table(capsys):
    """Print what passed, what failed, and why others say something else."""
    counts = Counter("passed" if outcome(each) == each.expect else "failed" for each in CHAINS)
    wrong = [each.id for each in CHAINS if each.expect != "valid" and outcome(each) == "valid"]
    with capsys.disabled():
        print(
            f"\nGenerated chains: {dict(counts)} of {len(CHAINS)}; accepted though they must be refused: {len(wrong)}"
        )
        for name in VERIFIERS:
            differ = [each for each in CHAINS if name in each.explained]
            left = len([each for each in CHAINS if not is_asked(name, each)])
            accepts = sum(each.expect != "valid" for each in differ)
            asked = f"{len(CHAINS) - left} asked" + (f", {left} not, as it would not end" if left else "")
            print(f"  {name}: {asked}; differs in {len(differ)}, of which it accepts {accepts} that must be refused:")
            reasons = Counter(each.explained[name] for each in differ)
            for why, number in sorted(reasons.items(), key=lambda each: -each[1]):
                print(f"    {number} x {why}")
    assert (counts["failed"], wrong) == (0, [])
