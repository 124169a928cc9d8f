"""The judge against the shared sample certificates, where they are at hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trust_store.certificate import load
from trust_store.evidence import Evidence, Revocation
from trust_store.judge import judge
from trust_store.policy import Policy

SAMPLES = Path(__file__).resolve().parents[3] / ".." / "shared" / "samples" / "signatures" / "pki"
AT = datetime(2026, 11, 23, tzinfo=UTC)
GOOD = ("rsa2048", "rsa3072", "rsa4096", "ec256", "ec384", "ec521", "ed25519")
EXPECTED: dict[tuple[str, ...], str | None] = {
    **{(each,): None for each in GOOD},
    ("rsa2048", "evil_issuing", "evil_root"): None,
    ("expired",): "certificate-expired",
    ("notyet",): "certificate-not-yet-valid",
    ("rsa1024",): "key-too-weak",
    ("rsa_e3",): "key-too-weak",
    ("nokeyusage_sign",): "key-usage",
    ("tls_only",): "extended-key-usage",
    ("revoked",): "certificate-revoked",
    ("evil_leaf",): "path-untrusted",
    ("evil_leaf", "evil_issuing", "evil_root"): "path-untrusted",
    ("evil_leaf", "issuing", "root"): "path-untrusted",
    ("evil_selfsigned",): "path-untrusted",
    ("leaf_issued",): "path-untrusted",
    ("leaf_issued", "rsa2048"): "issuer-not-ca",
    ("leaf_issued", "rsa2048", "issuing"): "issuer-not-ca",
    ("root",): "key-usage",
    ("issuing",): "key-usage",
}


def test_sample_certificates_get_the_expected_reason():
    if not SAMPLES.is_dir():
        pytest.skip(f"{len(EXPECTED)} cases left out: the shared samples are not here")

    def read(stem: str):
        return load((SAMPLES / f"{stem}.pem").read_bytes())

    lost = Revocation(signed_part=read("revoked").signed_part, at=datetime(2025, 1, 1, tzinfo=UTC), why="key lost")
    evidence = Evidence(anchors=(read("root"),), intermediates=(read("issuing"),), revoked=(lost,))
    found = {}
    for stems in EXPECTED:
        reason = judge([read(each) for each in stems], evidence, Policy(), AT).reason
        found[stems] = reason and reason.code
    assert found == EXPECTED
