"""Build a hub from its folder, once. Only the command line and the tests import this."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from envelopes.receipt import Actor
from envelopes.signature.lasting import ClaimRule
from exchange.auth.vault import FileVault
from exchange.blobs.local import LocalBlobs
from exchange.blobs.partials import LocalPartials
from exchange.config import Home, Settings, read_settings
from exchange.core.applications import Terms
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.enrolling import Enrolment
from exchange.core.filing import Registrar
from exchange.core.hub import Hub
from exchange.core.judging import Judging
from exchange.core.ports import Asker, Clock, Entropy, Progress, Store, TrustMaterial
from exchange.core.ports.files import Room
from exchange.core.quota import Daily
from exchange.core.reach import Sizes
from exchange.core.reading import Reading
from exchange.core.stamping import TimeAuthorities
from exchange.core.uploads import Allowance, Uploads
from exchange.delivery.bell import LocalBell
from exchange.delivery.mail import addresses_of, postman_of
from exchange.founding import FileAuthority
from exchange.inspection import Inspection
from exchange.keys.ring import Ring
from exchange.log.building import sequencer_of, witness_of
from exchange.machine import LoggedProgress, SystemClock, SystemEntropy, ThreadWorkers
from exchange.net.addresses import read_allowed
from exchange.net.fetching import Bounds, Fetcher
from exchange.net.posting import HttpPoster
from exchange.operation.asking import Desk, Inquiries, Machine
from exchange.operation.lookout import Belongings
from exchange.rehearsal import ProcessRehearsal
from exchange.running import Exchange
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
from exchange.storage.retention import RetentionStore
from exchange.storage.revocation import RevocationStore
from exchange.storage.sources import SourceStore
from exchange.storage.sqlite import SqliteDatabase, open_database
from exchange.storage.stamps import StampStore
from exchange.storage.systems import SystemStore
from exchange.storage.terms import TermStore
from exchange.storage.tokens import TokenStore
from exchange.storage.trust import TrustStore
from exchange.storage.uploads import FileStore
from trust_store.policy import Freshness, Policy


@contextlib.asynccontextmanager
async def open_exchange(
    home: Home,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
    bell: LocalBell | None = None,
    signing: bool = True,
) -> AsyncIterator[Exchange]:
    """Open the hub that lives in a folder, and close it whole; `bell` is one that other processes hear too.

    Without `signing` its own keys may be missing: for those who put that right.

    Raises:
        Refused: there is no hub, a setting is wrong, or its key cannot be read.
    """
    settings = prepare(home)
    workers, rehearsal = ThreadWorkers(), ProcessRehearsal(settings.rehearsal_seconds)
    inspection = Inspection(settings.inspection_seconds)
    async with open_database(home.database) as database, _closing(workers, rehearsal, inspection):
        site = _Site(
            home=home,
            settings=settings,
            keys=Ring(HubKeyStore(database), home, settings),
            database=database,
            clock=clock or SystemClock(),
            entropy=SystemEntropy(),
            workers=workers,
            rehearsal=rehearsal,
            progress=progress or LoggedProgress(),
            bell=bell or LocalBell(),
        )
        directory, trust = DirectoryStore(database, settings.code), TrustStore(database)
        async with site.inquiring(trust) as inquiries:
            hub = site.hub(site.store(directory, inquiries.desk), inquiries)
            await site.begin(hub, needed=signing)
            yield site.exchange(hub, directory, trust, inquiries, inspection)


@contextlib.asynccontextmanager
async def _closing(workers: ThreadWorkers, rehearsal: ProcessRehearsal, inspection: Inspection) -> AsyncIterator[None]:
    """End the hub's threads and processes with the block."""
    try:
        yield
    finally:
        workers.close()
        await rehearsal.close()
        await inspection.close()


