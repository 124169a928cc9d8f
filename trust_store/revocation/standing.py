"""How a certificate stands: revoked, not revoked, or not known, by the lists and answers at hand (RFC 5280, 6.3; RFC 6960).

Whatever says revoked wins. Nothing is fetched here: what is missing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from cryptography.x509 import ReasonFlags, ocsp

from trust_store.certificate import Certificate
from trust_store.evidence import Asking, Evidence
from trust_store.names import prepare
from trust_store.policy import Policy
from trust_store.revocation.answers import OcspAnswer, is_exempt
from trust_store.revocation.lists import Entry, RevocationList
from trust_store.revocation.places import distribution_points, is_marked, is_told
from trust_store.revocation.reasons import NOT_KNOWN
from trust_store.revocation.said import NAME, NOTHING, Said, conclude, later
from trust_store.revocation.scope import ALL_REASONS, Point, covers, read_points
from trust_store.verdict import Check, passed, unknown

Group = list[tuple[RevocationList, frozenset[ReasonFlags]]]
"""Lists of one issuer and scope, the newest first, each with the reasons for which it speaks of a certificate."""

_HOLD: Final = ReasonFlags.certificate_hold.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Ask how certificates stand at a moment.

    `issuers` and `anchors` are the fit ones; `others` are no authorities and may sign lists all the same. `heard` collects
    what was said of anybody: when it turns, the answers may. `pending` has the signers of lists that are being asked about,
    by fingerprint: nobody vouches for itself.
    """

    evidence: Evidence
    policy: Policy
    at: datetime
    issuers: tuple[Certificate, ...]
    anchors: tuple[Certificate, ...]
    others: tuple[Certificate, ...] = ()
    heard: list[Said] = field(default_factory=list)
    pending: frozenset[str] = frozenset()

    def turns(self) -> Iterator[datetime]:
        """Give the last moments at which what was said says the same."""
        for each in self.heard:
            yield from each.turns(self.policy.freshness.grace)

    def standing(self, certificate: Certificate, above: tuple[Certificate, ...]) -> Check:
        """Tell how a certificate stands that the authorities `above` lead from, its issuer first, the anchor last."""
        asking = self.evidence.terms_of(above[-1]).asking
        if asking is Asking.LOCAL:
            return passed(NAME, f"For {certificate.subject}, the local revocation list alone decides")
        notes: list[Check] = []
        said = (*self._lists(certificate, above, notes), *self._answers(certificate, above, notes))
        self.heard.extend(said)
        told = asking is Asking.REQUIRED or is_told(certificate)
        if not said and not notes and not told:
            text = f"{certificate.subject} names no place where revocations are told; the local list alone decides"
            return passed(NAME, text)
        return conclude(certificate, said, tuple(notes), self.policy, self.at)

    def _known(self) -> tuple[Certificate, ...]:
        return (*self.issuers, *self.others, *self.anchors)

    def _lists(self, certificate: Certificate, above: tuple[Certificate, ...], notes: list[Check]) -> Iterator[Said]:
        """Give what the usable lists of each scope say (6.3.3 (a) to (j)).

        Of those that one authority signed, the newest; an old one under another key still says who is revoked.
        """
        points = read_points(distribution_points(certificate), certificate.x509.issuer)
        scopes: dict[object, Group] = {}
        for listed in self.evidence.lists:
            reasons = _reasons(listed, points, certificate)
            if reasons and (not _only_alarms(listed, certificate) or _alarm(listed, certificate) is not None):
                scopes.setdefault((listed.issuer, listed.scope), []).append((listed, reasons))
        for group in scopes.values():
            group.sort(key=lambda each: (each[0].this_update, each[0].number or 0, each[0].base is None), reverse=True)
            yield from self._of_one_scope(certificate, group, above, notes)

    def _of_one_scope(
        self,
        certificate: Certificate,
        group: Group,
        above: tuple[Certificate, ...],
        notes: list[Check],
    ) -> Iterator[Said]:
        seen, lifted = set[str](), set[str]()
        for listed, reasons in group:
            alarm = _alarm(listed, certificate)
            doubt, signer = self._signer(listed, above)
            if signer is None:
                if not seen:
                    notes.append(unknown(NAME, NOT_KNOWN, f"{listed.name}, is not used: {doubt}"))
            elif signer.fingerprint in seen:
                pass  # it said something newer
            elif alarm is None:
                seen.add(signer.fingerprint)
                yield self._said(certificate, listed, reasons, signer)
            elif alarm.lifts:
                lifted.add(signer.fingerprint)
            elif signer.fingerprint not in lifted or alarm.reason != _HOLD:
                until = self._fresh_until(listed)
                yield Said(name=listed.name, digest=listed.digest, fresh_until=until, reasons=NOTHING, entry=alarm)

    def _said(
        self, certificate: Certificate, listed: RevocationList, reasons: frozenset[ReasonFlags], signer: Certificate
    ) -> Said:
        issuer = prepare(certificate.x509.issuer)
        delta = self._delta(listed, signer)
        entry = listed.entry(certificate.serial, issuer)
        name, digest = listed.name, listed.digest
        if delta is not None:
            entry = _changed(entry, delta.entry(certificate.serial, issuer))
            name, digest = f"{name}, with {delta.name}", f"{digest}+{delta.digest}"
        return Said(name=name, digest=digest, fresh_until=self._fresh_until(listed), reasons=reasons, entry=entry)

    def _fresh_until(self, listed: RevocationList) -> datetime:
        return listed.next_update or later(listed.this_update, self.policy.freshness.unstated)

    def _delta(self, complete: RevocationList, signer: Certificate) -> RevocationList | None:
        """Find the newest delta list that builds on a complete one (6.3.3 (c) and 5.2.4)."""
        number = complete.number
        fitting = [
            each
            for each in self.evidence.lists
            if number is not None and each.base is not None and each.base <= number
            if each.number is not None and each.number > number and not self._unfit(each)
            if (each.issuer, each.scope, each.key_id) == (complete.issuer, complete.scope, complete.key_id)
        ]
        fitting.sort(key=lambda each: each.number or 0, reverse=True)
        return next((each for each in fitting if each.signed_by(signer)), None)

    def _unfit(self, listed: RevocationList) -> str:
        """Say why a list decides nothing, whoever signed it."""
        if listed.unusable:
            return listed.unusable
        if listed.scope.indirect and not self.policy.freshness.indirect:
            return "it is an indirect list, which speaks for other authorities, and those are not accepted here"
        if not self.policy.allows(listed.signature_digest, self.at):
            return f"it is signed with {listed.signature_digest}, which is not accepted"
        return ""

    def _signer(self, listed: RevocationList, above: tuple[Certificate, ...]) -> tuple[str, Certificate | None]:
        """Find who signed a list and may: an authority of the path, or one that leads to the same anchor (6.3.3 (f)).

        The path is asked for first: whoever sends a certificate of that name shall not have a long list checked under it.
        """
        unfit = self._unfit(listed)
        if unfit:
            return unfit, None
        named = [
            each for each in dict.fromkeys((*above, *self._known())) if prepare(each.x509.subject) == listed.issuer
        ]
        for each in named:
            if each in above and listed.signed_by(each):
                return "", each
            if each not in above and self._leads(each, above[-1], listed):
                return "", each
        return "no authority that leads to the same anchor signed it", None

    def _leads(self, signer: Certificate, anchor: Certificate, listed: RevocationList) -> bool:
        """Tell whether another signer of lists is believed: a path to the same anchor, and nobody on it revoked."""
        if any(
            each.reason is not None
            for each in (self.policy.validity(signer, self.at), self.policy.strength(signer, self.at))
        ):
            return False
        issuers = tuple(each for each in self.issuers if each != signer)
        path = self.evidence.paths.find(signer, issuers, (anchor,))
        if path.check.reason is not None or not listed.signed_by(signer):
            return False
        if signer.fingerprint in self.pending:
            # only where an authority gave its lists away may their issuer be on its own
            return self.policy.freshness.indirect
        within = replace(self, pending=self.pending | {signer.fingerprint})
        line = (signer, *path.authorities)
        return all(within.standing(one, line[at:]).reason is None for at, one in enumerate(line[:-1], start=1))

    def _answers(self, certificate: Certificate, above: tuple[Certificate, ...], notes: list[Check]) -> Iterator[Said]:
        """Give what the newest believable OCSP answer says, of two of one moment what is worse; "unknown" says nothing."""
        found = [each for each in self.evidence.answers if each.concerns(certificate, above[0])]
        found.sort(key=lambda each: (each.this_update, each.revoked_at is not None), reverse=True)
        for answer in found:
            doubt, responder = self._responder(answer, above)
            if responder is None:
                notes.append(unknown(NAME, NOT_KNOWN, f"{answer.name}, is not used: {doubt}"))
                continue
            yield _heard(answer, responder, self.policy)
            return

    def _responder(self, answer: OcspAnswer, above: tuple[Certificate, ...]) -> tuple[str, Certificate | None]:
        if not self.policy.allows(answer.signature_digest, self.at):
            return f"it is signed with {answer.signature_digest}, which is not accepted", None
        responder, then = answer.responder(above[0]), answer.produced_at
        if responder is None:
            return "neither the issuer nor a responder that it certified signed it", None
        if responder == above[0]:
            return "", responder
        path = self.evidence.paths.find(responder, above[:-1], above[-1:])
        checks = (self.policy.validity(responder, then), self.policy.strength(responder, then), path.check)
        wrong = next((each.text for each in checks if each.reason is not None), "")
        if not wrong and not is_exempt(responder):
            wrong = self._listed(responder, above)
        return (wrong, None) if wrong else ("", responder)

    def _listed(self, responder: Certificate, above: tuple[Certificate, ...]) -> str:
        """Ask the lists alone about a responder, and say what is wrong: an answer of its own would prove nothing."""
        said = tuple(self._lists(responder, above, []))
        self.heard.extend(said)
        check = conclude(responder, said, (), self.policy, self.at)
        return "" if check.reason is None else check.text


