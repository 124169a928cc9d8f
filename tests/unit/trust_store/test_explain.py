"""One tree, as JSON values and as text."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.authority.telling import crl, names_place
from trust_store.errors import Refused
from trust_store.evidence import Evidence, Revocation
from trust_store.explain import as_record, as_text
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.verdict import NotBelieved, vouched


def test_a_good_verdict_names_path_clock_and_checks(world, now) -> None:
    record = as_record(judge([world.signer.certificate], world.evidence, Policy(), now))
    assert json.loads(json.dumps(record)) == record
    assert record["path"] == [
        world.signer.certificate.subject,
        world.issuing.certificate.subject,
        world.root.certificate.subject,
    ]
    assert record["at"] == now.isoformat()
    path = next(each for each in record["checks"] if each["name"] == "path")
    assert [each["name"] for each in path["checks"]] == ["authority", "authority"]
    assert "fix" not in record


def test_a_refusal_shows_the_failing_check_below_the_others_and_what_to_do(world, now) -> None:
    lost = Revocation(signed_part=world.issuing.certificate.signed_part, at=now, why="lộ khóa")
    evidence = Evidence(anchors=world.evidence.anchors, intermediates=world.evidence.intermediates, revoked=(lost,))
    verdict = judge([world.signer.certificate], evidence, Policy(), now)
    lines = as_text(as_record(verdict)).splitlines()
    assert lines[0].startswith("FAILED: ")
    assert "lộ khóa" in lines[0]
    assert lines[1] == f"Judged by the clock {now.isoformat()}"
    failing = [line for line in lines if "FAILED]" in line]
    assert [line.strip().split("]")[1].split(":")[0].strip() for line in failing] == ["revocation", "local-list"]
    assert failing[1].startswith("    ")
    assert lines[-1].startswith("What to do (certificate-revoked): ")
    try:
        verdict.require()
    except Refused as refusal:
        assert isinstance(refusal, NotBelieved)
        assert refusal.verdict is verdict
    else:
        raise AssertionError("it must not be believed")


def test_a_belief_in_words(world, now):
    leaf = world.leaf(extra=(names_place(),))
    listed = crl(world.issuing)
    text = as_text(as_record(judge([leaf], replace(world.evidence, lists=(listed,)), Policy(), now)))
    lines = text.splitlines()
    assert lines[:3] == [
        "ok: CN=Signer leads to the trusted authority CN=Root",
        "Judged by the clock 2026-11-23T00:00:00+00:00",
        "Certificate path: CN=Signer <- CN=Issuing <- CN=Root",
    ]
    assert "[ok] path: CN=Signer leads to the trusted authority CN=Root" in lines
    assert any(line.startswith("    [ok] authority: The certificate of CN=Issuing is valid until") for line in lines)
    assert f"            evidence: sha256:{listed.digest}" in lines
    assert "What to do" not in text


def test_a_refusal_says_what_to_do(world, now):
    leaf = world.leaf(extra=(names_place(),))
    verdict = judge([leaf], replace(world.evidence, lists=(crl(world.issuing, [leaf]),)), Policy(), now)
    lines = as_text(as_record(verdict)).splitlines()
    assert lines[0].startswith("FAILED: The certificate of CN=Signer is revoked since 2026-11-22 00:00 UTC")
    assert lines[-1].startswith("What to do (certificate-revoked): Sign with a certificate that is in force")
    waiting = judge([leaf], world.evidence, Policy(), now)
    assert as_text(as_record(waiting)).startswith(
        "UNKNOWN: Whether the certificate of CN=Signer is revoked is not known"
    )
    assert as_text(as_record(vouched(frozenset({"A"}), "a token", now))).startswith(
        "unsigned: Unsigned, authenticated by a token"
    )


def test_the_record_has_the_same_tree_and_is_json(world, now):
    leaf = world.leaf(extra=(names_place(),))
    listed = crl(world.issuing, [leaf])
    verdict = judge([leaf], replace(world.evidence, lists=(listed,)), Policy(), now)
    record = json.loads(json.dumps(as_record(verdict)))
    assert (record["outcome"], record["reason"], record["at"]) == (
        *("invalid", "certificate-revoked"),
        "2026-11-23T00:00:00+00:00",
    )
    assert record["fix"] == verdict.reason.fix
    assert record["path"] == ["CN=Signer", "CN=Issuing", "CN=Root"]
    assert record["certificate"] == leaf.fingerprint
    revocation = record["checks"][-1]
    assert (revocation["name"], revocation["reason"]) == ("revocation", "certificate-revoked")
    assert revocation["checks"][1]["evidence"] == f"sha256:{listed.digest}"
    assert [each["name"] for each in record["checks"]] == [each.name for each in verdict.checks]
    good = as_record(judge([world.signer.certificate], world.evidence, Policy(), now))
    assert good.keys() == {"outcome", "text", "at", "certificate", "path", "checks"}


def test_names_that_would_break_lines_do_not(world, now):
    leaf = world.leaf("Two\nlines\x1b[31m\u202e")
    text = as_text(as_record(judge([leaf], world.evidence, Policy(), now)))
    assert not any(bad in text for bad in ("\x1b", "\u202e", "Two\nlines"))
