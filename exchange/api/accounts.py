"""What the API sends and takes about parties as their administrators see them: tokens, certificates, the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from exchange.core.access import Scope


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without its secret; `id` is the beginning of its SHA-256."""

    id: str
    party: str
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A new token with its secret, shown once; `replaced` is the one that it replaces, with the moment when that ends."""

    secret: str
    token: TokenView
    replaced: TokenView | None


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a token: what it is for, what it opens (send, receive and read unless told), and for how many days."""

    label: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": 100})] = "given"
    scopes: list[Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(Scope)})]] = []
    days: Annotated[float, msgspec.Meta(extra_json_schema={"minimum": 1 / 24, "maximum": 730})] = 365.0


class RotationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a new token in place of the one in use, which ends `overlap_seconds` from now."""

    overlap_seconds: Annotated[float, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": 604800})] = 86400.0


class CertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that speaks for a party; `fingerprint` is its SHA-256."""

    fingerprint: str
    subject: str
    not_before: datetime
    not_after: datetime


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the audit trail; `at` is in microseconds since 1970 in UTC, which is what its digest is made of."""

    number: int
    at: int
    event: str
    actor: str
    subject: str
    detail: str
    previous: str
    digest: str
