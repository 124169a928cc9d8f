"""What a change of the authorities would mean is told before it is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exchange.core.authorities import Authority, Change, Role, amend, check_changes, preview
from exchange.core.model import Party, PartyId
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.errors import Refused
from trust_store.evidence import Evidence, Terms
from trust_store.identity import PartyKind
from trust_store.policy import Policy

AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def roots():
    return [create_authority(f"Root {n}", serial=n, at=AT - DAY, years=5) for n in (1, 2)]


@pytest.fixture(scope="module")
def office(roots):
    holder = Holder(kind=PartyKind.AGENCY, common_name="Sở", organisation="Sở", code="H56.1")
    key = enrol(roots[0], holder, serial=9, at=AT - DAY, days=400)
    party = Party(
        id=PartyId("H56.1"),
        name="Sở",
        kind=PartyKind.AGENCY,
        codes=frozenset({"H56.1"}),
        fingerprints=frozenset({key.certificate.fingerprint}),
    )
    return party, key.certificate


def ask(evidence: Evidence, office, *changes: Change):
    return preview(evidence, changes, [office], Policy(), AT)


def test_who_loses_belief_is_named_with_the_reason(roots, office) -> None:
    evidence = Evidence(anchors=(roots[0].certificate,))
    seen = ask(evidence, office, Change(certificate=roots[0].certificate, role=None))
    assert (seen.judged, seen.gained, [each.party for each in seen.lost]) == (1, (), ["H56.1"])
    assert "No trusted authority" in seen.lost[0].text or "no trusted authority" in seen.lost[0].text


def test_who_gains_belief_is_named(roots, office) -> None:
    seen = ask(
        Evidence(anchors=(roots[1].certificate,)), office, Change(certificate=roots[0].certificate, role=Role.ANCHOR)
    )
    assert ([each.party for each in seen.gained], seen.lost) == (["H56.1"], ())


def test_a_change_for_later_is_judged_as_of_later(roots, office) -> None:
    later = AT + 500 * DAY
    terms = Terms(since=later)
    seen = ask(Evidence(anchors=()), office, Change(certificate=roots[0].certificate, role=Role.ANCHOR, terms=terms))
    assert (seen.at, seen.gained, seen.lost) == (later, (), ())  # by then, the certificate has expired


def test_terms_that_leave_a_kind_out_take_belief_from_it(roots, office) -> None:
    evidence = Evidence(anchors=(roots[0].certificate,))
    terms = Terms(kinds=frozenset({PartyKind.ENTERPRISE}))
    seen = ask(evidence, office, Change(certificate=roots[0].certificate, role=Role.ANCHOR, terms=terms))
    assert "enterprise" in seen.lost[0].text


def test_an_amended_evidence_keeps_the_rest_and_has_a_memory_of_its_own(roots) -> None:
    first, second = (each.certificate for each in roots)
    terms = {first.fingerprint: Terms(until=AT), second.fingerprint: Terms(since=AT)}
    before = Evidence(anchors=(first, second), terms=terms)
    after = amend(before, [Change(certificate=first, role=Role.INTERMEDIATE)])
    assert (after.anchors, after.intermediates, after.terms) == (
        (second,),
        (first,),
        {second.fingerprint: Terms(since=AT)},
    )
    assert after.paths is not before.paths
    assert after.standings is not before.standings


def test_an_administrator_is_warned_of_what_is_odd(roots, office) -> None:
    below = create_authority("Below", serial=3, at=AT - 3000 * DAY, years=1, parent=roots[0])
    seen = ask(Evidence(anchors=()), office, Change(certificate=below.certificate, role=Role.ANCHOR))
    told = " ".join(seen.warnings)
    assert "expired" in told
    assert "is no root" in told
    assert "every kind of party" in told


def test_changes_that_make_no_sense_are_refused(roots, office) -> None:
    first = roots[0].certificate
    known = [Authority(certificate=first, role=Role.ANCHOR)]
    bad = {
        "request-malformed": [
            [],
            [Change(certificate=first, role=Role.ANCHOR)] * 2,
            [Change(certificate=first, role=Role.ANCHOR, terms=Terms(since=AT, until=AT))],
        ],
        "issuer-not-ca": [[Change(certificate=office[1], role=Role.INTERMEDIATE)]],
        "not-found": [[Change(certificate=roots[1].certificate, role=None)]],
    }
    for code, wrong in bad.items():
        for changes in wrong:
            with pytest.raises(Refused) as refused:
                check_changes(changes, known)
            assert refused.value.reason.code == code
