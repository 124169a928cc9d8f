"""A hub from before enrolment knows, once it was brought to this version, every key that it had certified."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from exchange.storage import migration
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.enrol_request import key_print
from trust_store.identity import PartyKind

VERSIONS = Path(migration.__file__).parent / "migrations" / "versions"
(FILE,) = VERSIONS.glob("v*_enrolment.py")
THIS = import_module(f"exchange.storage.migrations.versions.{FILE.stem}")


def test_the_keys_of_registered_certificates_are_known_at_once(tmp_path: Path) -> None:
    path, at = tmp_path / "hub.db", datetime(2026, 11, 23, tzinfo=UTC)
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, THIS.down_revision)
    engine.dispose()
    holder = Holder(kind=PartyKind.AGENCY, common_name="Sở", organisation="Sở", code="H56")
    found = enrol(create_authority("CA", serial=1, at=at, years=1), holder, serial=2, at=at, days=9).certificate
    rows = [("H56", found.fingerprint, found.der, 0), ("H57", "0" * 64, b"no certificate", 0)]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO party_certificates VALUES (?, ?, ?, ?)", rows)
        connection.execute(
            "INSERT INTO tokens (party, digest, label, created_at, expires_at) VALUES ('H56', x'00', 'old', 0, 0)"
        )
        connection.commit()
    migration.migrate(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        known = connection.execute("SELECT key_print, party, fingerprint FROM certified_keys").fetchall()
        assert known == [(key_print(found.public_key), "H56", found.fingerprint)]
        assert connection.execute("SELECT person FROM tokens").fetchall() == [("",)]
        assert connection.execute("SELECT count(*) FROM applications").fetchone() == (0,)
