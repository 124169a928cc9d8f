"""Build a hub from its folder, once. Only the command line and the tests import this."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from envelopes.receipt import Actor
from exchange.auth.vault import FileVault
from exchange.blobs.local import LocalBlobs
from exchange.blobs.partials import LocalPartials
from exchange.config import Home, Settings, read_settings
from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.filing import Registrar
from exchange.core.hub import Hub
from exchange.core.ports import Clock, Progress, Store
from exchange.core.ports.files import Room
from exchange.core.quota import Daily
from exchange.core.reach import Sizes
from exchange.core.reading import Reading
from exchange.core.uploads import Allowance, Uploads
from exchange.delivery.bell import LocalBell
from exchange.machine import LoggedProgress, SystemClock, SystemEntropy, ThreadWorkers
from exchange.net.addresses import read_allowed
from exchange.net.fetching import Bounds, Fetcher
from exchange.operation.asking import Desk, Inquiries, Machine
from exchange.rehearsal import ProcessRehearsal
from exchange.running import Exchange
from exchange.storage.audit import AuditStore
from exchange.storage.authorities import AuthorityStore
from exchange.storage.directory import DirectoryStore
from exchange.storage.effects import EffectStore
from exchange.storage.evidence import EvidenceStore
from exchange.storage.mailboxes import MailboxStore
from exchange.storage.messages import MessageStore
from exchange.storage.migration import migrate
from exchange.storage.retention import RetentionStore
from exchange.storage.revocation import RevocationStore
from exchange.storage.session import Database
from exchange.storage.sources import SourceStore
from exchange.storage.sqlite import open_database
from exchange.storage.systems import SystemStore
from exchange.storage.tokens import TokenStore
from exchange.storage.trust import TrustStore
from exchange.storage.uploads import FileStore
from trust_store.errors import Refused
from trust_store.keys import KEY_UNREADABLE, HeldKey, load_pem
from trust_store.policy import Freshness, Policy


@contextlib.asynccontextmanager
async def open_exchange(
    home: Home, *, clock: Clock | None = None, progress: Progress | None = None, bell: LocalBell | None = None
) -> AsyncIterator[Exchange]:
    """Open the hub that lives in a folder, and close it whole; `bell` is one that other processes hear too.

    Raises:
        Refused: there is no hub, a setting is wrong, or its key cannot be read.
    """
    settings, key = prepare(home)
    entropy, workers, rehearsal = SystemEntropy(), ThreadWorkers(), ProcessRehearsal(settings.rehearsal_seconds)
    async with open_database(home.database) as database, _closing(workers, rehearsal):
        directory, trust, blobs = DirectoryStore(database, settings.code), TrustStore(database), LocalBlobs(home.blobs)
        clock, progress, bell = clock or SystemClock(), progress or LoggedProgress(), bell or LocalBell()
        machine = Machine(clock=clock, entropy=entropy, workers=workers)
        async with _inquiring(database, trust, settings, machine) as inquiries:
            hub = Hub(
                store=_store(database, directory, inquiries.desk, settings, FileVault(home.vault, entropy)),
                blobs=blobs,
                uploads=_uploads(database, home, settings, blobs, clock, progress),
                bell=bell,
                clock=clock,
                workers=workers,
                rehearsal=rehearsal,
                asker=inquiries,
                progress=progress,
                registrar=Registrar(issuer=Actor(code=settings.code, name=settings.name), entropy=entropy),
                key=key,
                policy=inquiries.desk.policy,
                inline_bytes=settings.inline_bytes,
                sizes=_sizes(settings),
            )
            await _begin_trail(hub)
            yield Exchange(
                hub=hub,
                reading=Reading(hub=hub),
                registry=directory,
                trust=trust,
                bell=bell,
                settings=settings,
                home=home,
                entropy=entropy,
                database=database,
                retention=RetentionStore(database),
                inquiries=inquiries,
            )


@contextlib.asynccontextmanager
async def _closing(workers: ThreadWorkers, rehearsal: ProcessRehearsal) -> AsyncIterator[None]:
    """End the hub's threads and processes with the block."""
    try:
        yield
    finally:
        workers.close()
        await rehearsal.close()


def prepare(home: Home) -> tuple[Settings, HeldKey]:
    """Read the settings and the key of a hub, and bring its database to this version.

    Raises:
        Refused: there is no hub, a setting is wrong, or its key cannot be read.
    """
    settings, key = read_settings(home), _read_key(home)
    migrate(home.database)
    home.blobs.mkdir(exist_ok=True)
    return settings, key


async def _begin_trail(hub: Hub) -> None:
    """Write the first row of the audit trail, once for each code that the hub has had."""
    entry = AuditEntry(event=AuditEvent.HUB_FOUNDED, actor="hub", subject=hub.registrar.issuer.code)
    await hub.store.audit.append_news(entry, hub.clock.now())


def _store(database: Database, directory: DirectoryStore, desk: Desk, settings: Settings, vault: FileVault) -> Store:
    return Store(
        messages=MessageStore(database, _daily(settings)),
        mailboxes=MailboxStore(database),
        evidence=EvidenceStore(database),
        effects=EffectStore(database),
        directory=directory,
        registry=directory,
        trust=desk.trust,
        revocation=desk.data,
        sources=desk.sources,
        authorities=AuthorityStore(database),
        tokens=TokenStore(database),
        systems=SystemStore(database, vault),
        audit=AuditStore(database),
    )


@contextlib.asynccontextmanager
async def _inquiring(
    database: Database, trust: TrustStore, settings: Settings, machine: Machine
) -> AsyncIterator[Inquiries]:
    """Be able to ask authorities while the block runs."""
    bounds = Bounds(bytes=settings.fetch_max_bytes, seconds=settings.fetch_seconds)
    desk = Desk(
        data=RevocationStore(database),
        sources=SourceStore(database),
        trust=trust,
        fetcher=Fetcher(read_allowed(settings.fetch_allowed), bounds, settings.fetch_proxy),
        machine=machine,
        policy=Policy(freshness=Freshness(grace=timedelta(hours=settings.revocation_grace_hours))),
    )
    inquiries = Inquiries(desk, settings.revocation_wait_seconds)
    try:
        yield inquiries
    finally:
        await inquiries.close()
        desk.fetcher.close()


def _sizes(settings: Settings) -> Sizes:
    most = settings.max_message_bytes
    return Sizes(anybody=most, bound=min(settings.ngsp_max_bytes, most))


def _daily(settings: Settings) -> Daily:
    return Daily(letters=settings.letters_per_day, bytes=settings.letter_bytes_per_day)


def _uploads(
    database: Database, home: Home, settings: Settings, blobs: LocalBlobs, clock: Clock, progress: Progress
) -> Uploads:
    home.parts.mkdir(exist_ok=True)
    return Uploads(
        files=FileStore(database),
        blobs=blobs,
        partials=LocalPartials(home.parts),
        clock=clock,
        progress=progress,
        allowance=Allowance(
            file_bytes=settings.max_file_bytes,
            room=Room(uploads=settings.max_open_uploads, bytes=settings.max_unattached_bytes),
            age=timedelta(days=settings.unattached_days),
        ),
    )


def _read_key(home: Home) -> HeldKey:
    try:
        return load_pem((home.keys / "hub.key.pem").read_bytes(), (home.keys / "hub.cert.pem").read_bytes())
    except OSError as error:
        raise Refused(KEY_UNREADABLE, f"The hub's own key: {error.strerror}", where=str(error.filename)) from None
