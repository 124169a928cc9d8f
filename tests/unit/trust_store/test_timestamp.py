"""A time-stamp proves what it says and nothing else: every way in which one can be wrong is refused for its own reason."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from trust_store.errors import Refused
from trust_store.evidence import Evidence, Terms
from trust_store.policy import Policy, Use
from trust_store.revocation.lists import load_list
from trust_store.timestamp import ALGORITHMS, Asked, judge_token, read_answer
from trust_store.token import MAX_SIZE, load_token

_SPEC = importlib.util.spec_from_file_location("stamping", Path(__file__).parents[2] / "stamping.py")
assert _SPEC is not None
assert _SPEC.loader is not None
stamping = sys.modules.setdefault("stamping", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(stamping)

NOW = datetime(2026, 11, 25, 8, 0, 0, 250_000, tzinfo=UTC)
SKEW = timedelta(minutes=5)
IMPRINT = hashlib.sha256(b"data").digest()
ASKED = Asked(algorithm="sha256", imprint=IMPRINT, nonce=0x1234567890ABCDEF)


def stamper(spoil: str = "", **more):
    authority, made = stamping.make_stamper(spoil=spoil, now=lambda: NOW, **more)
    return Evidence(anchors=(authority.certificate,)), made


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_time_stamp_is_asked_for_read_and_believed(algorithm: str) -> None:
    evidence, made = stamper()
    imprint = hashlib.new(algorithm, b"data").digest()
    asked = Asked(algorithm=algorithm, imprint=imprint, nonce=7, policy=made.policy)
    token = read_answer(made.answer(asked.der), asked, NOW, SKEW)
    verdict = judge_token(token, imprint, evidence, Policy(), NOW)
    assert verdict.reason is None, verdict.text
    assert (token.time, token.accuracy, token.nonce) == (NOW, timedelta(seconds=1), 7)
    assert [each.name for each in verdict.checks if each.name.startswith("timestamp")] == [
        "timestamp-imprint",
        "timestamp-purpose",
        "timestamp-strict",
        "timestamp-lasting",
    ]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("imprint", "timestamp-other-data"),
        ("nonce", "timestamp-replayed"),
        ("policy", "timestamp-policy"),
        ("garbage", "timestamp-malformed"),
        ("denied", "timestamp-denied"),
        ("digest", "timestamp-forged"),
        ("ess", "timestamp-forged"),
        ("signature", "timestamp-forged"),
        ("sha1", "timestamp-algorithm"),
        ("bare", "timestamp-malformed"),
    ],
)
def test_a_wrong_answer_is_refused_for_its_own_reason(spoil: str, code: str) -> None:
    _, made = stamper(spoil)
    asked = Asked(algorithm="sha256", imprint=IMPRINT, nonce=7, policy="1.3.6.1.4.1.99999.1")
    with pytest.raises(Refused) as caught:
        read_answer(made.answer(asked.der), asked, NOW, SKEW)
    assert caught.value.reason.code == code


def test_what_an_authority_says_when_it_denies_is_told() -> None:
    _, made = stamper("denied")
    with pytest.raises(Refused, match="closed today"):
        read_answer(made.answer(ASKED.der), ASKED, NOW, SKEW)


def test_an_old_answer_is_not_one_to_a_new_request() -> None:
    _, made = stamper("replay")
    made.answer(ASKED.der)
    with pytest.raises(Refused) as caught:
        read_answer(made.answer(ASKED.der), Asked(algorithm="sha256", imprint=IMPRINT, nonce=8), NOW, SKEW)
    assert caught.value.reason.code == "timestamp-replayed"


@pytest.mark.parametrize("off", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_clocks_that_differ_too_much_are_told(off: timedelta) -> None:
    _, made = stamper()
    with pytest.raises(Refused) as caught:
        read_answer(made.answer(ASKED.der), ASKED, NOW + off, SKEW)
    assert caught.value.reason.code == "timestamp-clock"


def test_an_authority_that_states_no_accuracy_worth_the_name_does_not_have_another_clock_believed() -> None:
    _, made = stamper("vague")
    with pytest.raises(Refused) as caught:
        read_answer(made.answer(ASKED.der), ASKED, NOW + timedelta(days=3650), SKEW)
    assert caught.value.reason.code == "timestamp-clock"


def test_certificates_in_another_order_are_put_right_and_the_strict_reader_agrees() -> None:
    """openssl writes the SET of certificates as they come; strict readers refuse that, and nothing signed depends on it."""
    evidence, made = stamper("unsorted")
    loose = made.stamp("sha256", IMPRINT)
    token = load_token(loose)
    assert len(token.der) == len(loose)
    assert judge_token(token, IMPRINT, evidence, Policy(), NOW).reason is None
    assert load_token(token.der).der == token.der


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"purposes": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, "timestamp-purpose"),
        ({"purposes": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CLIENT_AUTH)}, "timestamp-purpose"),
        ({"critical": False}, "timestamp-purpose"),
        ({"end": NOW - timedelta(days=1)}, "certificate-expired"),
        ({"start": NOW + timedelta(days=1)}, "certificate-not-yet-valid"),
    ],
    ids=["other", "besides", "uncritical", "expired", "early"],
)
def test_an_authority_whose_certificate_is_not_right_proves_nothing(more, code: str) -> None:
    evidence, made = stamper(**more)
    verdict = judge_token(load_token(made.stamp("sha256", IMPRINT)), IMPRINT, evidence, Policy(), NOW)
    assert verdict.reason is not None
    assert verdict.reason.code == code


def test_a_token_over_other_data_proves_nothing_here() -> None:
    evidence, made = stamper()
    verdict = judge_token(load_token(made.stamp("sha256", bytes(32))), IMPRINT, evidence, Policy(), NOW)
    assert verdict.reason is not None
    assert verdict.reason.code == "timestamp-other-data"


def test_an_authority_that_nobody_trusts_proves_nothing() -> None:
    evidence, _ = stamper()
    _, other = stamper()
    verdict = judge_token(load_token(other.stamp("sha256", IMPRINT)), IMPRINT, evidence, Policy(), NOW)
    assert verdict.reason is not None
    assert verdict.reason.code == "path-untrusted"


def test_an_anchor_for_documents_alone_is_none_for_time_stamps() -> None:
    evidence, made = stamper()
    (anchor,) = evidence.anchors
    narrow = Evidence(anchors=(anchor,), terms={anchor.fingerprint: Terms(uses=frozenset({Use.DOCUMENTS}))})
    verdict = judge_token(load_token(made.stamp("sha256", IMPRINT)), IMPRINT, narrow, Policy(), NOW)
    assert verdict.reason is not None
    assert verdict.reason.code == "anchor-not-for-this"


def test_a_token_lapses_with_its_authority_unless_something_protects_it() -> None:
    evidence, made = stamper(end=NOW + timedelta(days=365))
    token = load_token(made.stamp("sha256", IMPRINT))
    late = judge_token(token, IMPRINT, evidence, Policy(), NOW + timedelta(days=366))
    assert late.reason is not None
    assert late.reason.code == "timestamp-lapsed"
    assert judge_token(token, IMPRINT, evidence, Policy(), NOW + timedelta(days=364)).reason is None


def test_a_revoked_authority_proves_nothing_from_then_on() -> None:
    authority, made = stamping.make_stamper(now=lambda: NOW)
    listed = load_list(stamping.make_list(authority, NOW - timedelta(hours=1), made.key.certificate))
    evidence = Evidence(anchors=(authority.certificate,), lists=(listed,))
    verdict = judge_token(load_token(made.stamp("sha256", IMPRINT)), IMPRINT, evidence, Policy(), NOW)
    assert verdict.reason is not None
    assert verdict.reason.code == "certificate-revoked"


@pytest.mark.parametrize("at", [0, 1, 40, 200, 700, -1])
def test_a_changed_byte_is_refused_or_says_the_same(at: int) -> None:
    """Helpers are hints and unsigned; a change in one may pass, but what the token says stays what was signed."""
    evidence, made = stamper()
    der = bytearray(made.stamp("sha256", IMPRINT))
    der[at] ^= 0x41
    try:
        token = load_token(bytes(der))
    except Refused:
        return
    said = token.time, token.imprint, token.authority
    believed = judge_token(token, IMPRINT, evidence, Policy(), NOW).reason is None
    assert not believed or said == (NOW, IMPRINT, made.key.certificate)


def test_what_is_too_large_or_no_token_is_refused() -> None:
    for data in (bytes(MAX_SIZE + 1), b"", b"\x30\x80", b"\x30\x03\x02\x01\x00"):
        with pytest.raises(Refused) as caught:
            load_token(data)
        assert caught.value.reason.code == "timestamp-malformed"


def test_openssl_believes_our_authority_and_we_believe_openssl(tmp_path: Path) -> None:
    assert shutil.which("openssl"), "install openssl (make tools)"
    evidence, made = stamper()
    (anchor,) = evidence.anchors
    (tmp_path / "ca.pem").write_bytes(anchor.pem)
    (tmp_path / "data").write_bytes(b"data")
    (tmp_path / "token").write_bytes(made.stamp("sha256", IMPRINT))
    command = ["openssl", "ts", "-verify", "-data", "data", "-in", "token", "-token_in", "-CAfile", "ca.pem"]
    said = subprocess.run(
        [*command, "-attime", str(int(NOW.timestamp()))], cwd=tmp_path, capture_output=True, check=False
    )
    assert said.returncode == 0, said.stderr
