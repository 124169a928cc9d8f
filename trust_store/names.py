"""Names of certificates, compared as RFC 5280, 7.1 asks: without regard to case and to how white space is written."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

Prepared = tuple[frozenset[tuple[str, str]], ...]
"""A name in its one form: equal names are equal values."""


_SHORT = {NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier"}
_TEXT_LENGTH = 300


@lru_cache(maxsize=4096)
def prepare(name: x509.Name) -> Prepared:
    """Write a name in its one form."""
    return tuple(relative(each) for each in name.rdns)


def relative(name: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str]]:
    """Write one level of a name in its one form."""
    return frozenset((each.oid.dotted_string, _fold(each.value)) for each in name)


def same_name(one: x509.Name, other: x509.Name) -> bool:
    """Tell whether two names are the same."""
    return one == other or prepare(one) == prepare(other)


def words(name: x509.Name) -> str:
    """Write a name for people; it is somebody else's text, so what would not show as itself does not show."""
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name.rfc4514_string(_SHORT))
    return text[:_TEXT_LENGTH] or "(no name)"


def _fold(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
