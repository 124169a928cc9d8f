"""Each step of the judge, with certificates that are wrong in one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from trust_store.certificate import load
from trust_store.errors import Misuse, Refused
from trust_store.evidence import Evidence, Revocation
from trust_store.identity import Identity, PartyKind
from trust_store.judge import judge
from trust_store.keys import HeldKey
from trust_store.policy import ALGORITHMS, AlgorithmRule, Policy
from trust_store.verdict import Outcome, Verdict

POLICY = Policy()
STEPS = ["chain-size", "validity", "strength", "key-usage", "extended-key-usage", "path", "revocation"]


def code(verdict: Verdict) -> str:
    assert verdict.outcome is not Outcome.VALID
    assert verdict.reason is not None
    return verdict.reason.code


def failures(verdict: Verdict) -> list[str]:
    return [each.name for each in verdict.checks if each.reason]


def chain(held: HeldKey) -> list:
    return [held.certificate, *held.chain]


def test_a_good_signer_is_believed_and_every_step_is_recorded(world, now):
    verdict = judge([world.signer.certificate], world.evidence, POLICY, now)
    assert (verdict.outcome, verdict.reason, verdict.codes) == (Outcome.VALID, None, frozenset())
    assert [each.name for each in verdict.checks] == STEPS
    assert verdict.text == "CN=Signer leads to the trusted authority CN=Root"
    verdict.require()


def test_the_intermediate_may_come_with_the_message_instead(world, now):
    evidence = Evidence(anchors=(world.root.certificate,))
    assert judge(chain(world.signer), evidence, POLICY, now).outcome is Outcome.VALID
    assert code(judge([world.signer.certificate], evidence, POLICY, now)) == "path-untrusted"


def test_the_moment_has_a_time_zone_and_is_recorded_in_utc(world, now):
    with pytest.raises(Misuse):
        judge([world.signer.certificate], world.evidence, POLICY, now.replace(tzinfo=None))
    there = now.astimezone(timezone(timedelta(hours=7)))
    verdict = judge([world.signer.certificate], world.evidence, POLICY, there)
    assert (verdict.at, verdict.at.tzinfo) == (now, UTC)


@pytest.mark.parametrize("count", [0, 5])
def test_step_1_the_number_of_certificates(world, now, count):
    verdict = judge([world.signer.certificate] * count, world.evidence, POLICY, now)
    assert (code(verdict), len(verdict.checks)) == ("chain-size", 1)
    with pytest.raises(Refused, match="chain-size"):
        verdict.require()


def test_step_2_expired(world, now):
    leaf = world.leaf("Old", end=datetime(2025, 1, 1, tzinfo=UTC))
    verdict = judge([leaf], world.evidence, POLICY, now)
    assert code(verdict) == "certificate-expired"
    assert failures(verdict) == ["validity"]
    assert verdict.text == (
        "The certificate of CN=Old expired at 2025-01-01 00:00:00 UTC; "
        "the signature was judged at 2026-11-23 00:00:00 UTC"
    )


def test_step_2_not_yet_valid(world, now):
    leaf = world.leaf("Early", start=datetime(2040, 1, 1, tzinfo=UTC))
    verdict = judge([leaf], world.evidence, POLICY, now)
    assert code(verdict) == "certificate-not-yet-valid"
    assert failures(verdict) == ["validity"]


def test_step_2_both_ends_belong_to_the_validity_and_nothing_beyond(world, now):
    leaf, second = world.leaf(start=now, end=now + timedelta(days=1)), timedelta(seconds=1)
    moments = (now - second, now, now + timedelta(days=1), now + timedelta(days=1, microseconds=1))
    outcomes = [judge([leaf], world.evidence, POLICY, each).outcome is Outcome.VALID for each in moments]
    assert outcomes == [False, True, True, False]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("1024/65537", "key-too-weak"), ("2048/3", "key-too-weak"), ("P-224", "algorithm-not-allowed")],
)
def test_step_3_weak_keys(world, now, key_of, kind, expected):
    verdict = judge([world.leaf(key=key_of(kind))], world.evidence, POLICY, now)
    assert code(verdict) == expected
    assert failures(verdict) == ["strength"]


def test_step_3_a_policy_may_allow_what_is_refused_by_default_and_bound_what_is_costly(world, now, key_of):
    small, plain = world.leaf(key=key_of("2048/3")), world.leaf(key=key_of("2048/65537"))
    assert judge([small], world.evidence, Policy(rsa_least_exponent=3), now).outcome is Outcome.VALID
    assert judge([plain], world.evidence, POLICY, now).outcome is Outcome.VALID
    assert code(judge([plain], world.evidence, Policy(rsa_most_bits=2047), now)) == "key-too-weak"


@pytest.mark.parametrize("kind", ["ed25519", "P-384", "2048/65537"])
def test_step_3_strong_keys_of_every_kind(world, now, key_of, kind):
    assert judge([world.leaf(key=key_of(kind))], world.evidence, POLICY, now).outcome is Outcome.VALID


def test_step_3_an_ed25519_authority(world, now, key_of):
    root = world.pki.authority("Edwards", key=key_of("ed25519"))
    leaf = world.pki.make("Under Edwards", root).certificate
    assert leaf.digest == "Ed25519"
    assert judge([leaf], Evidence(anchors=(root.certificate,)), POLICY, now).outcome is Outcome.VALID


def test_step_3_an_algorithm_may_end_at_a_date(world, now):
    rules = tuple(AlgorithmRule(name=each.name, until=now) if each.name == "SHA-256" else each for each in ALGORITHMS)
    ending = Policy(algorithms=rules)
    assert judge([world.signer.certificate], world.evidence, ending, now - timedelta(1)).outcome is Outcome.VALID
    verdict = judge([world.signer.certificate], world.evidence, ending, now)
    assert code(verdict) == "algorithm-not-allowed"
    assert "SHA-256" in verdict.text


@pytest.mark.parametrize("usages", [None, ("key_encipherment",), ("key_cert_sign",)])
def test_step_4_key_usage(world, now, usages):
    verdict = judge([world.leaf(usages=usages)], world.evidence, POLICY, now)
    assert code(verdict) == "key-usage"
    assert failures(verdict) == ["key-usage"]


@pytest.mark.parametrize("usages", [("digital_signature",), ("content_commitment",)])
def test_step_4_either_usage_will_do(world, now, usages):
    assert judge([world.leaf(usages=usages)], world.evidence, POLICY, now).outcome is Outcome.VALID


SERVER, MAIL, DOCUMENT, ANY = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "2.5.29.37.0"


@pytest.mark.parametrize("purposes", [(SERVER,), (SERVER, "1.3.6.1.5.5.7.3.3"), ("1.2.3.4",)])
def test_step_5_other_purposes_only(world, now, purposes):
    verdict = judge([world.leaf(purposes=purposes)], world.evidence, POLICY, now)
    assert code(verdict) == "extended-key-usage"
    assert failures(verdict) == ["extended-key-usage"]


@pytest.mark.parametrize("purposes", [(MAIL,), (SERVER, MAIL), (DOCUMENT,), (ANY,)])
def test_step_5_a_purpose_for_documents(world, now, purposes):
    assert judge([world.leaf(purposes=purposes)], world.evidence, POLICY, now).outcome is Outcome.VALID


def test_step_6_without_anchors_nothing_is_known(world, now):
    verdict = judge(chain(world.signer), Evidence(anchors=()), POLICY, now)
    assert (code(verdict), verdict.outcome) == ("anchor-missing", Outcome.UNKNOWN)


def test_step_6_another_root_is_no_anchor(world, now):
    other = world.pki.authority("Other root")
    verdict = judge(chain(world.signer), Evidence(anchors=(other.certificate,)), POLICY, now)
    assert code(verdict) == "path-untrusted"
    assert failures(verdict) == ["path"]


@pytest.mark.parametrize("identifiers", [True, False])
def test_step_6_a_chain_of_cloned_names(world, now, identifiers):
    root = world.pki.authority("Root", identifiers=identifiers)
    issuing = world.pki.authority("Issuing", root, pathlen=0, identifiers=identifiers)
    leaf = world.pki.make("Signer", issuing, identifiers=identifiers)
    for sent in (chain(leaf), [leaf.certificate, issuing.certificate], [leaf.certificate]):
        verdict = judge(sent, world.evidence, POLICY, now)
        assert code(verdict) == "path-untrusted"
        assert failures(verdict) == ["path"]


def test_step_6_a_certificate_that_signed_itself(world, now):
    verdict = judge([world.pki.make("Signer").certificate], world.evidence, POLICY, now)
    assert code(verdict) == "path-untrusted"
    assert "signed by itself" in verdict.text


def test_step_6_an_anchor_signs_no_documents(world, now):
    both = world.pki.authority("Does both", usages=("digital_signature", "key_cert_sign"))
    verdict = judge([both.certificate], Evidence(anchors=(both.certificate,)), POLICY, now)
    assert code(verdict) == "path-untrusted"
    forged = world.pki.make("Does both", world.pki.authority("Forger"), key=both.private_key).certificate
    assert code(judge([forged], Evidence(anchors=(both.certificate,)), POLICY, now)) == "path-untrusted"


def test_step_6_an_end_entity_issues_nothing(world, now):
    leaf = world.pki.make("Issued by a leaf", world.signer)
    verdict = judge(chain(leaf)[:2], world.evidence, POLICY, now)
    assert code(verdict) == "issuer-not-ca"
    assert failures(verdict) == ["path"]


def test_step_6_neither_does_one_that_may_not_sign_certificates_nor_an_anchor_that_is_no_authority(world, now):
    mute = world.pki.authority("Mute", world.root, usages=("crl_sign",))
    assert code(judge(chain(world.pki.make("A", mute)), world.evidence, POLICY, now)) == "issuer-not-ca"
    odd = world.pki.make("Not an authority")
    verdict = judge([world.pki.make("B", odd).certificate], Evidence(anchors=(odd.certificate,)), POLICY, now)
    assert code(verdict) == "issuer-not-ca"


def test_step_6_path_length_of_an_intermediate(world, now):
    below = world.pki.authority("Too deep", world.issuing)
    verdict = judge(chain(world.pki.make("Deep", below))[:3], world.evidence, POLICY, now)
    assert code(verdict) == "path-untrusted"
    assert "maximum path length" in verdict.text


@pytest.mark.parametrize(("pathlen", "outcome"), [(0, Outcome.INVALID), (1, Outcome.VALID), (2, Outcome.VALID)])
def test_step_6_path_length_of_the_anchor(world, now, pathlen, outcome):
    root = world.pki.authority("Bounded", pathlen=pathlen)
    signer = world.pki.make("Under it", world.pki.authority("Between", root))
    assert judge(chain(signer)[:2], Evidence(anchors=(root.certificate,)), POLICY, now).outcome is outcome


@pytest.mark.parametrize("of_anchor", [True, False])
def test_step_6_name_constraints(world, now, of_anchor):
    permitted = x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Inside")]))
    limit = (x509.NameConstraints([permitted], None), True)
    root = world.pki.authority("Root of names", extra=(limit,) if of_anchor else ())
    between = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Inside")])
    issuing = world.pki.authority(between, root, extra=() if of_anchor else (limit,))
    inside = world.pki.make(x509.Name([*between, x509.NameAttribute(x509.NameOID.COMMON_NAME, "In")]), issuing)
    outside = world.pki.make("Out", issuing)
    evidence = Evidence(anchors=(root.certificate,), intermediates=(issuing.certificate,))
    assert judge([inside.certificate], evidence, POLICY, now).outcome is Outcome.VALID
    assert code(judge([outside.certificate], evidence, POLICY, now)) == "path-untrusted"


def test_step_6_policies_of_an_anchor_do_not_bind(world, now):
    stated = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])
    root = world.pki.authority("With policies", extra=((stated, False),))
    leaf = world.pki.make("Without", root).certificate
    assert judge([leaf], Evidence(anchors=(root.certificate,)), POLICY, now).outcome is Outcome.VALID


def test_step_6_an_unknown_critical_extension(world, now):
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    assert judge([world.leaf(extra=((strange, False),))], world.evidence, POLICY, now).outcome is Outcome.VALID
    verdict = judge([world.leaf(extra=((strange, True),))], world.evidence, POLICY, now)
    assert code(verdict) == "path-untrusted"
    assert "1.2.3.4.5" in verdict.text


def test_step_6_sha1_is_refused_wherever_it_carries_trust(world, now, key_of):
    def sha1(held: HeldKey) -> HeldKey:
        return replace(held, certificate=load(_as_sha1(held)))

    leaf = sha1(world.pki.make("SHA-1 leaf", key=key_of("2048/65537"), usages=("digital_signature",)))
    assert leaf.certificate.digest == "SHA-1"
    verdict = judge([leaf.certificate], world.evidence, POLICY, now)
    assert code(verdict) == "algorithm-not-allowed"
    root = sha1(world.pki.authority("SHA-1 root", key=key_of("2048/65537")))
    signer = world.pki.make("Below a SHA-1 root", root)
    assert judge([signer.certificate], Evidence(anchors=(root.certificate,)), POLICY, now).outcome is Outcome.VALID


def _as_sha1(held: HeldKey) -> bytes:
    """Turn sha256WithRSAEncryption into sha1WithRSAEncryption in place, both times, and sign again."""
    from cryptography.hazmat.primitives.asymmetric import padding

    sha256, sha1 = (bytes.fromhex(each) for each in ("2a864886f70d01010b", "2a864886f70d010105"))
    tbs = held.certificate.x509.tbs_certificate_bytes.replace(sha256, sha1)
    signature = held.private_key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())
    der = held.certificate.der
    assert der.count(sha256) == 2
    return der.replace(sha256, sha1)[: -len(signature)] + signature


def test_step_6_a_sha1_intermediate(world, now, key_of):
    between = world.pki.authority("Weak between", key=key_of("2048/65537"))
    weak = replace(between, certificate=load(_as_sha1(between)))
    leaf = world.pki.make("Below it", weak).certificate
    cross = world.pki.authority("Weak between", world.root, key=between.private_key)
    assert code(judge([leaf, weak.certificate], world.evidence, POLICY, now)) == "algorithm-not-allowed"
    both = judge([leaf, weak.certificate, cross.certificate], world.evidence, POLICY, now)
    assert both.outcome is Outcome.VALID


@pytest.mark.parametrize(("kind", "reason"), [("1024/65537", "key-too-weak"), ("P-224", "algorithm-not-allowed")])
@pytest.mark.parametrize("as_anchor", [True, False])
def test_step_6_weak_keys_above_the_signer(world, now, key_of, kind, reason, as_anchor):
    weak = world.pki.authority("Weak", None if as_anchor else world.root, key=key_of(kind))
    evidence = Evidence(anchors=(weak.certificate,)) if as_anchor else world.evidence
    verdict = judge(chain(world.pki.make("Strong", weak))[:2], evidence, POLICY, now)
    assert code(verdict) == reason
    assert failures(verdict) == ["path"]


@pytest.mark.parametrize("as_anchor", [True, False])
def test_step_6_authorities_are_judged_at_the_moment_too(world, now, as_anchor):
    above = None if as_anchor else world.root
    old = world.pki.authority("Old authority", above, end=now - timedelta(days=1))
    evidence = Evidence(anchors=(old.certificate,)) if as_anchor else world.evidence
    sent = chain(world.pki.make("Young", old))[:2]
    verdict = judge(sent, evidence, POLICY, now)
    assert code(verdict) == "certificate-expired"
    assert "CN=Old authority expired" in verdict.text
    assert judge(sent, evidence, POLICY, now - timedelta(days=2)).outcome is Outcome.VALID


def test_step_6_two_authorities_of_one_name_the_right_one_is_found(world, now):
    twin = world.pki.authority("Issuing", world.root, pathlen=0, identifiers=False)
    plain = world.pki.authority("Issuing", world.root, pathlen=0, identifiers=False)
    leaf = world.pki.make("Of one of them", plain, identifiers=False).certificate
    for known in ((twin.certificate, plain.certificate), (plain.certificate, twin.certificate)):
        evidence = Evidence(anchors=(world.root.certificate,), intermediates=known)
        assert judge([leaf], evidence, POLICY, now).outcome is Outcome.VALID
    evidence = Evidence(anchors=(world.root.certificate,), intermediates=(twin.certificate,))
    assert code(judge([leaf], evidence, POLICY, now)) == "path-untrusted"


def test_step_6_a_helper_with_the_serial_of_a_known_authority_does_not_displace_it(world, now):
    serial = world.issuing.certificate.serial
    impostor_root = world.pki.authority("Root")
    pki = type(world.pki)(serials=iter([serial]))
    impostor = pki.authority("Issuing", impostor_root)
    assert impostor.certificate.serial == serial
    verdict = judge([world.signer.certificate, impostor.certificate], world.evidence, POLICY, now)
    assert verdict.outcome is Outcome.VALID


def revoked(certificate, at, why="the key was lost"):
    return Revocation(signed_part=certificate.signed_part, at=at, why=why)


def test_step_7_the_local_list_counts_from_its_moment_on(world, now):
    entries = (revoked(world.signer.certificate, now), revoked(world.signer.certificate, now + timedelta(9), "later"))
    evidence = replace(world.evidence, revoked=entries)
    before = judge([world.signer.certificate], evidence, POLICY, now - timedelta(microseconds=1))
    assert before.outcome is Outcome.VALID
    for moment in (now, now + timedelta(days=20)):
        verdict = judge([world.signer.certificate], evidence, POLICY, moment)
        assert code(verdict) == "certificate-revoked"
        assert verdict.text == "The certificate of CN=Signer is revoked since 2026-11-23: the key was lost"


@pytest.mark.parametrize("which", ["issuing", "root"])
def test_step_7_every_certificate_of_the_path(world, now, which):
    certificate = getattr(world, which).certificate
    evidence = replace(world.evidence, revoked=(revoked(certificate, now),))
    verdict = judge([world.signer.certificate], evidence, POLICY, now)
    assert code(verdict) == "certificate-revoked"
    assert failures(verdict) == ["revocation"]


def test_step_8_the_party(world, now):
    own = Identity(
        kind=PartyKind.AGENCY,
        codes=frozenset({"G12", "000.00.00.G12"}),
        fingerprints=frozenset({world.signer.certificate.fingerprint}),
    )
    verdict = judge([world.signer.certificate], world.evidence, POLICY, now, own)
    assert (verdict.outcome, verdict.codes) == (Outcome.VALID, own.codes)
    assert [each.name for each in verdict.checks] == [*STEPS, "holder"]
    other = judge([world.signer.certificate], world.evidence, POLICY, now, replace(own, fingerprints=frozenset()))
    assert (code(other), other.codes) == ("wrong-holder", frozenset())


def test_every_check_is_recorded_after_the_first_failure_which_gives_the_reason(world, now, key_of):
    other = world.pki.authority("Other root")
    end = now - timedelta(days=1)
    leaf = world.pki.make("All wrong", other, key=key_of("1024/65537"), end=end, usages=None, purposes=(SERVER,))
    evidence = replace(world.evidence, revoked=(revoked(leaf.certificate, now),))
    party = Identity(kind=PartyKind.AGENCY)
    verdict = judge([leaf.certificate], evidence, POLICY, now, party)
    assert failures(verdict) == [*STEPS[1:], "holder"]
    assert code(verdict) == "certificate-expired"
    assert verdict.text == verdict.checks[1].text


def test_a_revoked_certificate_written_in_another_way_stays_revoked(world, now):
    """The issuer's ECDSA signature (r, s) is as good as (r, n - s): another file, the same certificate."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    original = world.signer.certificate
    r, s = decode_dss_signature(original.x509.signature)
    signature = encode_dss_signature(r, order - s)
    body = original.x509.tbs_certificate_bytes
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    bits = b"\x03" + bytes([len(signature) + 1]) + b"\0" + signature
    content = body + algorithm + bits
    changed = load(b"\x30\x82" + len(content).to_bytes(2) + content)

    assert changed.fingerprint != original.fingerprint
    assert changed.signed_part == original.signed_part
    evidence = Evidence(
        anchors=world.evidence.anchors,
        intermediates=world.evidence.intermediates,
        revoked=(Revocation(signed_part=original.signed_part, at=original.not_before, why="lost"),),
    )
    for certificate in (original, changed):
        verdict = judge([certificate], evidence, POLICY, now)
        assert verdict.reason is not None
        assert verdict.reason.code == "certificate-revoked"
