"""The async client: adapters, the command line, tests and customers use this and nothing deeper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self

import aiohttp
import msgspec

from exchange.answers import UNREACHABLE, HubRefused, read_answer, read_refusal
from exchange.api.accounts import AuditView, NewTokenView, RotationRequest, TokenRequest, TokenView
from exchange.api.offices import PartyRequest
from exchange.api.signatures import FileSignaturesView
from exchange.api.views import (
    AttachmentView,
    CountsView,
    DeliveryView,
    EffectView,
    LeaseRequest,
    MessageView,
    MomentView,
    PartyView,
    Problem,
    ReceiptView,
    ReleaseView,
    RenewalRequest,
    SubmissionView,
    ThreadView,
    TrustView,
)
from exchange.applying import Applying
from exchange.attention import Attention
from exchange.composing import (
    MAX_UNPACKED,
    VIETNAM,
    Draft,
    Event,
    Finding,
    KeyFails,
    KeyHolder,
    Letter,
    Message,
    Receipt,
    StatusNotice,
    Trust,
    Unpacked,
    compose_letter,
    digest_of,
    read_document,
    sign_unsigned,
    unpack,
)
from exchange.keys.opening import open_key
from exchange.reachability import doubt_reach, names_party
from exchange.transfer import FILE_DIFFERS, Download, Line, Progress, Stored, Upload, opened
from trust_store.errors import Reason, Refused, reason

__all__ = [
    "FILE_DIFFERS",
    "MAX_UNPACKED",
    "UNREACHABLE",
    "VIETNAM",
    "AttachmentView",
    "AuditView",
    "Client",
    "DeliveryView",
    "Draft",
    "Event",
    "Finding",
    "HubRefused",
    "KeyFails",
    "KeyHolder",
    "Letter",
    "Message",
    "MessageView",
    "MomentView",
    "NewTokenView",
    "PartyView",
    "Problem",
    "Reason",
    "Receipt",
    "ReceiptView",
    "Refused",
    "StatusNotice",
    "Stored",
    "SubmissionView",
    "TokenView",
    "Trust",
    "TrustView",
    "Unpacked",
    "compose_letter",
    "digest_of",
    "open_key",
    "read_document",
    "reason",
    "sign_unsigned",
    "unpack",
]


class Client:
    """Talk to one hub on behalf of one party; use it as an async context manager.

    Every method raises `HubRefused` when the hub refuses, and `Refused` (hub-unreachable) when it does not answer.
    """

    def __init__(self, url: str, token: str = "", *, timeout: float = 120.0) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = aiohttp.ClientTimeout(total=timeout)
        try:
            self._session = aiohttp.ClientSession(url.rstrip("/") + "/", headers=headers, timeout=limits)
        except ValueError:
            raise Refused(UNREACHABLE, f"{url} is not an address such as http://127.0.0.1:8800") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_how_it_ended: object) -> None:
        await self._session.close()

    async def submit(self, document: bytes) -> SubmissionView:
        """Send a signed document; sending the same bytes again gives the same receipt."""
        options = {"data": document, "headers": {"Content-Type": "application/xml"}}
        return read_answer(await self._bytes("POST", "v1/messages", **options), SubmissionView)

    async def sent(self, *, after: str = "", limit: int = 50, **search: str) -> list[MessageView]:
        """List what was sent, newest first, from behind the message `after`; `search` as the API description has it."""
        query = {"limit": str(limit), **search} | ({"after": after} if after else {})
        return read_answer(await self._bytes("GET", "v1/messages", params=query), list[MessageView])

    async def message(self, key: str) -> MessageView:
        """Show a message that was sent or received."""
        return read_answer(await self._bytes("GET", f"v1/messages/{key}"), MessageView)

    async def content(self, key: str) -> bytes:
        """Download the very bytes that the sender signed."""
        return await self._bytes("GET", f"v1/messages/{key}/content")

    async def upload(self, file: Path | BinaryIO, on_progress: Progress | None = None) -> Stored:
        """Upload a file for a letter to name, piece by piece; what broke off, also in an earlier call, goes on."""
        with opened(file) as (source, name):
            return await Upload(self._line, source, name, on_progress).run()

    async def attachments(self, key: str) -> list[AttachmentView]:
        """List the files beside a message."""
        return read_answer(await self._bytes("GET", f"v1/messages/{key}/attachments"), list[AttachmentView])

    async def signatures(self, key: str) -> list[FileSignaturesView]:
        """Tell what signatures there are inside the files of a message, as this hub sees them."""
        return read_answer(await self._bytes("GET", f"v1/messages/{key}/signatures"), list[FileSignaturesView])

    async def download(
        self, key: str, ordinal: int, path: Path, *, digest: str = "", on_progress: Progress | None = None
    ) -> Stored:
        """Download a file beside a message, or go on where it broke off; `digest` is what its letter has signed.

        Raises:
            Refused: `attachment-differs`: what came is not that file; nothing is left at `path`.
        """
        return await Download(self._line, f"v1/messages/{key}/attachments/{ordinal}", path, on_progress).run(digest)

    async def timeline(self, key: str) -> list[MomentView]:
        """Tell what happened to a message so far."""
        return read_answer(await self._bytes("GET", f"v1/messages/{key}/timeline"), list[MomentView])

    async def effects(self, key: str) -> list[EffectView]:
        """Tell what was asked about a message and what it asks, for each receiver."""
        return read_answer(await self._bytes("GET", f"v1/messages/{key}/effects"), list[EffectView])

    async def thread(self, key: str) -> ThreadView:
        """Follow a message to what it refers to and what refers to it."""
        return read_answer(await self._bytes("GET", f"v1/messages/{key}/thread"), ThreadView)

    async def inbox(
        self, *, waiting: bool = True, after: str = "", limit: int = 50, **search: str
    ) -> list[DeliveryView]:
        """List the mailbox, oldest first, from behind the delivery `after`; `search` as the API description has it."""
        query = {"box": "waiting" if waiting else "all", "limit": str(limit), **search} | (
            {"after": after} if after else {}
        )
        return read_answer(await self._bytes("GET", "v1/inbox", params=query), list[DeliveryView])

    async def counts(self) -> CountsView:
        """Count the mailbox."""
        return read_answer(await self._bytes("GET", "v1/counts"), CountsView)

    async def renew(self, lease: str, seconds: float = 60.0) -> list[DeliveryView]:
        """Let a lease last for `seconds` from now; return what it still holds."""
        body = msgspec.json.encode(RenewalRequest(lease_seconds=seconds))
        return read_answer(await self._bytes("POST", f"v1/inbox/leases/{lease}/renewal", data=body), list[DeliveryView])

    async def release(self, lease: str) -> int:
        """End a lease now; return how many deliveries it held."""
        return read_answer(await self._bytes("DELETE", f"v1/inbox/leases/{lease}"), ReleaseView).released

    async def archive(self, delivery: str, *, away: bool = True) -> CountsView:
        """Put an acknowledged delivery into the archive, or take it out."""
        return read_answer(await self._bytes("PUT" if away else "DELETE", f"v1/inbox/{delivery}/archive"), CountsView)

    async def archive_sent(self, key: str, *, away: bool = True) -> MessageView:
        """Put a sent message into the archive, or take it out."""
        return read_answer(await self._bytes("PUT" if away else "DELETE", f"v1/messages/{key}/archive"), MessageView)

    async def lease(self, *, limit: int = 10, lease: float = 60.0, wait: float = 0.0) -> list[DeliveryView]:
        """Lease waiting deliveries for `lease` seconds, waiting up to `wait` seconds for one."""
        body = msgspec.json.encode(LeaseRequest(limit=limit, lease_seconds=lease, wait_seconds=wait))
        return read_answer(await self._bytes("POST", "v1/inbox/leases", data=body), list[DeliveryView])

    async def acknowledge(self, delivery: str) -> ReceiptView:
        """Say that a message is safely received; the same receipt comes at every repetition."""
        return read_answer(await self._bytes("POST", f"v1/inbox/{delivery}/acknowledgement"), ReceiptView)

    async def evidence(self, key: str) -> bytes:
        """Download a receipt (sealed XML)."""
        return await self._bytes("GET", f"v1/evidence/{key}")

    async def stamp(self, key: str) -> bytes:
        """Download the proof of a receipt's time-stamp (JSON); `receipt-not-stamped` while there is none."""
        return await self._bytes("GET", f"v1/evidence/{key}/stamp")

    async def raised(self, message: str, level: str) -> bytes:
        """Download a message raised to a level (T, LT or LTA) beside what its sender signed."""
        return await self._bytes("GET", f"v1/messages/{message}/raised", params={"level": level})

    async def whoami(self) -> PartyView:
        """Show the party that the token speaks for."""
        return read_answer(await self._bytes("GET", "v1/whoami"), PartyView)

    async def parties(self, **search: str) -> list[PartyView]:
        """List the parties that can be written to; `search` as the API description has it."""
        return read_answer(await self._bytes("GET", "v1/parties", params=search), list[PartyView])

    async def doubts(self, document: bytes) -> list[str]:
        """Tell, best before it is signed, which receivers a letter would not reach as it is; see `reached_by`."""
        letter = read_document(document)
        codes = [organ.organ_id for organ in letter.receivers] if isinstance(letter, Letter) else []
        found = {code: await self.parties(text=code, limit="200") for code in codes}
        named = {code: next((item for item in found[code] if names_party(item.codes, code)), None) for code in codes}
        beside = isinstance(letter, Letter) and bool(letter.detached)
        return [
            text
            for code, party in named.items()
            if party is not None
            for text in doubt_reach(f"{party.name} ({code})", len(document), party, beside=beside)
        ]

    async def trust(self) -> TrustView:
        """Show what to verify the hub's receipts with; compare it once with what the operator published elsewhere."""
        return read_answer(await self._bytes("GET", "v1/trust"), TrustView)

    async def tokens(self) -> list[TokenView]:
        """List the tokens of whoever asks, without their secrets."""
        return read_answer(await self._bytes("GET", "v1/tokens"), list[TokenView])

    async def rotate_token(self, *, overlap: float = 86400.0) -> NewTokenView:
        """Replace the token in use, which ends after `overlap` seconds; the new one goes into a new client."""
        body = msgspec.json.encode(RotationRequest(overlap_seconds=overlap))
        return read_answer(await self._bytes("POST", "v1/tokens/rotation", data=body), NewTokenView)

    async def put_party(
        self,
        party: str,
        *,
        name: str | None = None,
        kind: Literal["agency", "enterprise"] | None = None,
        codes: Sequence[str] | None = None,
        status: Literal["active", "suspended"] | None = None,
    ) -> PartyView:
        """Register a party, or change what is stated of it; for administrators."""
        listed = list(codes) if codes is not None else None
        body = msgspec.json.encode(PartyRequest(name=name, kind=kind, codes=listed, status=status))
        return read_answer(await self._bytes("PUT", f"v1/parties/{party}", data=body), PartyView)

    async def create_token(
        self, party: str, *, label: str, scopes: Sequence[str] = (), days: float = 365
    ) -> NewTokenView:
        """Give a party a token; for administrators."""
        body = msgspec.json.encode(TokenRequest(label=label, scopes=list(scopes), days=days))
        return read_answer(await self._bytes("POST", f"v1/parties/{party}/tokens", data=body), NewTokenView)

    async def revoke_token(self, token: str) -> TokenView:
        """End a token, named by its id; for administrators."""
        return read_answer(await self._bytes("DELETE", f"v1/tokens/{token}"), TokenView)

    async def audit(self, *, after: int = 0, limit: int = 50) -> list[AuditView]:
        """Show the audit trail from behind a row, oldest first; for auditors."""
        query = {"after": str(after), "limit": str(limit)}
        return read_answer(await self._bytes("GET", "v1/audit", params=query), list[AuditView])

    @property
    def attention(self) -> Attention:
        """Ask about certificates that end, notices, and keys that were lost."""
        return Attention(self._bytes)

    @property
    def enrolment(self) -> Applying:
        """Apply for certificates, and decide on applications."""
        return Applying(self._bytes)

    @property
    def _line(self) -> Line:
        return Line(session=self._session)

    async def _bytes(self, method: str, path: str, **options: Any) -> bytes:
        try:
            async with self._session.request(method, path, **options) as response:
                body = await response.read()
                if response.status < 400:
                    return body
                raise read_refusal(response.status, body)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused(UNREACHABLE, f"The hub does not answer: {type(error).__name__}") from None
