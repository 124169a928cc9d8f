"""Short-lived passes of connected systems: compact JWTs (RFC 7519) that nothing is stored for.

A pass is signed (HS256) under a key derived from the very secret that the system showed, and holds as long as that secret and
the system do; see docs/decisions/0013. The header is one constant text: there is no algorithm to choose and none to deny.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from exchange.core.ports import Entropy
from exchange.core.systems import SystemId
from trust_store.errors import Refused, reason

BAD_PASS = reason(
    "pass-invalid",
    "This pass does not open anything, or does so no more",
    "Log in again with systemid and secret, and send the pass that the answer has",
)


class Audience(StrEnum):
    """Say what a pass opens; none opens another's door."""

    LGSP = "lgsp"
    GATEWAY = "gateway"


LIFETIMES: Final = {Audience.LGSP: timedelta(minutes=30), Audience.GATEWAY: timedelta(seconds=3600)}
HEADER: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
"""The text {"alg":"HS256","typ":"JWT"} in base64url: the only header that is made or taken."""
LONGEST: Final = 1024
_SKEW: Final = 60
"""How many seconds the clock of another process of the hub may be ahead."""
_PURPOSE: Final = b"congvan pass 1"
_NO_KEY: Final = b"nobody has this secret"


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a pass says: for what (aud), who (sub), since when and until when (seconds), and a number of its own."""

    aud: Audience
    sub: str
    iat: int
    exp: int
    jti: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Hold a pass that nobody has checked yet; `system` is whose it says it is."""

    system: SystemId
    signed: str
    signature: str
    claims: Claims

    def check(self, secrets: Sequence[bytes], audience: Audience, now: datetime) -> None:
        """Hold the pass to the secrets of its system; without any as much is computed.

        Raises:
            Refused: `pass-invalid`; whether it was right once is told only of a pass that is.
        """
        matches = [_is_same(_sign(secret, self.signed), self.signature) for secret in secrets or (_NO_KEY,)]
        if not secrets or not any(matches):
            raise Refused(BAD_PASS, "The pass was not signed with a secret of this system that holds")
        if self.claims.aud is not audience:
            raise Refused(BAD_PASS, f"The pass is for {self.claims.aud}, not for {audience}")
        at, longest = now.timestamp(), LIFETIMES[audience].total_seconds()
        if not self.claims.iat - _SKEW <= at < self.claims.exp or self.claims.exp - self.claims.iat > longest:
            raise Refused(BAD_PASS, "The pass has expired, or is not in force yet")


def issue(system: SystemId, secret: bytes, audience: Audience, now: datetime, entropy: Entropy) -> str:
    """Make a pass for a system that showed `secret`."""
    at = int(now.timestamp())
    claims = Claims(
        aud=audience,
        sub=system,
        iat=at,
        exp=at + int(LIFETIMES[audience].total_seconds()),
        jti=entropy.draw(16).hex(),
    )
    signed = f"{HEADER}.{_encode(msgspec.json.encode(claims))}"
    return f"{signed}.{_sign(secret, signed)}"


def read(token: str) -> Shown:
    """Read a pass; nothing of it is believed yet.

    Raises:
        Refused: `pass-invalid`.
    """
    header, _, rest = token.partition(".")
    payload, _, signature = rest.partition(".")
    if header != HEADER or len(token) > LONGEST or not token.isascii():
        raise Refused(BAD_PASS, "This is no pass of this hub")
    try:
        claims = msgspec.json.decode(base64.b64decode(_padded(payload), b"-_", validate=True), type=Claims)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(BAD_PASS, "This is no pass of this hub") from None
    return Shown(system=SystemId(claims.sub), signed=f"{header}.{payload}", signature=signature, claims=claims)


def _sign(secret: bytes, signed: str) -> str:
    """Sign under a key that is used for passes only: no signature of another kind is ever one of these."""
    key = hmac.digest(secret, _PURPOSE, hashlib.sha256)
    return _encode(hmac.digest(key, signed.encode("ascii"), hashlib.sha256))


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