def _reasons(listed: RevocationList, points: Sequence[Point], certificate: Certificate) -> frozenset[ReasonFlags]:
    """For which reasons a list speaks of a certificate: none, when it does not."""
    scope = listed.scope
    met = (point for point in points if covers(scope, listed.issuer, point, is_marked(certificate)))
    return NOTHING.union(*(point.reasons & scope.reasons for point in met))


def _only_alarms(listed: RevocationList, certificate: Certificate) -> bool:
    """A delta list, or one that need not name what has expired, cannot say that anything is not revoked."""
    return listed.base is not None or listed.this_update > certificate.not_after


def _alarm(listed: RevocationList, certificate: Certificate) -> Entry | None:
    if not _only_alarms(listed, certificate):
        return None
    return listed.entry(certificate.serial, prepare(certificate.x509.issuer))


def _changed(entry: Entry | None, change: Entry | None) -> Entry | None:
    """Apply what a delta list says; it can take back a hold and nothing else (5.3.1)."""
    if change is None:
        return entry
    if not change.lifts:
        return change if entry is None or change.at < entry.at else replace(change, at=entry.at)
    return None if entry is None or entry.reason == _HOLD else entry


def _heard(answer: OcspAnswer, responder: Certificate, policy: Policy) -> Said:
    is_revoked = answer.status is ocsp.OCSPCertStatus.REVOKED and answer.revoked_at is not None
    knows = answer.status is not ocsp.OCSPCertStatus.UNKNOWN
    return Said(
        name=f"{answer.name} by {responder.subject}",
        digest=answer.digest,
        fresh_until=answer.next_update or later(answer.this_update, policy.freshness.unstated),
        reasons=ALL_REASONS if knows else NOTHING,
        entry=Entry(at=answer.revoked_at, reason=answer.reason) if is_revoked and answer.revoked_at else None,
    )
