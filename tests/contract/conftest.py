"""The backends that every contract is held against: a new backend is one line in its table."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from envelopes.edxml import StatusCode
from envelopes.receipt import Event
from envelopes.signature.classify import SignatureClass
from exchange.auth.vault import FileVault
from exchange.blobs.local import LocalBlobs
from exchange.core.forecast import Role, Term
from exchange.core.model import (
    Delivery,
    EvidenceId,
    Filed,
    Filing,
    Kind,
    MessageKey,
    Party,
    PartyId,
    Statement,
    StatusChange,
    delivery_key,
    evidence_id,
    message_key,
)
from exchange.core.notices import Addresses
from exchange.core.ports import (
    AuditTrail,
    Authorities,
    Blobs,
    Directory,
    Effects,
    Enrolments,
    EvidenceShelf,
    HubKeys,
    LogShelf,
    Mailboxes,
    Messages,
    Notices,
    Quarantine,
    RevocationData,
    Sources,
    Systems,
    Terms,
    Tokens,
    TrustMaterial,
)
from exchange.core.ports.stamping import StampShelf
from exchange.core.ports.witness import CosignatureShelf, WitnessShelf
from exchange.core.quota import Daily
from exchange.delivery.bell import LocalBell
from exchange.delivery.wires import SharedBell, Wires
from exchange.machine import SystemEntropy
from exchange.storage.audit import AuditStore
from exchange.storage.authorities import AuthorityStore
from exchange.storage.directory import DirectoryStore
from exchange.storage.effects import EffectStore
from exchange.storage.enrolments import EnrolmentStore
from exchange.storage.evidence import EvidenceStore
from exchange.storage.hub_keys import HubKeyStore
from exchange.storage.log import LogStore
from exchange.storage.mailboxes import MailboxStore
from exchange.storage.messages import MessageStore
from exchange.storage.migration import migrate
from exchange.storage.notices import NoticeStore
from exchange.storage.quarantine import QuarantineStore
from exchange.storage.revocation import RevocationStore
from exchange.storage.session import Database
from exchange.storage.sources import SourceStore
from exchange.storage.sqlite import open_database
from exchange.storage.stamps import StampStore
from exchange.storage.systems import SystemStore
from exchange.storage.terms import TermStore
from exchange.storage.tokens import TokenStore
from exchange.storage.trust import TrustStore
from exchange.storage.witness import CosignatureStore, WitnessStore
from trust_store.identity import PartyKind

AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
HUB = PartyId("HUB.H56")
ADDRESSES = Addresses(hub=HUB, administrators=("admin@hub.example",), enabled=True)
SENDER, RECEIVER, OTHER = PartyId("2899000016"), PartyId("000.00.12.H56"), PartyId("000.00.90.H56")


class DirectoryRegistry(Directory, Protocol):
    """Know the parties and change them."""

    put: Callable
    add_certificate: Callable
    remove_certificate: Callable
    certificates: Callable


class TrustMaterialRegistry(TrustMaterial, Protocol):
    """Know what is trusted and change it."""

    trust: Callable
    revoke: Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Hold every port that one database implements, and the database itself."""

    messages: Messages
    effects: Effects
    mailboxes: Mailboxes
    evidence: EvidenceShelf
    directory: DirectoryRegistry
    trust: TrustMaterialRegistry
    authorities: Authorities
    revocation: RevocationData
    sources: Sources
    tokens: Tokens
    systems: Systems
    enrolments: Enrolments
    audit: AuditTrail
    log: LogShelf
    witness: WitnessShelf
    cosignatures: CosignatureShelf
    stamps: StampShelf
    hub_keys: HubKeys
    terms: Terms
    notices: Notices
    quarantine: Quarantine
    database: Database
    hub: PartyId = HUB


async def _nothing() -> list[Term]:
    return []


def _backend(database: Database, folder: Path) -> Backend:
    return Backend(
        messages=MessageStore(database, Daily()),
        effects=EffectStore(database),
        mailboxes=MailboxStore(database),
        evidence=EvidenceStore(database),
        directory=DirectoryStore(database),
        trust=TrustStore(database),
        authorities=AuthorityStore(database),
        revocation=RevocationStore(database),
        sources=SourceStore(database),
        tokens=TokenStore(database),
        systems=SystemStore(database, FileVault(folder / "systems.key", SystemEntropy())),
        enrolments=EnrolmentStore(database),
        audit=AuditStore(database),
        log=LogStore(database),
        witness=WitnessStore(database),
        cosignatures=CosignatureStore(database),
        stamps=StampStore(database),
        hub_keys=HubKeyStore(database),
        terms=TermStore(database, _nothing),
        notices=NoticeStore(database, ADDRESSES),
        quarantine=QuarantineStore(database, ADDRESSES),
        database=database,
    )


