"""Build a hub from its folder, once. Only the command line and the tests import this."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from envelopes.receipt import Actor
from exchange.blobs.local import LocalBlobs
from exchange.config import Home, read_settings
from exchange.core.filing import Registrar
from exchange.core.hub import Hub
from exchange.core.ports import Clock, Progress, Store
from exchange.core.reading import Reading
from exchange.delivery.bell import LocalBell
from exchange.machine import LoggedProgress, SystemClock, SystemEntropy, ThreadWorkers
from exchange.running import Exchange
from exchange.storage.directory import DirectoryStore, TrustStore
from exchange.storage.evidence import EvidenceStore
from exchange.storage.messages import MailboxStore, MessageStore
from exchange.storage.migration import migrate
from exchange.storage.session import Database
from exchange.storage.sqlite import open_database
from trust_store.errors import Refused
from trust_store.keys import KEY_UNREADABLE, HeldKey, load_pem
from trust_store.policy import Policy


@contextlib.asynccontextmanager
async def open_exchange(
    home: Home, *, clock: Clock | None = None, progress: Progress | None = None
) -> AsyncIterator[Exchange]:
    """Open the hub that lives in a folder, and close it whole.

    Raises:
        Refused: there is no hub, a setting is wrong, or its key cannot be read.
    """
    settings = read_settings(home)
    key = _read_key(home)
    migrate(home.database)
    home.blobs.mkdir(exist_ok=True)
    entropy, bell, workers = SystemEntropy(), LocalBell(), ThreadWorkers()
    async with open_database(home.database) as database:
        directory, trust = DirectoryStore(database), TrustStore(database)
        hub = Hub(
            store=_store(database, directory, trust),
            blobs=LocalBlobs(home.blobs),
            bell=bell,
            clock=clock or SystemClock(),
            workers=workers,
            progress=progress or LoggedProgress(),
            registrar=Registrar(issuer=Actor(code=settings.code, name=settings.name), entropy=entropy),
            key=key,
            policy=Policy(),
        )
        try:
            yield Exchange(
                hub=hub,
                reading=Reading(hub=hub),
                registry=directory,
                trust=trust,
                bell=bell,
                settings=settings,
                home=home,
                entropy=entropy,
            )
        finally:
            workers.close()


def _store(database: Database, directory: DirectoryStore, trust: TrustStore) -> Store:
    return Store(
        messages=MessageStore(database),
        mailboxes=MailboxStore(database),
        evidence=EvidenceStore(database),
        directory=directory,
        trust=trust,
    )


def _read_key(home: Home) -> HeldKey:
    try:
        return load_pem((home.keys / "hub.key.pem").read_bytes(), (home.keys / "hub.cert.pem").read_bytes())
    except OSError as error:
        raise Refused(KEY_UNREADABLE, f"The hub's own key: {error.strerror}", where=str(error.filename)) from None
