"""Bring a database file to the present schema before anything else opens it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

HEAD = "0013"


def migrate(path: Path) -> None:
    """Create or upgrade the database file; does nothing (and loads nothing) when it is up to date."""
    if _revision(path) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - a second to import, needed once in the life of a schema
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _revision(path: Path) -> str | None:
    if not path.exists():
        return None
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
    return str(row[0]) if row else None
