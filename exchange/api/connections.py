"""What the API sends and takes about connected systems."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec


class LinkView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agency that a system speaks for; `only`: it is reached through such a system only."""

    agency: str
    only: bool = True


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a secret: its id, since when it holds and until when; never the secret."""

    id: str
    created_at: datetime
    ends_at: datetime | None


class SystemView(msgspec.Struct, frozen=True, kw_only=True):
    """A connected system; `unsigned`: it may send documents without a signature."""

    systemid: str
    name: str
    status: str
    unsigned: bool
    agencies: list[LinkView]
    secrets: list[SecretView]


class SystemRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to state of a system; what is not stated stays, and a new one needs `name`."""

    name: str | None = None
    status: Literal["active", "suspended"] | None = None
    unsigned: bool | None = None
    agencies: list[LinkView] | None = None


class NewSystemRequest(SystemRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new system, by its `systemid`."""

    systemid: str


class SystemRotationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the old secret still holds, in seconds."""

    overlap_seconds: Annotated[float, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": 30 * 86400})] = 86400.0


class SystemSecretView(msgspec.Struct, frozen=True, kw_only=True):
    """The secret of a system, shown now and never again, and when the one before ends."""

    systemid: str
    secret: str
    old_ends_at: datetime | None
