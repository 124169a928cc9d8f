"""What is said of a certificate, and what follows from it: revoked, not revoked, or not known, by the rule of freshness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.x509 import ReasonFlags

from trust_store.certificate import Certificate
from trust_store.policy import Policy
from trust_store.revocation.lists import Entry
from trust_store.revocation.reasons import NOT_KNOWN, REVOKED, STALE
from trust_store.revocation.scope import ALL_REASONS
from trust_store.verdict import Check, failed, passed, unknown

NAME: Final = "revocation"
NOTHING: Final[frozenset[ReasonFlags]] = frozenset()
_MOMENT: Final = "%Y-%m-%d %H:%M UTC"
_INSTANT: Final = timedelta(microseconds=1)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Hold what one source says of a certificate, until when it is fresh, and for which reasons it speaks."""

    name: str
    digest: str
    fresh_until: datetime
    reasons: frozenset[ReasonFlags]
    entry: Entry | None

    def turns(self, grace: timedelta) -> Iterator[datetime]:
        """Give the last moments at which this says the same."""
        yield self.fresh_until
        yield later(self.fresh_until, grace)
        if self.entry is not None:
            yield just_before(self.entry.at)


def later(moment: datetime, by: timedelta) -> datetime:
    """Add a time to a moment; the last moment that can be written stands for all after it."""
    return _LAST if moment > _LAST - by else moment + by


def just_before(moment: datetime) -> datetime:
    """Give the moment before a moment, as far as there is one."""
    return moment if moment - _FIRST < _INSTANT else moment - _INSTANT


def conclude(
    certificate: Certificate, said: Sequence[Said], notes: tuple[Check, ...], policy: Policy, at: datetime
) -> Check:
    """Decide by what was said: revoked if anybody says so; else not revoked as long as what was said may be relied on."""
    grace = policy.freshness.grace
    checks = (*(_each(one, grace, at) for one in said), *notes)
    for one in said:
        if one.entry is not None and one.entry.at <= at:
            text = f"The certificate of {certificate.subject} is revoked since {one.entry.at:{_MOMENT}}"
            return failed(
                NAME, REVOKED, f"{text} ({one.entry.reason}), says {one.name}", checks=checks, evidence=_named((one,))
            )
    fresh = [one for one in said if at <= one.fresh_until]
    usable = [one for one in said if at <= later(one.fresh_until, grace)]
    if _together(fresh) == ALL_REASONS:
        text = f"{certificate.subject} is not revoked, says {fresh[-1].name}, fresh until {fresh[-1].fresh_until:{_MOMENT}}"
        return passed(NAME, text, checks=checks, evidence=_named(fresh))
    if _together(usable) == ALL_REASONS:
        last = usable[-1].fresh_until
        text = (
            f"{certificate.subject} was not revoked, says {usable[-1].name}; its next update was due {last:{_MOMENT}}"
        )
        return passed(NAME, f"{text}, and the grace period lasts {grace}", checks=checks, evidence=_named(usable))
    who = f"Whether the certificate of {certificate.subject} is revoked"
    if _together(said) == ALL_REASONS:
        last = max(one.fresh_until for one in said)
        text = f"{who} was known until {last:{_MOMENT}}, and the grace period of {grace} is over"
        return unknown(NAME, STALE, text, checks=checks)
    return unknown(NAME, NOT_KNOWN, f"{who} is not known: {_lack(said, notes)}", checks=checks)


def _each(said: Said, grace: object, at: datetime) -> Check:
    rule = "fresh" if at <= said.fresh_until else "past its next update"
    told = "does not name the certificate" if said.entry is None else f"has it since {said.entry.at:{_MOMENT}}"
    reached = "" if said.reasons == ALL_REASONS else f", for {len(said.reasons)} of {len(ALL_REASONS)} reasons"
    text = f"{said.name}, {told}{reached}; {rule}: next update {said.fresh_until:{_MOMENT}}, grace period {grace}"
    return passed(NAME, text, evidence=_named((said,)))


def _lack(said: Sequence[Said], notes: Sequence[Check]) -> str:
    if said:
        return "what is at hand does not speak of every reason for which it could be"
    return "; ".join(each.text for each in notes[:2]) or "no revocation list and no answer of its authority is at hand"


def _named(said: Iterable[Said]) -> str:
    return " ".join(f"sha256:{one.digest}" for one in said)


def _together(said: Iterable[Said]) -> frozenset[ReasonFlags]:
    return NOTHING.union(*(one.reasons for one in said))
