"""Put the parts of the log together, from a hub's folder, its settings and its database."""

from __future__ import annotations

from envelopes.log.note import COSIGNATURE
from exchange.config import Home, Settings
from exchange.core.ports import Clock, LogShelf
from exchange.log.asking import NO_ANSWER, AskedWitnesses, read_witnesses
from exchange.log.cosigning import Cosigner
from exchange.log.key import LogKey
from exchange.log.sequencer import Sequencer
from exchange.log.witness import Witness
from exchange.net.posting import HttpPoster
from exchange.storage.audit import AuditStore
from exchange.storage.session import Database
from exchange.storage.witness import CosignatureStore, WitnessStore


def sequencer_of(database: Database, shelf: LogShelf, home: Home, settings: Settings, clock: Clock) -> Sequencer:
    """Build what gives evidence its place in the log: signed with a key of the log's own, cosigned as the settings say.

    Raises:
        Refused: `log-unusable`, or `witness-setting`.
    """
    named = read_witnesses(settings.log_witnesses, settings.log_cosignatures)
    poster = HttpPoster(settings.log_witness_seconds, NO_ANSWER)
    witnesses = AskedWitnesses(named=named, poster=poster, clock=clock)
    cosigner = Cosigner(
        shelf=shelf,
        kept=CosignatureStore(database),
        witnesses=witnesses,
        verifiers=witnesses.verifiers,
        clock=clock,
        needed=settings.log_cosignatures,
    )
    return Sequencer(shelf=shelf, key=LogKey(home.log_key), clock=clock, code=settings.code, cosigner=cosigner)


def witness_of(database: Database, shelf: LogShelf, home: Home, settings: Settings, clock: Clock) -> Witness:
    """Build what cosigns the logs of others, with a key of its own; `shelf` has our own log."""
    return Witness(
        shelf=WitnessStore(database),
        audit=AuditStore(database),
        clock=clock,
        own=shelf,
        open_key=lambda generation: LogKey(home.witness_key(generation), COSIGNATURE),
        code=settings.code,
    )