def prepare(home: Home) -> Settings:
    """Read the settings of a hub, and bring its database to this version.

    Raises:
        Refused: there is no hub, or a setting is wrong.
    """
    settings = read_settings(home)
    migrate(home.database)
    home.blobs.mkdir(exist_ok=True)
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """Hold what a hub is built from: its folder, its settings and keys, its database, and the machine."""

    home: Home
    settings: Settings
    keys: Ring
    database: SqliteDatabase
    clock: Clock
    entropy: Entropy
    workers: ThreadWorkers
    rehearsal: ProcessRehearsal
    progress: Progress
    bell: LocalBell

    def exchange(
        self, hub: Hub, directory: DirectoryStore, trust: TrustStore, inquiries: Inquiries, inspection: Inspection
    ) -> Exchange:
        """Put together what runs beside the path of a message."""
        stamps, clocks = StampStore(self.database), self.clocks(hub)
        witness = witness_of(self.database, hub.store.log, self.home, self.settings, self.clock)
        return Exchange(
            hub=hub,
            reading=Reading(hub=hub, stamps=stamps, stamper=clocks, inspector=inspection, witness=witness),
            registry=directory,
            trust=trust,
            bell=self.bell,
            settings=self.settings,
            home=self.home,
            entropy=self.entropy,
            database=self.database,
            retention=RetentionStore(self.database),
            inquiries=inquiries,
            stamps=stamps,
            clocks=clocks,
            postman=postman_of(self.settings, self.home.folder),
        )

    @contextlib.asynccontextmanager
    async def inquiring(self, trust: TrustStore) -> AsyncIterator[Inquiries]:
        """Be able to ask authorities while the block runs."""
        settings = self.settings
        bounds = Bounds(bytes=settings.fetch_max_bytes, seconds=settings.fetch_seconds)
        desk = Desk(
            data=RevocationStore(self.database),
            sources=SourceStore(self.database),
            trust=trust,
            fetcher=Fetcher(read_allowed(settings.fetch_allowed), bounds, settings.fetch_proxy),
            machine=Machine(clock=self.clock, entropy=self.entropy, workers=self.workers),
            policy=self.policy(),
        )
        inquiries = Inquiries(desk, settings.revocation_wait_seconds)
        try:
            yield inquiries
        finally:
            await inquiries.close()
            desk.fetcher.close()

    async def begin(self, hub: Hub, *, needed: bool) -> None:
        """Write the first row of the audit trail, once for each code that the hub has had, and take its key in."""
        now = self.clock.now()
        entry = AuditEntry(event=AuditEvent.HUB_FOUNDED, actor="hub", subject=hub.registrar.issuer.code)
        await hub.store.audit.append_news(entry, now)
        await self.keys.begin(Author(actor="hub", at=now), needed=needed)
        await hub.log.begin(Author(actor="hub", at=now))

    def policy(self) -> Policy:
        """State what is asked of certificates."""
        return Policy(freshness=Freshness(grace=timedelta(hours=self.settings.revocation_grace_hours)))

    def store(self, directory: DirectoryStore, desk: Desk) -> Store:
        """Put together what the database keeps."""
        database, settings, addresses = self.database, self.settings, addresses_of(self.settings)
        daily = Daily(letters=settings.letters_per_day, bytes=settings.letter_bytes_per_day)
        return Store(
            messages=MessageStore(database, daily),
            mailboxes=MailboxStore(database),
            evidence=EvidenceStore(database),
            log=LogStore(database),
            effects=EffectStore(database),
            directory=directory,
            registry=directory,
            trust=desk.trust,
            authorities=AuthorityStore(database),
            revocation=desk.data,
            sources=desk.sources,
            tokens=TokenStore(database),
            systems=SystemStore(database, FileVault(self.home.vault, self.entropy)),
            enrolments=EnrolmentStore(database),
            audit=AuditStore(database),
            terms=TermStore(database, self._own(desk.trust).terms),
            notices=NoticeStore(database, addresses),
            quarantine=QuarantineStore(database, addresses),
        )

    def _own(self, trust: TrustMaterial) -> Belongings:
        return Belongings(home=self.home, settings=self.settings, keys=HubKeyStore(self.database), trust=trust)

    def hub(self, store: Store, asker: Asker) -> Hub:
        """Build the path of a message."""
        settings, blobs, most = self.settings, LocalBlobs(self.home.blobs), self.settings.max_message_bytes
        skew = timedelta(seconds=settings.clock_skew_seconds)
        return Hub(
            store=store,
            blobs=blobs,
            uploads=self._uploads(blobs),
            bell=self.bell,
            clock=self.clock,
            workers=self.workers,
            rehearsal=self.rehearsal,
            asker=asker,
            progress=self.progress,
            registrar=Registrar(issuer=Actor(code=settings.code, name=settings.name), entropy=self.entropy),
            log=sequencer_of(self.database, store.log, self.home, settings, self.clock),
            keys=self.keys,
            policy=self.policy(),
            claims=ClaimRule(skew=skew, is_strict=settings.refuse_future_claims),
            inline_bytes=settings.inline_bytes,
            sizes=Sizes(anybody=most, bound=min(settings.ngsp_max_bytes, most)),
            enrolment=self._enrolment(store, asker),
        )

    def clocks(self, hub: Hub) -> TimeAuthorities:
        """Know the time-stamp authorities that the settings name."""
        return TimeAuthorities(
            urls=self.settings.time_urls,
            poster=HttpPoster(self.settings.time_seconds),
            trust=hub.store.trust,
            clock=self.clock,
            entropy=self.entropy,
            policy=hub.policy,
            skew=timedelta(seconds=self.settings.clock_skew_seconds),
        )

    def _enrolment(self, store: Store, asker: Asker) -> Enrolment:
        settings = self.settings
        return Enrolment(
            store=store,
            clock=self.clock,
            entropy=self.entropy,
            judging=Judging(store=store, asker=asker, policy=self.policy(), clock=self.clock),
            progress=self.progress,
            authority=FileAuthority(self.home),
            terms=Terms(
                days=settings.enrolment_days,
                approvals=settings.enrolment_approvals,
                renewal_approvals=settings.renewal_approvals,
                code_life=timedelta(hours=settings.enrolment_code_hours),
            ),
            code=settings.code,
        )

    def _uploads(self, blobs: LocalBlobs) -> Uploads:
        settings = self.settings
        self.home.parts.mkdir(exist_ok=True)
        return Uploads(
            files=FileStore(self.database),
            blobs=blobs,
            partials=LocalPartials(self.home.parts),
            clock=self.clock,
            progress=self.progress,
            allowance=Allowance(
                file_bytes=settings.max_file_bytes,
                room=Room(uploads=settings.max_open_uploads, bytes=settings.max_unattached_bytes),
                age=timedelta(days=settings.unattached_days),
            ),
        )
