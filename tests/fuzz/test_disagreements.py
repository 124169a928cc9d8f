"""The hub, signxml and xmlsec on the same mutants: every disagreement has a rule that explains it. `make engines` tries more."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from envelopes.signature.algorithms import ENVELOPED, EXCLUSIVE
from tests.conformance.catalogue import transforms
from tests.forging.letters import unsigned
from tests.forging.signing import Plan, Ref, forge, transform
from tests.fuzz import engines as running_engines
from tests.fuzz.disagreements import STRICTNESSES, Comparison, compare, explain, tabulate
from tests.fuzz.engines import ENGINES, TIMED_OUT, Engines, running
from tests.fuzz.mutants import Base, Mutant, bases

ROUNDS = 300 if int(os.environ.get("FUZZ_EXAMPLES", "0")) < 10_000 else 10_000


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with running() as found:
        yield found


def mutant(data: bytes, base: Base | None = None) -> Mutant:
    return Mutant(number=0, base=base or bases()[0], changes=(), data=data)


def test_all_agree_on_the_bases_but_for_what_the_engines_do_not_know(engines: Engines) -> None:
    for base in bases():
        compared = compare(mutant(base.data, base), engines)
        assert compared.ours == ""
        known = {"by Id, Ed25519": "knows no Ed25519", "three files beside": "cannot resolve files by cid:"}
        refusing = {explain(compared, engine) for engine in compared.disagreeing()}
        assert refusing == ({known[base.name]} if base.name in known else set())


def test_every_disagreement_on_mutants_is_explained() -> None:
    table, unexplained = tabulate(range(ROUNDS))
    assert unexplained == []
    agreed: Counter[str] = Counter()
    for (engine, side, _), count in table.items():
        agreed[engine] += count if side == "agrees" else 0
    assert set(agreed) == set(ENGINES)
    assert min(agreed.values()) > 0.85 * ROUNDS


def _signed(*chain: str) -> bytes:
    return forge(unsigned(), Plan(references=(Ref(transforms="".join(chain)),)))


def _with(old: bytes, new: bytes) -> Callable[[], bytes]:
    def make() -> bytes:
        assert old in bases()[0].data
        return bases()[0].data.replace(old, new, 1)

    return make


def _unknown_transform() -> bytes:
    return _signed(transform(ENVELOPED), transform("urn:x"), transform(EXCLUSIVE))


BELIEFS: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "comment": (
        _with(b"<ds:KeyInfo>", b"<!--c--><ds:KeyInfo>"),
        dict.fromkeys(ENGINES, "passes over comments in the signature"),
    ),
    "DOCTYPE": (_with(b"<edXML ", b"<!DOCTYPE edXML><edXML "), {"xmlsec": "takes a DOCTYPE"}),
    "around": (
        _with(b"<edXML ", b"<?p q?><edXML "),
        {"signxml": "digests the root alone, not what stands around it"},
    ),
    "key": (
        _with(b"<ds:X509Data>", b"<ds:KeyName>k</ds:KeyName><ds:X509Data>"),
        dict.fromkeys(ENGINES, "was given the key and does not look at KeyInfo"),
    ),
    "transform": (_unknown_transform, {"signxml": "ignores unknown transforms and their order"}),
}


@pytest.mark.parametrize("name", BELIEFS)
def test_what_engines_overlook_is_known_by_its_rule(engines: Engines, name: str) -> None:
    make, believed = BELIEFS[name]
    compared = compare(mutant(make()), engines)
    assert compared.ours
    assert {engine: explain(compared, engine) for engine in compared.disagreeing()} == believed


def test_what_no_rule_explains_is_not_explained(engines: Engines) -> None:
    changed = _with(b"5/CV-A<", b"6/CV-A<")()
    compared = compare(mutant(changed), engines)
    assert list(compared.disagreeing()) == []
    believed = replace(compared, engines=dict.fromkeys(ENGINES, ""))
    refused = Comparison(mutant=mutant(bases()[0].data), ours="", engines=dict.fromkeys(ENGINES, "Error: other"))
    for engine in ENGINES:
        assert explain(believed, engine) == ""
        assert explain(refused, engine) == ""
    assert "knows no Ed25519" in STRICTNESSES


def test_a_foreign_signature_is_not_explained_by_signing_it_anew(engines: Engines) -> None:
    """Undoing leniences inside SignedInfo needs the genuine key; it must not stand in for a signature that was none."""
    flipped = _with(b"<ds:SignatureValue>", b"<ds:SignatureValue>\n")().replace(
        b"<ds:Transforms>", b"<ds:Transforms>x", 1
    )
    compared = compare(mutant(flipped), engines)
    assert compared.ours
    assert explain(replace(compared, engines=dict.fromkeys(ENGINES, "")), "xmlsec") == ""


def test_an_engine_that_does_not_come_to_an_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_engines, "LIMIT", 2.0)
    endless = transforms.CASES["xpath-dos-300attrs"].make()
    with running() as found:
        compared = compare(mutant(endless), found)
        assert compared.ours == "transform-not-allowed"
        assert set(compared.engines.values()) == {TIMED_OUT}
        assert compare(mutant(bases()[0].data), found).engines == dict.fromkeys(ENGINES, "")