@contextlib.asynccontextmanager
async def _open_sqlite(folder: Path) -> AsyncIterator[Backend]:
    migrate(folder / "hub.db")
    async with open_database(folder / "hub.db") as database:
        yield _backend(database, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Hold a blob store with the means to harm it from outside."""

    blobs: Blobs
    damage: Callable[[str, bytes], None]
    age: Callable[[str, datetime], None]


def _open_local_blobs(folder: Path) -> Shelf:
    def place(digest: str) -> Path:
        return folder / digest[:2] / digest

    return Shelf(
        blobs=LocalBlobs(folder),
        damage=lambda digest, data: place(digest).write_bytes(data) and None,
        age=lambda digest, moment: os.utime(place(digest), (moment.timestamp(), moment.timestamp())),
    )


STORES = {"sqlite": _open_sqlite}
BLOBS = {"local": _open_local_blobs}


class _TwoProcesses:
    """Listen as one process and ring as another."""

    def __init__(self) -> None:
        wires = Wires(2)
        self.listen, self.ring = SharedBell(wires, 0).listen, SharedBell(wires, 1).ring


BELLS = {"local": LocalBell, "shared": partial(SharedBell, Wires(1), 0), "from another process": _TwoProcesses}


@pytest.fixture(params=STORES)
def opened(request, tmp_path):
    """Open the backend on this test's data; again is as if by another process."""
    return partial(STORES[request.param], tmp_path)


@pytest.fixture
async def backend(opened):
    async with opened() as found:
        yield found


@pytest.fixture(params=BLOBS)
def shelf(request, tmp_path):
    return BLOBS[request.param](tmp_path)


@pytest.fixture(params=BELLS)
async def bell(request):
    return BELLS[request.param]()


def _statement(event: Event, owner: PartyId, key: MessageKey, at: datetime, receiver: str = "") -> Statement:
    return Statement(
        id=EvidenceId(evidence_id(event, key, receiver)),
        owner=owner,
        message=key,
        event=event,
        receiver=receiver,
        at=at,
        text=f"{event} {key} {at.isoformat()}".encode(),
        salt=os.urandom(32),
        leaf=hashlib.sha256(os.urandom(8)).digest(),
    )


def _filing(
    number: int = 1,
    *,
    sender: PartyId = SENDER,
    receivers: tuple[PartyId, ...] = (RECEIVER,),
    at: datetime = AT,
    digest: str = "",
    message_id: str = "",
    code: tuple[str, str] | None = None,
    kind: Kind = Kind.LETTER,
    signer: str = "",
) -> Filing:
    message_id = message_id or f"{sender},2026/11/23,{number}/CV"
    key = message_key(sender, message_id)
    number_text, notation = code or (str(number), "CV")
    filed = Filed(
        key=key,
        sender=sender,
        message_id=message_id,
        digest=digest or hashlib.sha256(message_id.encode()).hexdigest(),
        size=1000,
        kind=kind,
        business=0,
        subject="V/v thử nghiệm",
        number=number_text,
        notation=notation,
        promulgated="2026-11-23",
        submitted_at=at,
        signature_class=SignatureClass.VALID,
        verdict="{}",
        receipt=evidence_id(Event.SUBMISSION_ACCEPTANCE, key),
        certificate=signer,
    )
    deliveries = tuple(
        Delivery(key=delivery_key(key, receiver), receiver=receiver, message=key, sender=sender, consigned_at=at)
        for receiver in receivers
    )
    consigned = [_statement(Event.CONTENT_CONSIGNMENT, sender, key, at, receiver) for receiver in receivers]
    return Filing(
        message=filed,
        deliveries=deliveries,
        statements=(_statement(Event.SUBMISSION_ACCEPTANCE, sender, key, at), *consigned),
        signer=_signer(sender, signer) if signer else None,
    )


def _signer(sender: PartyId, fingerprint: str, *, signed_part: str = "") -> Term:
    """Describe a certificate; of several with one first letter all have the same part that the issuer signed."""
    return Term(
        owner=sender,
        role=Role.PARTY,
        fingerprint=fingerprint,
        signed_part=signed_part or fingerprint[0] * 64,
        subject=f"CN={sender}",
        not_before=AT - timedelta(days=100),
        not_after=AT + timedelta(days=100),
    )


def _handover(delivery: Delivery, at: datetime) -> Statement:
    return _statement(Event.CONTENT_HANDOVER, delivery.sender, delivery.message, at, delivery.receiver)


def _status(original: Filed, receiver: PartyId, code: str, notice: Filed, *, irregular: bool = False) -> StatusChange:
    return StatusChange(
        original=original.key,
        sender=original.sender,
        receiver=receiver,
        code=StatusCode(code),
        text=f"status {code}",
        at=notice.submitted_at,
        notice=notice.key,
        irregular=irregular,
    )


def _party(code: str, *aliases: str, kind: PartyKind = PartyKind.AGENCY, tax_code: str | None = None) -> Party:
    codes = frozenset({code, *aliases})
    return Party(id=PartyId(code), name=f"Đơn vị {code}", kind=kind, codes=codes, tax_code=tax_code)


@dataclass(frozen=True, slots=True)
class Values:
    """Make the values that go in."""

    at = AT
    sender, receiver, other = SENDER, RECEIVER, OTHER
    filing = staticmethod(_filing)
    handover = staticmethod(_handover)
    statement = staticmethod(_statement)
    status = staticmethod(_status)
    party = staticmethod(_party)


@pytest.fixture
def values() -> Values:
    return Values()
