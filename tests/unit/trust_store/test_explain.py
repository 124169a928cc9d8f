"""One tree, as JSON values and as text."""

from __future__ import annotations

import json

from trust_store.errors import Refused
from trust_store.evidence import Evidence, Revocation
from trust_store.explain import as_record, as_text
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.verdict import NotBelieved


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
