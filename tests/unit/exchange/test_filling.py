"""A database from before knows, once it is brought up, which certificate signed what and until when it lasts."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from exchange.core.model import PartyId
from exchange.core.notices import Addresses
from exchange.core.quarantine import Declaration
from exchange.storage import migration
from exchange.storage.quarantine import QuarantineStore
from exchange.storage.sqlite import open_database
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.identity import PartyKind

AT = datetime(2026, 11, 1, tzinfo=UTC)
BEFORE = "0005"
MESSAGE = (
    "INSERT INTO messages (sender, message_id, key, digest, size, kind, business, subject, number, notation, promulgated,"
    " submitted_at, signature_class, verdict, receipt) VALUES ('A', :key, :key, :key, 1, 'letter', 0, 's', '', '', '',"
    " :at, 'valid', :verdict, :key)"
)
DELIVERY = (
    "INSERT INTO deliveries (receiver, key, message, sender, consigned_at, status) VALUES ('B', :key, :key, 'A', 1, '')"
)


def upgrade(path: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_what_was_there_is_known(tmp_path: Path) -> None:
    authority = create_authority("CA", serial=1, at=AT, years=3)
    holder = Holder(kind=PartyKind.AGENCY, common_name="A", organisation="A", code="A")
    certificate = enrol(authority, holder, serial=2, at=AT, days=100).certificate
    path = tmp_path / "hub.db"
    upgrade(path, BEFORE)
    verdicts = {
        "m1": json.dumps({"certificate": certificate.fingerprint}),
        "m2": json.dumps({"certificate": ""}),
        "m3": "{}",
        "m4": "not JSON",
        "m5": "[]",
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, der in (("good", certificate.der), ("bad", b"no certificate")):
            row = ("A", certificate.fingerprint if name == "good" else name, der, 1)
            connection.execute("INSERT INTO party_certificates VALUES (?, ?, ?, ?)", row)
        for key, verdict in verdicts.items():
            at = int((AT + timedelta(days=1)).timestamp() * 1_000_000)
            connection.execute(MESSAGE, {"key": key, "at": at, "verdict": verdict})
            connection.execute(DELIVERY, {"key": key})

    migration.migrate(path)

    with closing(sqlite3.connect(path)) as connection:
        filled = dict(connection.execute("SELECT key, certificate FROM messages"))
        terms = connection.execute("SELECT party, fingerprint, signed_part, not_after, in_use FROM certificate_terms")
        assert filled == {"m1": certificate.fingerprint, "m2": "", "m3": "", "m4": "", "m5": ""}
        until = int(certificate.not_after.timestamp()) * 1_000_000
        assert terms.fetchall() == [("A", certificate.fingerprint, certificate.signed_part, until, 1)]

    async def survey() -> list[str]:
        async with open_database(path) as database:
            store = QuarantineStore(database, Addresses(hub="H"))
            wanted = Declaration(certificate=certificate.fingerprint, since=AT, why="x", party=PartyId("A"))
            return [item.message for item in (await store.preview(wanted)).held]

    assert asyncio.run(survey()) == ["m1"]
