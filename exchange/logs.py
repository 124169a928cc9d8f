"""One JSON object a line, on standard error; every line of a request carries the request's id."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from structlog.processors import JSONRenderer, add_log_level, format_exc_info
from structlog.stdlib import ProcessorFormatter, add_logger_name

HEADER: Final = "X-Request-ID"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
_NOTHING: Final[dict[str, str]] = {}
_NOTES: ContextVar[dict[str, str]] = ContextVar("notes")
"""What was noted of the request that is worked on; read for every line, so it is one dictionary."""


def configure(level: int) -> None:
    """Set logging up for a process that serves. Failures are logged without the values of variables: they hold secrets.

    What libraries log goes the same way, from info on at most: their debug lines may hold what was sent.
    """
    render = JSONRenderer(_write)
    structlog.configure(
        processors=[_complete, add_log_level, format_exc_info, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[_complete, add_log_level, add_logger_name],
            processors=[ProcessorFormatter.remove_processors_meta, format_exc_info, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))


def _complete(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what was noted of the request, and the moment."""
    return {**_NOTES.get(_NOTHING), **line, "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}


def _write(values: object, **_options: object) -> str:
    """Write a line; a log line is never lost for a character that is none."""
    try:
        return msgspec.json.encode(values, enc_hook=repr).decode()
    except UnicodeEncodeError:
        return json.dumps(values, default=repr)


@contextmanager
def naming_request(given: str) -> Iterator[str]:
    """Name a request while the block runs: as its sender named it, if that is well formed, or else by chance."""
    name = given if _GIVEN.fullmatch(given) else secrets.token_hex(12)
    before = _NOTES.set({"request": name})
    try:
        yield name
    finally:
        _NOTES.reset(before)


def note(**values: str) -> None:
    """Put something into every further log line of this request."""
    _NOTES.set({**_NOTES.get(_NOTHING), **values})


def noted(name: str) -> str:
    """Return what was noted of this request; empty when nothing was."""
    return _NOTES.get(_NOTHING).get(name, "")
