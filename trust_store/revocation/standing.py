"""How a certificate stands: revoked, not revoked, or not known, by the lists and answers at hand (RFC 5280, 6.3; RFC 6960).

Whatever says revoked wins. Nothing is fetched here: what is missing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from cryptography.x509 import ReasonFlags, ocsp

from trust_store.certificate import Certificate
from trust_store.evidence import Asking, Evidence
from trust_store.names import prepare
from trust_store.policy import Policy
from trust_store.revocation.answers import OcspAnswer, is_exempt
from trust_store.revocation.lists import Entry, RevocationList
from trust_store.revocation.places import distribution_points, is_told
from trust_store.revocation.reasons import NOT_KNOWN, REVOKED, STALE
from trust_store.revocation.scope import ALL_REASONS, Point, covers, read_points
from trust_store.verdict import Check, failed, passed, unknown

NAME: Final = "revocation"
_MOMENT: Final = "%Y-%m-%d %H:%M UTC"
_INSTANT: Final = timedelta(microseconds=1)
_NOTHING: Final[frozenset[ReasonFlags]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Hold what one source says of a certificate, until when it is fresh, and for which reasons it speaks.

    `ends` is when whoever signed it is no longer valid.
    """

    name: str
    digest: str
    fresh_until: datetime
    reasons: frozenset[ReasonFlags]
    entry: Entry | None
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Ask how certificates stand at a moment.

    `issuers` and `anchors` are the fit ones; `others` are no authorities and may sign lists all the same.
    """

    evidence: Evidence
    policy: Policy
    at: datetime
    issuers: tuple[Certificate, ...]
    anchors: tuple[Certificate, ...]
    others: tuple[Certificate, ...] = ()
    pending: frozenset[str] = field(default=frozenset())
    """Signers of lists that are being asked about, by fingerprint: nobody vouches for itself."""

    def standing(self, certificate: Certificate, above: tuple[Certificate, ...]) -> Check:
        """Tell how a certificate stands that the authorities `above` lead from, its issuer first, the anchor last."""
        asking = self.evidence.terms_of(above[-1]).asking
        if asking is Asking.LOCAL:
            return passed(NAME, f"For {certificate.subject}, the local revocation list alone decides")
        parts = ((certificate, *above), self._known())
        key = ("".join(each.fingerprint for each in part) for part in parts)
        whole = (*key, "".join(sorted(self.pending)), str(self.policy.freshness), asking)
        known = self.evidence.standings.find(whole, self.at)
        if known is None:
            known, until = self._decide(certificate, above, asking)
            self.evidence.standings.keep(whole, self.at, until, known)
        return known

    def _known(self) -> tuple[Certificate, ...]:
        return (*self.issuers, *self.others, *self.anchors)

    def _decide(
        self, certificate: Certificate, above: tuple[Certificate, ...], asking: Asking
    ) -> tuple[Check, datetime | None]:
        notes: list[Check] = []
        said = [*self._lists(certificate, above, notes), *self._answers(certificate, above, notes)]
        told = asking is Asking.REQUIRED or is_told(certificate)
        if not said and not notes and not told:
            text = f"{certificate.subject} names no place where revocations are told; the local list alone decides"
            return passed(NAME, text), None
        check = conclude(certificate, said, tuple(notes), self.policy, self.at)
        grace = self.policy.freshness.grace
        turns = [moment for each in said for moment in (each.fresh_until, each.fresh_until + grace, each.ends)]
        begins = [each.entry.at - _INSTANT for each in said if each.entry is not None]
        return check, min((each for each in (*turns, *begins) if each >= self.at), default=None)

    def _lists(self, certificate: Certificate, above: tuple[Certificate, ...], notes: list[Check]) -> Iterator[Said]:
        """Give what the newest usable list of each scope says (6.3.3 (a) to (j))."""
        points = read_points(distribution_points(certificate), certificate.x509.issuer)
        scopes: dict[object, list[tuple[RevocationList, frozenset[ReasonFlags]]]] = {}
        for listed in self.evidence.lists:
            reasons = _reasons(listed, points, certificate)
            if listed.base is None and reasons and listed.this_update <= certificate.not_after:
                scopes.setdefault((listed.issuer, listed.scope), []).append((listed, reasons))
        for group in scopes.values():
            for listed, reasons in sorted(group, key=lambda each: each[0].this_update, reverse=True):
                doubt, signer = self._signer(listed, above)
                if signer is not None:
                    yield self._said(certificate, listed, reasons, signer)
                    break
                notes.append(unknown(NAME, NOT_KNOWN, f"{listed.name}, is not used: {doubt}"))

    def _said(
        self, certificate: Certificate, listed: RevocationList, reasons: frozenset[ReasonFlags], signer: Certificate
    ) -> Said:
        issuer = prepare(certificate.x509.issuer)
        delta = self._delta(listed, signer)
        entry = listed.entry(certificate.serial, issuer)
        name, digest = listed.name, listed.digest
        if delta is not None:
            changed = delta.entry(certificate.serial, issuer)
            entry = entry if changed is None else None if changed.lifts else changed
            name, digest = f"{name}, with {delta.name}", f"{digest}+{delta.digest}"
        until = listed.next_update or listed.this_update + self.policy.freshness.unstated
        return Said(name=name, digest=digest, fresh_until=until, reasons=reasons, entry=entry, ends=signer.not_after)

    def _delta(self, complete: RevocationList, signer: Certificate) -> RevocationList | None:
        """Find the newest delta list that builds on a complete one (6.3.3 (c) and 5.2.4)."""
        number = complete.number
        fitting = [
            each
            for each in self.evidence.lists
            if number is not None and each.base is not None and each.base <= number
            if each.number is not None and each.number > number and not each.unusable
            if (each.issuer, each.scope, each.key_id) == (complete.issuer, complete.scope, complete.key_id)
        ]
        fitting.sort(key=lambda each: each.number or 0, reverse=True)
        return next((each for each in fitting if each.signed_by(signer)), None)

    def _signer(self, listed: RevocationList, above: tuple[Certificate, ...]) -> tuple[str, Certificate | None]:
        """Find who signed a list and may: an authority of the path, or one that leads to the same anchor (6.3.3 (f))."""
        if listed.unusable:
            return listed.unusable, None
        if listed.scope.indirect and not self.policy.freshness.indirect:
            return "it is an indirect list, which speaks for other authorities, and those are not accepted here", None
        if not self.policy.allows(listed.signature_digest, self.at):
            return f"it is signed with {listed.signature_digest}, which is not accepted", None
        for each in dict.fromkeys((*above, *self._known())):
            if prepare(each.x509.subject) != listed.issuer or not listed.signed_by(each):
                continue
            if each in above or any(_same_key(each, other) for other in above) or self._leads(each, above[-1]):
                return "", each
        return "no authority that leads to the same anchor signed it", None

    def _leads(self, signer: Certificate, anchor: Certificate) -> bool:
        """Tell whether another signer of lists is believed: a path to the same anchor, and nobody on it revoked."""
        if (
            signer.fingerprint in self.pending
        ):  # only where an authority gave its lists away may their issuer be on its own
            return self.policy.freshness.indirect
        if self.policy.validity(signer, self.at).reason is not None:
            return False
        issuers = tuple(each for each in self.issuers if each != signer)
        path = self.evidence.paths.find(signer, issuers, self.anchors)
        if path.check.reason is not None or path.authorities[-1] != anchor:
            return False
        within = replace(self, pending=self.pending | {signer.fingerprint})
        line = (signer, *path.authorities)
        return all(within.standing(one, line[at:]).reason is None for at, one in enumerate(line[:-1], start=1))

    def _answers(self, certificate: Certificate, above: tuple[Certificate, ...], notes: list[Check]) -> Iterator[Said]:
        """Give what the newest believable OCSP answer says; "unknown" says nothing."""
        found = [each for each in self.evidence.answers if each.concerns(certificate, above[0])]
        for answer in sorted(found, key=lambda each: each.this_update, reverse=True):
            responder = self._responder(answer, above)
            if responder is None:
                notes.append(
                    unknown(NAME, NOT_KNOWN, f"{answer.name}, is not used: no responder of the issuer signed it")
                )
                continue
            yield _heard(answer, responder, self.policy)
            return

    def _responder(self, answer: OcspAnswer, above: tuple[Certificate, ...]) -> Certificate | None:
        responder = answer.responder(above[0])
        if responder is None or not self.policy.allows(answer.signature_digest, self.at):
            return None
        if responder == above[0]:
            return responder
        then = answer.produced_at
        sound = not self.policy.validity(responder, then).reason and not self.policy.strength(responder, then).reason
        return responder if sound and (is_exempt(responder) or self._not_listed(responder, above)) else None

    def _not_listed(self, responder: Certificate, above: tuple[Certificate, ...]) -> bool:
        """Ask the lists alone about a responder: an answer of its own would prove nothing."""
        said = list(self._lists(responder, above, []))
        return conclude(responder, said, (), self.policy, self.at).reason is None


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
    usable = [one for one in said if at <= one.fresh_until + grace]
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
    return _NOTHING.union(*(one.reasons for one in said))


def _reasons(listed: RevocationList, points: Sequence[Point], certificate: Certificate) -> frozenset[ReasonFlags]:
    """For which reasons a list speaks of a certificate: none, when it does not."""
    scope = listed.scope
    met = (point for point in points if covers(scope, listed.issuer, point, certificate.is_authority))
    return _NOTHING.union(*(point.reasons & scope.reasons for point in met))


def _same_key(one: Certificate, other: Certificate) -> bool:
    return one.public_key == other.public_key and prepare(one.x509.subject) == prepare(other.x509.subject)


def _heard(answer: OcspAnswer, responder: Certificate, policy: Policy) -> Said:
    is_revoked = answer.status is ocsp.OCSPCertStatus.REVOKED and answer.revoked_at is not None
    knows = answer.status is not ocsp.OCSPCertStatus.UNKNOWN
    return Said(
        name=f"{answer.name} by {responder.subject}",
        digest=answer.digest,
        fresh_until=answer.next_update or answer.this_update + policy.freshness.unstated,
        reasons=ALL_REASONS if knows else _NOTHING,
        entry=Entry(at=answer.revoked_at, reason=answer.reason) if is_revoked and answer.revoked_at else None,
        ends=responder.not_after,
    )
