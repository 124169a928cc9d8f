"""What a verdict may rely on when it is given by files on the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from exchange.cli.moments import parse_moment
from exchange.machine import SystemClock
from trust_store.certificate import Certificate, load_many
from trust_store.evidence import Evidence, Revocation, Terms
from trust_store.policy import Use
from trust_store.revocation.answers import load_answer
from trust_store.revocation.lists import load_list

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--anchor", "anchors", type=FILE, multiple=True, help="A trusted authority (PEM or DER); repeatable."),
    click.option("--time-anchor", "clocks", type=FILE, multiple=True, help="One trusted for time-stamps; repeatable."),
    click.option("--intermediate", "between", type=FILE, multiple=True, help="An authority below it; repeatable."),
    click.option("--revoked", type=FILE, multiple=True, help="A certificate that is not to be believed; repeatable."),
    click.option("--crl", "lists", type=FILE, multiple=True, help="A revocation list (DER or PEM); repeatable."),
    click.option("--ocsp", "answers", type=FILE, multiple=True, help="An OCSP answer (DER); repeatable."),
    click.option(
        "--at", "moment", help="Judge as of this moment (ISO 8601, UTC unless it says otherwise); now unless told."
    ),
)


def evidence_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take the files that a verdict may rely on; the command gets `evidence` and `at` for them."""

    @functools.wraps(command)
    def with_evidence(
        *rest: Any,
        anchors: tuple[Path, ...],
        clocks: tuple[Path, ...],
        between: tuple[Path, ...],
        revoked: tuple[Path, ...],
        lists: tuple[Path, ...],
        answers: tuple[Path, ...],
        moment: str | None,
        **more: Any,
    ) -> Any:
        at, timing = parse_moment(moment) if moment else SystemClock().now(), tuple(_read(clocks))
        evidence = Evidence(
            anchors=(*_read(anchors), *timing),
            terms={each.fingerprint: Terms(uses=frozenset({Use.TIMESTAMPS})) for each in timing},
            intermediates=tuple(_read(between)),
            revoked=tuple(_revocation(path, at) for path in revoked),
            lists=tuple(load_list(path.read_bytes()) for path in lists),
            answers=tuple(load_answer(path.read_bytes()) for path in answers),
        )
        return command(*rest, evidence=evidence, at=at, **more)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), with_evidence)


def _read(paths: Iterable[Path]) -> Iterable[Certificate]:
    for path in paths:
        yield from load_many(path.read_bytes())


def _revocation(path: Path, at: datetime) -> Revocation:
    (certificate, *_) = _read([path])
    return Revocation(signed_part=certificate.signed_part, at=min(at, certificate.not_before), why="given as revoked")
