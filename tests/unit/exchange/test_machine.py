"""Steps are written to a log where there is one, and never between what a command says to people."""

from __future__ import annotations

import logging

import structlog

from exchange.logs import configure
from exchange.machine import LoggedProgress


def test_steps_are_logged_only_where_a_log_was_set_up(capsys) -> None:
    kept, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    try:
        structlog.reset_defaults()
        LoggedProgress().passed("submit.1-open")
        silent = capsys.readouterr()
        configure(logging.DEBUG)
        LoggedProgress().passed("submit.1-open")
        told = capsys.readouterr()
    finally:
        logging.getLogger().handlers[:] = handlers
        structlog.reset_defaults()
        structlog.configure(**kept)
    assert (silent.out, silent.err) == ("", "")
    assert '"step":"submit.1-open"' in told.err
