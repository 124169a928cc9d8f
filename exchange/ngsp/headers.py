"""The signed headers of a request: read as they came, believed only after their HMAC, compared only after that.

`XroadVnpt-sign-header` is JSON with one member for each signed header; `XroadVnpt-hash-header` is the HMAC-SHA256 (lower-case
hex) of that text exactly as it was received, under the secret of the system. Parameters are taken from the JSON, which keeps
the case of names; each member must also be the value of a received header of its name. Headers that are not signed are
nobody's word and are never read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from exchange.ngsp.restoring import readings
from trust_store.errors import Refused, reason

UNSIGNED_REQUEST = reason(
    "request-unsigned",
    "The request is not signed by a connected system",
    "Send XroadVnpt-sign-header and XroadVnpt-hash-header, as the official client does",
)
SIGN_HEADER = reason(
    "sign-header-malformed",
    "The signed headers cannot be read",
    "Send XroadVnpt-sign-header as one JSON object of texts, each name beginning with XroadVnpt-",
)
BAD_SECRET = reason(
    "system-unknown",
    "There is no such system, or the request was not signed with its secret",
    "Compare systemid and secret with what the administrator of the hub gave; 'congvan ngsp trace' shows what differs",
)
HEADER_CUT = reason(
    "header-not-ascii",
    "A header has letters that the client cut, so its signature cannot be checked",
    "Write the value, such as the description, without diacritics",
)
HEADER_DIFFERS = reason(
    "signed-header-differs",
    "A signed header is not the one that was received",
    "Send each header with the value that XroadVnpt-sign-header has; look for a proxy that changes headers",
)
PREFIX: Final = "xroadvnpt-"
SIGN, HASH, SYSTEM = "sign-header", "hash-header", "systemid"
_NO_KEY: Final = b"nobody has this key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Hold what a system said under its signature, by the names of the headers without their prefix."""

    values: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a value by its name, or by its name in another case; empty when there is none."""
        exact = self.values.get(name)
        if exact is not None:
            return exact
        return next((value for key, value in self.values.items() if key.lower() == name.lower()), "")

    def exactly(self, name: str) -> str:
        """Return a value by its name in this very case: `docid` and `docId` are two."""
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Hold the headers of a request that nobody has checked yet: `text` is what was signed, `shown` its claimed HMAC.

    Values are of ISO 8859-1, which keeps every byte as it is.
    """

    system: str
    text: bytes
    shown: str
    received: Mapping[str, Sequence[str]]
    members: Mapping[str, str]

    def check(self, keys: Sequence[bytes]) -> Parameters:
        """Hold the request to the secrets of its system, and give what it says.

        Raises:
            Refused: `system-unknown`, `header-not-ascii` or `signed-header-differs`.
        """
        told = next((text for text in self._texts(keys) if text is not None), None)
        if told is None:
            cut = bool(keys) and not self.text.isascii()
            raise Refused(HEADER_CUT if cut else BAD_SECRET)
        for name, value in self.members.items():
            if value.strip() not in self.received.get(name.lower(), ()):
                raise Refused(HEADER_DIFFERS, f"{name} was signed with another value", where=f"XroadVnpt-{name}")
        return Parameters(values=_members(told))

    def _texts(self, keys: Sequence[bytes]) -> Iterable[str | None]:
        """Give the text that was signed, if a key confirms one; without any key as much is computed."""
        for key in keys or (_NO_KEY,):
            yield _told(self.text) if self._is_signed(key, self.text) and keys else None
        if not self.text.isascii():
            for key in keys:
                yield next((text for text in readings(self.text) if self._is_signed(key, text.encode())), None)

    def _is_signed(self, key: bytes, text: bytes) -> bool:
        return hmac.compare_digest(sign(key, text).encode(), self.shown.encode("latin-1"))


def read_signed(raw: Iterable[tuple[bytes, bytes]]) -> Signed:
    """Read the signed headers of a request; nothing of it is believed yet.

    Raises:
        Refused: `request-unsigned` or `sign-header-malformed`.
    """
    received: dict[str, list[str]] = {}
    for name, value in raw:
        lower = name.decode("latin-1").lower()
        if lower.startswith(PREFIX):
            received.setdefault(lower.removeprefix(PREFIX), []).append(value.decode("latin-1").strip())
    text, shown = (_single(received, name) for name in (SIGN, HASH))
    members = _members(text)
    system = members.get(SYSTEM) or ""
    if not system:
        raise Refused(SIGN_HEADER, "XroadVnpt-systemid is not among the signed headers", where="XroadVnpt-sign-header")
    return Signed(system=system, text=text.encode("latin-1"), shown=shown, received=received, members=members)


def sign(key: bytes, text: bytes) -> str:
    """Compute the HMAC of a text as the dialect writes it."""
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def _single(received: Mapping[str, Sequence[str]], name: str) -> str:
    found = set(received.get(name, ()))
    if len(found) != 1:
        detail = f"The request has {len(found)} different headers XroadVnpt-{name}; it must have one"
        raise Refused(UNSIGNED_REQUEST, detail, where=f"XroadVnpt-{name}")
    return found.pop()


def _members(text: str) -> dict[str, str]:
    try:
        members = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError):
        raise Refused(SIGN_HEADER, "It is not a JSON object of texts", where="XroadVnpt-sign-header") from None
    strange = [name for name in members if not name.lower().startswith(PREFIX)]
    if strange:
        raise Refused(SIGN_HEADER, f"{strange[0]} is no header of this dialect", where="XroadVnpt-sign-header")
    return {name[len(PREFIX) :]: value for name, value in members.items()}


def _told(text: bytes) -> str:
    """Read what was signed: a client whose text was not cut writes UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
