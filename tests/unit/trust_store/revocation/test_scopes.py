"""Lists that speak of some certificates only, and where certificates say that they are told of (RFC 5280, 6.3.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tests.authority.certificates import name
from tests.authority.telling import URL, Named, crl, names_place, point
from trust_store.evidence import Asking, Terms
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.revocation.places import MOST, is_told, places
from trust_store.verdict import Verdict

OTHER = "http://crl.example/another.crl"
HALF = frozenset({ReasonFlags.key_compromise, ReasonFlags.ca_compromise})
REST = frozenset(ReasonFlags) - HALF - {ReasonFlags.unspecified, ReasonFlags.remove_from_crl}


def code(verdict: Verdict) -> str:
    return verdict.reason.code if verdict.reason else "valid"


@pytest.fixture
def ask(world, now):
    def asked(certificate, *lists, asking=Asking.NAMED, helpers=()):
        terms = {world.root.certificate.fingerprint: Terms(asking=asking)}
        evidence = replace(world.evidence, lists=lists, terms=terms)
        return judge([certificate, *helpers], evidence, Policy(), now)

    return asked


def test_lists_of_users_of_authorities_and_of_attributes(world, ask):
    leaf = world.leaf(extra=(names_place(),))
    expected = {"users": "valid", "authorities": "revocation-not-known", "attributes": "revocation-not-known"}
    for kind, result in expected.items():
        assert code(ask(leaf, crl(world.issuing, point=point(**{kind: True})))) == result
    named = crl(world.issuing, [leaf], point=point(users=True))
    assert code(ask(leaf, named)) == "certificate-revoked"


def test_one_marked_as_an_authority_is_told_of_by_lists_of_authorities_though_it_may_only_sign_documents(world, ask):
    odd = world.leaf(ca=True, extra=(names_place(),))
    assert not odd.is_authority
    assert code(ask(odd, crl(world.issuing, point=point(users=True)))) == "revocation-not-known"
    assert code(ask(odd, crl(world.issuing, [odd], point=point(authorities=True)))) == "certificate-revoked"


def test_an_authority_on_the_path_by_a_list_of_authorities(world, now):
    issuing = world.pki.authority("Told of", world.root, extra=(names_place(),))
    leaf = world.pki.make("Below it", issuing).certificate
    evidence = replace(world.evidence, intermediates=(issuing.certificate,))
    for named, scope, expected in (
        ([], point(authorities=True), "valid"),
        ([issuing.certificate], point(authorities=True), "certificate-revoked"),
        ([], point(users=True), "revocation-not-known"),
    ):
        lists = (crl(world.root, named, point=scope),)
        assert code(judge([leaf], replace(evidence, lists=lists), Policy(), now)) == expected


def test_a_list_of_another_distribution_point_says_nothing(world, ask):
    leaf = world.leaf(extra=(names_place(),))
    assert code(ask(leaf, crl(world.issuing, point=point(name=OTHER)))) == "revocation-not-known"
    assert code(ask(leaf, crl(world.issuing, point=point(name=URL)))) == "valid"
    assert code(ask(leaf, crl(world.issuing, [leaf], point=point(name=URL)))) == "certificate-revoked"


def test_a_certificate_without_a_place_is_told_of_by_the_complete_list_alone(world, ask):
    leaf = world.leaf()
    for listed, expected in (
        (crl(world.issuing, [leaf], point=point(name=URL)), "valid"),
        (crl(world.issuing, [leaf]), "certificate-revoked"),
    ):
        assert code(ask(leaf, listed)) == expected


def test_a_revoked_certificate_that_names_no_place_is_refused_when_its_list_is_at_hand(world, ask):
    """Security, finding 6: libraries take such a certificate for good."""
    leaf = world.leaf()
    assert code(ask(leaf)) == "valid"
    assert code(ask(leaf, crl(world.issuing, [leaf]))) == "certificate-revoked"
    assert code(ask(leaf, crl(world.root), asking=Asking.REQUIRED)) == "revocation-not-known"
    both = (crl(world.root), crl(world.issuing))
    assert code(ask(leaf, *both, asking=Asking.REQUIRED)) == "valid"
    assert code(ask(leaf, crl(world.issuing, [leaf]), asking=Asking.LOCAL)) == "valid"


def test_names_relative_to_the_issuer(world, ask):
    level = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "List 1")])
    folded = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "LIST  1")])
    another = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "List 2")])
    leaf = world.leaf(extra=(names_place(level=level),))
    assert code(ask(leaf, crl(world.issuing, point=point(level=level)))) == "valid"
    assert code(ask(leaf, crl(world.issuing, [leaf], point=point(level=folded)))) == "certificate-revoked"
    assert code(ask(leaf, crl(world.issuing, point=point(level=another)))) == "revocation-not-known"
    whole = x509.Name([*world.issuing.certificate.x509.subject.rdns, level])
    full = x509.CRLDistributionPoints([x509.DistributionPoint([x509.DirectoryName(whole)], None, None, None)])
    assert code(ask(world.leaf(extra=((full, False),)), crl(world.issuing, point=point(level=level)))) == "valid"


def test_lists_of_some_reasons_together_speak_of_all(world, ask):
    leaf = world.leaf(extra=(names_place(),))
    half, rest = crl(world.issuing, point=point(reasons=HALF)), crl(world.issuing, point=point(reasons=REST))
    for lists in ((half,), (rest,)):
        found = ask(leaf, *lists)
        assert code(found) == "revocation-not-known"
        assert "does not speak of every reason" in found.text
    assert code(ask(leaf, half, rest)) == "valid"
    revoked = crl(world.issuing, [Named(leaf, reason=ReasonFlags.superseded)], point=point(reasons=REST))
    assert code(ask(leaf, revoked)) == "certificate-revoked"


def test_a_place_for_some_reasons_only_limits_what_its_list_says(world, ask):
    leaf = world.leaf(extra=(names_place(reasons=HALF),))
    assert code(ask(leaf, crl(world.issuing, point=point(name=URL)))) == "revocation-not-known"
    assert code(ask(leaf, crl(world.issuing))) == "valid"


def test_another_issuer_of_lists_named_by_the_certificate_is_an_indirect_list(world, ask):
    lister = world.pki.make("Lister", world.root, usages=("crl_sign",))
    leaf = world.leaf(extra=(names_place(issuer=lister.certificate.x509.subject),))
    for scope in (None, point(name=URL), point(indirect=True)):
        found = ask(leaf, crl(lister, point=scope), helpers=[lister.certificate])
        assert code(found) == "revocation-not-known"


def test_places_are_http_addresses_each_once_and_not_too_many(world):
    names = [x509.UniformResourceIdentifier(f"http://crl.example/{each}") for each in range(20)]
    odd = [x509.UniformResourceIdentifier("ldap://x/y"), x509.DirectoryName(name("A")), names[0]]
    point_of_all = x509.CRLDistributionPoints([x509.DistributionPoint([*odd, *names], None, None, None)])
    fresh = x509.FreshestCRL([x509.DistributionPoint([x509.UniformResourceIdentifier("HTTPS://d/")], None, None, None)])
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://o/")),
            x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://i/")
            ),
        ]
    )
    found = places(world.leaf(extra=((point_of_all, False), (access, False))))
    assert found.lists == tuple(each.value for each in names[:MOST])
    assert (found.responders, found.issuers) == (("http://o/",), ("http://i/",))
    assert places(world.leaf(extra=((fresh, False),))).lists == ("HTTPS://d/",)
    assert not is_told(world.leaf())
    only_ldap = x509.CRLDistributionPoints([x509.DistributionPoint(odd[:1], None, None, None)])
    assert is_told(world.leaf(extra=((only_ldap, False),)))
