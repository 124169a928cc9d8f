"""Structure-aware mutations of signed letters: what is accepted must say exactly what was signed, files beside it too.

`make fuzz` tries ten thousand, `make mutants` a million in processes of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from envelopes.signature import verify
from tests.fuzz.mutants import SEED, Mutant, bases, describe, judge_mutant, make, originals

ROUNDS = max(2_000, int(os.environ.get("FUZZ_EXAMPLES", "0")))
ROOT = Path(__file__).parents[2]


def test_every_base_is_accepted_and_is_another_letter_than_the_donors() -> None:
    for base in bases():
        assert judge_mutant(Mutant(number=0, base=base, changes=(), data=base.data)) == "accepted"
        assert len(originals()[base.name]) > 1


def test_a_mutant_depends_on_its_number_alone() -> None:
    assert make(7).data == make(7).data
    assert len({make(number).data for number in range(200)}) > 190


def test_accepted_means_the_same_content() -> None:
    counts: Counter[str] = Counter()
    for number in range(ROUNDS):
        mutant = make(number, SEED + 1)
        try:
            counts[judge_mutant(mutant)] += 1
        except Exception as error:
            pytest.fail(f"{error!r}\n{describe(mutant)}")
    assert counts["accepted"] > ROUNDS // 20, "other spellings are harmless, so some are accepted"
    assert counts["xml-malformed"] < ROUNDS // 3, "most mutants get past the parser"
    assert len(counts) > 20, "the mutants meet most of the rules"


def _passes(*_: object) -> None:
    """Check nothing."""


@pytest.mark.parametrize(
    ("rule", "instead"),
    [("compare", _passes), ("SIGNATURES", dict.fromkeys(verify.SIGNATURES, _passes))],
    ids=["digests", "signature value"],
)
def test_the_invariant_sees_a_verifier_that_forgets_a_rule(
    monkeypatch: pytest.MonkeyPatch, rule: str, instead: object
) -> None:
    originals()
    monkeypatch.setattr(verify, rule, instead)
    with pytest.raises(AssertionError, match="another content"):
        Counter(judge_mutant(make(number)) for number in range(5_000))


def test_the_million_can_be_started_and_counts_what_it_tries() -> None:
    command = [sys.executable, "-m", "tests.fuzz.million", "--count", "300", "--workers", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("300 mutants in ")
    assert done.stdout.endswith("0 failures, 0 mutants not tried\n")
