"""The store of the terms of certificates: which party's certificate lasts until when, registered or seen in a signature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, exists, func, insert, select, update

from exchange.core.forecast import Role, Term
from exchange.core.model import PartyId, PartyStatus
from exchange.storage.schema import PARTIES, REVOCATIONS
from exchange.storage.schema_notices import TERMS
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.errors import Refused
from trust_store.revocation.reasons import REVOKED

_T, _R = TERMS.c, REVOCATIONS.c
_LATER = TERMS.alias()
_COLUMNS = (_T.party, _T.fingerprint, _T.signed_part, _T.subject, _T.not_before, _T.not_after)
_ONE = select(_T.in_use).where(_T.party == bindparam("party"), _T.fingerprint == bindparam("fingerprint"))
_INSERT = insert(TERMS)
_USE = (
    update(TERMS)
    .where(_T.party == bindparam("whose"), _T.fingerprint == bindparam("which"))
    .values(in_use=bindparam("used"))
)
_REVOCATION = select(_R.why).where(_R.signed_part == bindparam("part"), _R.at <= bindparam("at"))
_REVOKED = exists(select(_R.signed_part).where(_R.signed_part == _T.signed_part))
_ACTIVE = exists(select(PARTIES.c.id).where(PARTIES.c.id == _T.party, PARTIES.c.status == PartyStatus.ACTIVE.value))
_COUNTED = _T.in_use == 1, ~_REVOKED
_ENDING = select(_T.party).where(*_COUNTED, _ACTIVE, _T.not_after <= bindparam("before"))
_OF_ENDING = select(*_COLUMNS).where(*_COUNTED, _T.party.in_(_ENDING))
_OF_PARTY = select(*_COLUMNS).where(*_COUNTED, _T.party == bindparam("party"))
_COVERED = exists(
    select(_LATER.c.party).where(
        _LATER.c.party == _T.party,
        _LATER.c.in_use == 1,
        _LATER.c.not_after > _T.not_after,
        _LATER.c.not_before <= bindparam("now"),
        _LATER.c.not_after > bindparam("now"),
        ~exists(select(_R.signed_part).where(_R.signed_part == _LATER.c.signed_part)),
    )
)
_COUNT = select(func.count()).where(
    *_COUNTED, _ACTIVE, _T.not_after > bindparam("since"), _T.not_after <= bindparam("until"), ~_COVERED
)
_EVER: Final = 2**62


def enter_term(session: Session, term: Term) -> None:
    """Know a certificate of a party, and that it is in use."""
    known = session.rows(_ONE, party=term.owner, fingerprint=term.fingerprint)
    if not known:
        session.rows(_INSERT, **_values(term))
    elif not known[0][0]:
        session.rows(_USE, whose=term.owner, which=term.fingerprint, used=1)


def leave_term(session: Session, party: str, fingerprint: str) -> None:
    """Keep a certificate that was removed, for those who ask about its key, but not as one in use."""
    session.rows(_USE, whose=party, which=fingerprint, used=0)


def admit_signer(session: Session, term: Term, at: datetime) -> None:
    """Know who signed a message that is about to be kept, unless the certificate was revoked since it was judged.

    Raises:
        Refused: `certificate-revoked`.
    """
    revoked = session.rows(_REVOCATION, part=term.signed_part, at=micros(at))
    if revoked:
        raise Refused(REVOKED, f"The certificate of {term.subject} is revoked: {revoked[0][0]}")
    enter_term(session, term)


def count_ending(session: Session, now: datetime, since: datetime | None, until: datetime) -> int:
    """Count active parties' certificates without a successor that end after one moment and until another."""
    begin = micros(since) if since else -_EVER
    return int(session.rows(_COUNT, now=micros(now), since=begin, until=micros(until))[0][0])


class TermStore:
    """Know when certificates of parties end; see `ports.Terms`."""

    def __init__(self, database: Database, own: Callable[[], Awaitable[Sequence[Term]]]) -> None:
        self._database, self._own = database, own

    async def own(self) -> Sequence[Term]:
        """List what the hub's own people renew; it is kept elsewhere."""
        return await self._own()

    async def ending(self, before: datetime) -> Sequence[Term]:
        """List all certificates of active parties of which one ends before a moment."""
        rows = await self._database.read(lambda session: session.rows(_OF_ENDING, before=micros(before)))
        return [term_from(row) for row in rows]

    async def of_party(self, party: PartyId) -> Sequence[Term]:
        """List the certificates of a party."""
        rows = await self._database.read(lambda session: session.rows(_OF_PARTY, party=party))
        return [term_from(row) for row in rows]


def term_from(row: Row) -> Term:
    """Read a term."""
    party, fingerprint, signed_part, subject, not_before, not_after = row
    return Term(
        owner=party,
        role=Role.PARTY,
        fingerprint=fingerprint,
        signed_part=signed_part,
        subject=subject,
        not_before=moment(not_before),
        not_after=moment(not_after),
    )


def _values(term: Term) -> dict[str, object]:
    return {
        "party": term.owner,
        "fingerprint": term.fingerprint,
        "signed_part": term.signed_part,
        "subject": term.subject,
        "not_before": micros(term.not_before),
        "not_after": micros(term.not_after),
        "in_use": 1,
    }
