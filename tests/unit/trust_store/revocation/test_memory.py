"""What is remembered of a judgement never outlives the evidence: a warm judge says what a cold one says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.authority.certificates import END, START, shared_key
from tests.authority.telling import DAY, Named, answer, crl, names_place
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.policy import ALGORITHMS, AlgorithmRule, Freshness, Policy

INSTANT = timedelta(microseconds=1)


def code(chain, evidence, at, policy=Policy()):
    verdict = judge(chain, evidence, policy, at)
    return verdict.reason.code if verdict.reason else "valid"


def test_a_copy_with_other_lists_remembers_nothing(world, now):
    leaf, root = world.leaf(extra=(names_place(),)), crl(world.root)
    good = replace(world.evidence, lists=(root, crl(world.issuing)))
    assert code([leaf], good, now) == "valid"
    revoked = replace(good, lists=(root, crl(world.issuing, [leaf], number=2, issued=now)))
    assert code([leaf], revoked, now) == "certificate-revoked"


def test_two_policies_over_one_evidence_do_not_share_what_is_remembered(world, now):
    key = shared_key("2048/65537")
    issuing = world.pki.authority("RSA issuer", world.root, key=key)
    leaf = world.pki.make("RSA signer", issuing, extra=(names_place(),)).certificate
    lists = (crl(world.root), crl(issuing, digest=hashes.SHA512()))
    evidence = Evidence(anchors=(world.root.certificate,), intermediates=(issuing.certificate,), lists=lists)
    without = Policy(algorithms=tuple(each for each in ALGORITHMS if each.name != "SHA-512"))
    assert code([leaf], evidence, now) == "valid"
    assert code([leaf], evidence, now, without) == "revocation-not-known"


def test_an_algorithm_that_ends_ends_what_was_remembered_of_a_list(world, now):
    issuing = world.pki.authority("RSA issuer", world.root, key=shared_key("2048/65537"))
    leaf = world.pki.make("RSA signer", issuing, extra=(names_place(),)).certificate
    lists = (crl(world.root), crl(issuing, digest=hashes.SHA512()))
    evidence = Evidence(anchors=(world.root.certificate,), intermediates=(issuing.certificate,), lists=lists)
    rules = tuple(AlgorithmRule(name=each.name, until=now) if each.name == "SHA-512" else each for each in ALGORITHMS)
    ending = Policy(algorithms=rules)
    assert code([leaf], evidence, now - INSTANT, ending) == "valid"
    assert code([leaf], evidence, now, ending) == "revocation-not-known"


def test_what_a_signer_of_lists_may_not_do_yet_it_may_later(world, now):
    """Its own turn counts, and so do those of what is said of it."""
    signer = world.pki.make("Issuing", world.root, usages=("crl_sign",), start=now, extra=(names_place(),))
    evidence = replace(
        world.evidence,
        intermediates=(*world.evidence.intermediates, signer.certificate),
        lists=(crl(world.root, due=now + 2 * DAY), crl(signer, due=now + 9 * DAY)),
    )
    leaf, policy = world.leaf(extra=(names_place(),)), Policy(freshness=Freshness(grace=timedelta(0)))
    assert code([leaf], evidence, now - INSTANT, policy) == "revocation-not-known"
    assert code([leaf], evidence, now, policy) == "valid"
    assert code([leaf], evidence, now + 2 * DAY, policy) == "valid"
    later = replace(evidence, lists=(*evidence.lists, crl(world.root, number=2, issued=now, due=now + 3 * DAY)))
    for at in (now + 2 * DAY, now + 3 * DAY, now + 3 * DAY + INSTANT):
        warm, cold = code([leaf], later, at, policy), code([leaf], replace(later), at, policy)
        assert warm == cold


def test_a_revocation_of_the_signer_of_a_list_ends_what_was_remembered(world, now):
    signer = world.pki.make("Issuing", world.root, usages=("crl_sign",))
    revoked = Named(signer.certificate, at=now + DAY)
    evidence = replace(
        world.evidence,
        intermediates=(*world.evidence.intermediates, signer.certificate),
        lists=(crl(world.root, [revoked], due=now + 9 * DAY), crl(signer, due=now + 9 * DAY)),
    )
    leaf = world.leaf(extra=(names_place(),))
    assert code([leaf], evidence, now) == "valid"
    assert code([leaf], evidence, now + DAY - INSTANT) == "valid"
    assert code([leaf], evidence, now + DAY) == "revocation-not-known"


def test_dates_at_the_end_of_time_are_dates(world, now):
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    leaf = world.leaf(extra=(names_place(),))
    first = (x509.InvalidityDate(datetime(1, 1, 1)), False)  # noqa: DTZ001
    lists = (crl(world.root, due=last), crl(world.issuing, due=last))
    assert code([leaf], replace(world.evidence, lists=lists), now) == "valid"
    lists = (crl(world.root), crl(world.issuing, [Named(leaf, extra=(first,))]))
    assert code([leaf], replace(world.evidence, lists=lists), now) == "certificate-revoked"
    said = answer(world.issuing, leaf, world.issuing.certificate, due=last)
    assert code([leaf], replace(world.evidence, lists=(crl(world.root),), answers=(said,)), now) == "valid"
    assert START < now < END
