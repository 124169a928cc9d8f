"""Find what is wrong with a hub, from its folder alone, whether it serves or not; nothing is changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from exchange.config import Home, Settings
from exchange.operation import contents, credentials, logbook, premises, records, signing, staleness, timing
from exchange.operation.findings import Finding, Severity
from exchange.storage.sqlite import SqliteSession

ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def examine_hub(
    home: Home, *, at: datetime, deep: bool = False, environment: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Give everything that is wrong; `deep` also reads every file and verifies every signature and receipt."""
    settings, findings = premises.examine_settings(home, environment)
    yield from findings
    if not home.folder.is_dir():
        return
    yield from premises.examine_folder(home, settings)
    yield from credentials.examine_anchor(home, at)
    if settings is not None:
        yield from credentials.examine_files(home, settings, at)
    try:
        with records.open_records(home) as session:
            yield from _examine_database(session, home, settings, at, deep=deep)
            if settings is not None:
                yield from timing.examine_time(session, settings, at)
    except sqlite3.Error as error:
        yield records.DATABASE.broken(f"The database cannot be read: {error}", home.database.name)
    except (TypeError, ValueError, LookupError) as error:
        # SQLite keeps whatever it is given: a text where bytes belong is found wherever it is first used.
        yield records.DATABASE.broken(f"A row holds a value that no hub writes: {error}", home.database.name)


def exit_code(findings: Iterable[Finding]) -> int:
    """Say how bad it is: 2 for an error, 1 for a warning, 0 for notes and nothing."""
    found = {item.rule.severity for item in findings}
    return 2 if Severity.ERROR in found else 1 if Severity.WARNING in found else 0


def _examine_database(
    session: SqliteSession, home: Home, settings: Settings | None, at: datetime, *, deep: bool
) -> Iterator[Finding]:
    """Look at rows and files at one moment of a hub that may be serving; bytes that came later are younger than a day."""
    damaged = False
    for finding in records.examine_file(session):
        damaged |= finding.rule.severity is Severity.ERROR
        yield finding
    if damaged:
        return
    session.connection.execute("BEGIN")
    if settings is not None:
        yield from signing.examine_keys(session, home, settings, at, deep=deep)
    yield from credentials.examine_trust(session, at)
    yield from staleness.examine_revocation(session, at)
    yield from credentials.examine_systems(session, home)
    yield from credentials.examine_parties(session, at)
    yield from credentials.examine_notices(session, at)
    yield from records.examine_records(session, at)
    yield from contents.examine_contents(session, home, deep=deep)
    if deep:
        yield from contents.examine_receipts(session, home)
        yield from logbook.examine_log(session)
