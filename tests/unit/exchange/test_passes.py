"""A pass opens one door, for one system, for its time, under a secret that holds; nothing else is a pass."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.auth import passes
from exchange.auth.passes import HEADER, LIFETIMES, Audience
from exchange.core.systems import SystemId
from exchange.machine import SystemEntropy
from trust_store.errors import Refused

SECRET, OTHER = b"the-secret-of-one", b"the-secret-of-two"
NOW = datetime(2023, 3, 1, 9, tzinfo=UTC)
ONE = SystemId("H56.DN.001")


def encode(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def key_of(secret: bytes) -> bytes:
    return hmac.digest(secret, b"congvan pass 1", hashlib.sha256)


def forged(claims: Any, key: bytes, header: str = HEADER, algorithm: str = "sha256") -> str:
    signed = f"{header}.{encode(claims)}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), algorithm))}"


def claims(**changed: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    usual = {"aud": "lgsp", "sub": ONE, "iat": at, "exp": at + 1800, "jti": "a"}
    return {name: value for name, value in (usual | changed).items() if value is not None}


def issued(audience: Audience = Audience.LGSP, secret: bytes = SECRET) -> str:
    return passes.issue(ONE, secret, audience, NOW, SystemEntropy())


def check(token: str, *, secrets=(SECRET,), audience=Audience.LGSP, at=NOW) -> None:
    passes.read(token).check(secrets, audience, at)


def refused(token: str, **options: Any) -> str:
    with pytest.raises(Refused) as refusal:
        check(token, **options)
    assert refusal.value.reason.code == "pass-invalid"
    return refusal.value.detail


@pytest.mark.parametrize("audience", Audience)
def test_a_pass_holds_for_its_time_and_not_a_second_longer(audience: Audience) -> None:
    token, life = issued(audience), LIFETIMES[audience]
    assert passes.read(token).system == ONE
    for at in (NOW, NOW + life - timedelta(seconds=1)):
        check(token, audience=audience, at=at)
    for at in (NOW + life, NOW + timedelta(days=9), NOW - timedelta(seconds=61)):
        assert "expired" in refused(token, audience=audience, at=at)


def test_a_pass_is_a_jwt_that_anybody_can_read_and_nobody_can_make_again() -> None:
    token = issued()
    header, payload, _ = (
        json.loads(base64.urlsafe_b64decode(part + "==")) if i < 2 else b"" for i, part in enumerate(token.split("."))
    )
    assert header == {"alg": "HS256", "typ": "JWT"}
    assert (payload["aud"], payload["sub"], payload["exp"] - payload["iat"]) == ("lgsp", ONE, 1800)
    assert token != issued()
    check(forged(claims(), key_of(SECRET)))


@pytest.mark.parametrize(("made", "asked"), [(Audience.LGSP, Audience.GATEWAY), (Audience.GATEWAY, Audience.LGSP)])
def test_a_pass_opens_no_other_door(made: Audience, asked: Audience) -> None:
    assert "not for" in refused(issued(made), audience=asked)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "JWT"},
        {"alg": "None"},
        {"alg": "HS384", "typ": "JWT"},
        {"alg": "RS256", "typ": "JWT"},
        {"typ": "JWT", "alg": "HS256"},
        {"alg": "HS256"},
        {"alg": "HS256", "typ": "JWT", "kid": "../../dev/null"},
        {"alg": "HS256", "typ": "JWT", "jwk": {"kty": "oct", "k": ""}},
        {"alg": "HS256", "typ": "JWT", "crit": ["exp"]},
        {"alg": "HS256", "typ": "JWT", "zip": "DEF"},
        [],
    ],
)
def test_there_is_one_header(header: Any) -> None:
    refused(forged(claims(), key_of(SECRET), encode(header)))
    refused(f"{encode(header)}.{encode(claims())}.")


def test_a_signature_of_another_kind_is_none() -> None:
    token = issued()
    signed, _, signature = token.rpartition(".")
    assert "not signed" in refused(forged(claims(), key_of(OTHER)))
    refused(forged(claims(), SECRET))
    refused(forged(claims(), b""))
    refused(forged(claims(), key_of(SECRET), algorithm="sha512"))
    for changed in ("", signature[:-1], signature + "=", signature + "A", signature.swapcase(), signature + ".x"):
        refused(f"{signed}.{changed}")


def test_what_a_pass_says_cannot_be_changed() -> None:
    _, _, signature = issued().split(".")
    for changed in ({"sub": "another"}, {"exp": 2**40}, {"aud": "gateway"}):
        refused(f"{HEADER}.{encode(claims(**changed))}.{signature}", audience=Audience.LGSP)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "both"},
        {"aud": ["lgsp", "gateway"]},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"sub": None},
        {"sub": 7},
        {"exp": "9999999999"},
        {"exp": 1e400},
        {"exp": True},
        {"iat": -1},
        {"nbf": 0},
        {"exp": 2**62},
        {"exp": 10**400},
    ],
)
def test_rightly_signed_claims_of_another_form_are_refused(changed: dict[str, Any]) -> None:
    """Whoever has the secret is still held to the form, and to the lifetime that the hub gives."""
    refused(forged(claims(**changed), key_of(SECRET)))


def test_a_system_that_has_no_secret_has_no_pass() -> None:
    assert "not signed" in refused(issued(), secrets=())
    refused(forged(claims(), key_of(b"nobody has this secret")), secrets=())


def test_any_secret_that_holds_will_do_and_none_else() -> None:
    check(issued(), secrets=(OTHER, SECRET))
    check(issued(secret=OTHER), secrets=(OTHER, SECRET))
    refused(issued(), secrets=(OTHER,))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", HEADER, f"{HEADER}.", f"{HEADER}..", f"{HEADER}.é.x", f"{HEADER}.{'A' * 5000}.x"]
)
def test_what_is_no_pass_is_refused(token: str) -> None:
    refused(token)


@given(st.text(max_size=40), st.binary(max_size=60))
def test_garbage_is_never_a_pass_and_never_a_failure(text: str, data: bytes) -> None:
    for token in (text, f"{HEADER}.{text}", f"{HEADER}.{encode(data)}.{text}", f"{HEADER}.{text}.{encode(data)}"):
        refused(token)


@given(st.integers(min_value=0), st.sampled_from("AZaz09-_.=+/é"))
def test_a_letter_changed_anywhere_spoils_it(place: int, letter: str) -> None:
    token = issued()
    index = place % len(token)
    if token[index] != letter:
        refused(token[:index] + letter + token[index + 1 :])
