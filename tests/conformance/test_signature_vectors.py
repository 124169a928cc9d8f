"""Every vector gets the verdict that a strict hub must give, from the verifying core and the judge together.

`tests/vectors/signatures` was made for this project: signatures from five writers, and attacks.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envelopes import xml
from envelopes.signature.verify import place_of, verify
from exchange.verification import examine
from trust_store.certificate import load
from trust_store.evidence import Evidence, Revocation
from trust_store.policy import Policy

VECTORS = Path(__file__).parents[1] / "vectors" / "signatures"
CASES = json.loads((VECTORS / "manifest.json").read_text())["cases"]
AT = datetime(2026, 11, 23, tzinfo=UTC)

WHY = {
    "hostile/cert-expired": "certificate-expired",
    "hostile/cert-notyet": "certificate-not-yet-valid",
    "hostile/cert-rsa1024": "key-too-weak",
    "hostile/key-leaf-as-ca": "issuer-not-ca",
    "hostile/key-attacker-first-genuine-second": "path-untrusted",
    "hostile/tampered-content": "content-changed",
    "hostile/digest-refreshed": "signature-mismatch",
    "hostile/xsw7": "signature-misplaced",
    "hostile/transforms-1000": "transform-not-allowed",
    "hostile/hmac-confusion-spki-pem": "signature-algorithm",
    "hostile/digest-md5": "digest-algorithm",
    "hostile/keyinfo-garbage-certificate": "certificate-malformed",
    "hostile/billion-laughs": "xml-doctype",
    "hostile/unsigned-body": "coverage-incomplete",
    "hostile/xades-signingtime-malformed": "xades-properties",
}


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    revoked = load((VECTORS / "pki" / "revoked.pem").read_bytes())
    return Evidence(
        anchors=(load((VECTORS / "pki" / "root.pem").read_bytes()),),
        intermediates=(load((VECTORS / "pki" / "issuing.pem").read_bytes()),),
        revoked=(Revocation(signed_part=revoked.signed_part, at=revoked.not_before, why="test"),),
    )


def test_all_vectors_are_here() -> None:
    assert len(CASES) == 148
    assert {case["expect"] for case in CASES} == {"valid", "invalid", "either"}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_vector(case: dict[str, str], evidence: Evidence) -> None:
    found = examine((VECTORS / case["file"]).read_bytes(), evidence, Policy(), AT)

    if case["expect"] != "either":
        assert found.verdict == case["expect"], found.text
    assert found.verdict in {"valid", "invalid"}
    assert bool(found.reason) == (found.verdict == "invalid")
    if case["id"] in WHY:
        assert found.reason == WHY[case["id"]]


@pytest.mark.parametrize(
    ("name", "element", "text"),
    [
        ("comment-splits-amount", "Amount", "1000000"),
        ("comment-splits-address", "Subject", "ke-toan@tp.gov.vn.evil.example"),
    ],
)
def test_a_comment_cannot_split_a_signed_text(name: str, element: str, text: str) -> None:
    tree = xml.parse((VECTORS / "hostile" / f"{name}.xml").read_bytes())

    signed = verify(tree, place_of(tree.getroot()))

    (found,) = signed.element.iter("{*}" + element)
    assert found.text == text
    assert len(found) == 0


def test_an_unsigned_time_stamp_changes_nothing() -> None:
    tree = xml.parse((VECTORS / "hostile" / "xades-garbage-timestamp.xml").read_bytes())
    assert verify(tree, place_of(tree.getroot())).claimed_time is not None


def test_the_revoked_certificate_is_refused(evidence: Evidence) -> None:
    revoked = load((VECTORS / "pki" / "revoked.pem").read_bytes())
    from trust_store.judge import judge

    verdict = judge([revoked], evidence, Policy(), AT)

    assert verdict.reason is not None
    assert verdict.reason.code == "certificate-revoked"
