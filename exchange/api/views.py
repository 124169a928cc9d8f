"""What the API sends: one shape a resource. The client, the description and the handlers share these and nothing else.

Moments are RFC 3339 in UTC; digests are SHA-256 in lower-case hex.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

_LEASE: Final[dict[str, Any]] = {"minimum": 1, "maximum": 3600}
"""What the description says of the length of a lease; the handlers ask for it, in words of their own."""


class PartyView(msgspec.Struct, frozen=True, kw_only=True):
    """A party of the exchange: `id` is its primary code, `codes` all that reach it.

    `reached_by` is how: api, ngsp (a connected system), or both. `max_bytes` is the longest letter that it can be sent, and
    `files_beside` says whether files may travel beside that.
    """

    id: str
    name: str
    kind: str
    codes: list[str]
    status: str
    reached_by: list[str] = []
    max_bytes: int = 0
    files_beside: bool = True


class SubmissionView(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender gets for a message: its key here, and the receipt (sealed XML, byte for byte)."""

    message: str
    message_id: str
    digest: str
    submitted_at: datetime
    receipt_id: str
    receipt: str


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """A message in a mailbox, as its receiver sees it."""

    delivery: str
    message: str
    message_id: str
    kind: str
    business: int
    sender: str
    subject: str
    number: str
    notation: str
    promulgated: str
    size: int
    digest: str
    consigned_at: datetime
    handed_over_at: datetime | None
    lease: str | None
    leased_until: datetime | None
    fetched_at: datetime | None
    fetched_by: str | None
    archived_at: datetime | None
    status: str
    state: str
    transport: str = ""
    transport_text: str = ""
    held: str = ""


class ReceiverView(msgspec.Struct, frozen=True, kw_only=True):
    """How far one receiver has come with a message; `transport` is what its connected system says of taking it over."""

    receiver: str
    delivery: str
    consigned_at: datetime
    handed_over_at: datetime | None
    fetched_at: datetime | None
    fetched_by: str | None
    status: str
    state: str
    transport: str = ""
    transport_text: str = ""
    held: str = ""


class RevokedView(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate of a message is known now to be revoked, `since` when and why; what was decided then stands."""

    since: datetime
    text: str


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message, as its sender or one of its receivers sees it; `verdict` is what was checked when it came in."""

    message: str
    message_id: str
    kind: str
    business: int
    sender: str
    subject: str
    number: str
    notation: str
    promulgated: str
    size: int
    digest: str
    submitted_at: datetime
    signature_class: str
    verdict: msgspec.Raw
    receipt_id: str
    archived_at: datetime | None
    receivers: list[ReceiverView]
    revoked_later: RevokedView | None = None


class CountsView(msgspec.Struct, frozen=True, kw_only=True):
    """How much is in a mailbox; `leased` is a part of `waiting`, and what is `held` back is not."""

    waiting: int
    leased: int
    received: int
    archived: int
    sent: int
    held: int = 0


class EffectView(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender asked about a document at one receiver, how far that receiver had come, and what it answered.

    `asked` is revoke, update, replace or recall; `by_message` asked it; `answer` is 15, 16 or empty.
    """

    original: str
    by_message: str
    receiver: str
    asked: str
    at: datetime
    fetched_at: datetime | None
    fetched_by: str | None
    handed_over_at: datetime | None
    answer: str
    answered_at: datetime | None


class RelationView(msgspec.Struct, frozen=True, kw_only=True):
    """How one message refers to another: reply, revoke, update, replace or status; `target` is empty when it is not here."""

    message: str
    kind: str
    target: str
    organ: str
    document_id: str
    code: str


class ThreadView(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that refer to each other, oldest first, with how they do."""

    messages: list[MessageView]
    relations: list[RelationView]


class RenewalRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask that a lease last for `lease_seconds` from now."""

    lease_seconds: Annotated[float, msgspec.Meta(extra_json_schema=_LEASE)] = 60.0


class ReleaseView(msgspec.Struct, frozen=True, kw_only=True):
    """How many deliveries a lease held when it was released."""

    released: int


class MomentView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a timeline: an event with its evidence, or a business status with its notice."""

    at: datetime
    what: str
    receiver: str
    text: str
    evidence: str | None
    notice: str | None
    irregular: bool


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A file beside a message: its name and type as the sender declared them, its digest as the sender signed it."""

    ordinal: int
    name: str
    media_type: str
    size: int
    digest: str


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt (sealed XML, byte for byte)."""

    receipt_id: str
    receipt: str


class LeaseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for waiting deliveries: at most `limit`, leased for `lease_seconds`, waiting up to `wait_seconds` for one."""

    limit: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": 200})] = 10
    lease_seconds: Annotated[float, msgspec.Meta(extra_json_schema=_LEASE)] = 60.0
    wait_seconds: Annotated[float, msgspec.Meta(extra_json_schema={"minimum": 0, "maximum": 60})] = 0.0


class HubCertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate (PEM) of the hub's own, past, present or announced, and when it seals.

    What it sealed from `compromised_from` on proves nothing.
    """

    certificate: str
    fingerprint: str
    signs_from: datetime
    signs_until: datetime | None = None
    retired_at: datetime | None = None
    compromised_from: datetime | None = None
    why: str = ""


class TrustView(msgspec.Struct, frozen=True, kw_only=True):
    """What to verify this hub's receipts with: its name, and the certificates in PEM; `certificate` signs now."""

    name: str
    code: str
    anchors: list[str]
    certificate: str
    certificates: list[HubCertificateView] = []


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the hub answers."""

    status: str


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that readiness needs: `outcome` is passed or failed, `text` says so in a sentence."""

    name: str
    outcome: str
    text: str


class ReadinessView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the hub can take messages on: `status` is ready or not-ready."""

    status: str
    checks: list[CheckView]


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in a row of a table, which counts from 1 (the header), and what to do."""

    row: int
    column: str
    what: str
    fix: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal (RFC 9457): `code` is stable, `detail` says what failed, `where` in which element, `fix` what to do.

    `request` is the id under which the hub's log knows the request; `rows` are all that is wrong in a table that was sent;
    `verdict` has every check of a signer who is not believed, as the `verdict` of a message does.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    fix: str
    where: str = ""
    evidence: str = ""
    request: str = ""
    rows: list[FaultView] = []
    verdict: dict[str, Any] = {}


class StampView(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that a receipt is in a time-stamped batch; digests in base64, but that of the receipt in hex."""

    format: str
    receipt: str
    index: int
    count: int
    path: list[str]
    token: str
