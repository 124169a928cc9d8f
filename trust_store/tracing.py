"""Trace a certificate to an anchor: over every path that may hold, until one holds whose authorities are not revoked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from trust_store.certificate import Certificate
from trust_store.errors import reason
from trust_store.evidence import Evidence
from trust_store.identity import PartyKind
from trust_store.paths import Path, Trace
from trust_store.policy import Policy
from trust_store.revocation.reasons import REVOKED
from trust_store.revocation.said import just_before
from trust_store.revocation.standing import Inquiry
from trust_store.verdict import Check, failed, passed, unknown

NO_ANCHOR = reason(
    "anchor-missing",
    "No trusted authority is known here",
    "Give the certificates of the trusted authorities (--anchor), or have the administrator of the hub install them",
)
NOT_AUTHORITY = reason(
    "issuer-not-ca",
    "A certificate was issued by one that is no authority",
    "Sign with a certificate that a listed authority issued itself",
)
ANCHOR_NOT_IN_FORCE = reason(
    "anchor-not-in-force",
    "The authority is not trusted at this time",
    "Sign with a certificate of an authority that is trusted now; the administrator of the hub knows when each is",
)
ANCHOR_NOT_FOR_THIS = reason(
    "anchor-not-for-this",
    "The authority may not speak for a party of this kind, or not for this use",
    "Sign with a certificate of an authority for this kind of party: the government's for agencies, a licensed "
    "public one for enterprises",
)

NAME = "path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracer:
    """Search among what is known at a moment, for a kind of party (None: whoever it is)."""

    evidence: Evidence
    policy: Policy
    at: datetime
    kind: PartyKind | None = None

    def trace(self, leaf: Certificate, helpers: Sequence[Certificate] = ()) -> Trace:
        """Search with the fit authorities only; when that finds nothing, say which unfit one stood in the way.

        An authority that is revoked, or of which that is not known, is left out and the search made again, so that another
        path can hold; if none does, the first path found is the answer.
        """
        if not self.evidence.anchors:
            text = f"The certificate of {leaf.subject} cannot be judged: no trusted authority is known here"
            return Trace(path=Path(check=unknown(NAME, NO_ANCHOR, text)))
        key = (self.kind, self.policy, leaf, *helpers)
        known = self.evidence.standings.find(key, self.at)
        if known is None:
            known, until = self._trace(leaf, helpers)
            if known.path.check.reason is not None:  # its text tells the moment
                return known
            self.evidence.standings.keep(key, self.at, until, known)
        return replace(known, path=self._show(known.path))

    def _trace(self, leaf: Certificate, helpers: Sequence[Certificate]) -> tuple[Trace, datetime | None]:
        anchors = _distinct(self.evidence.anchors)
        known = {leaf, *anchors}
        issuers = tuple(each for each in _distinct((*self.evidence.intermediates, *helpers)) if each not in known)
        unfit = {each: check for each in (*anchors, *issuers) if (check := self._fitness(each, anchors)).reason}
        inquiry = Inquiry(
            evidence=self.evidence,
            policy=self.policy,
            at=self.at,
            issuers=tuple(each for each in issuers if each not in unfit),
            anchors=tuple(each for each in anchors if each not in unfit),
            others=tuple(each for each in issuers if _signs_lists_only(each)),
        )
        found = self._search(leaf, inquiry)
        if found.path.check.reason is not None:
            for each in _lineage(leaf, (*anchors, *issuers)):
                if each in unfit:
                    return Trace(path=Path(check=replace(unfit[each], name=NAME))), None
        turns = (*inquiry.turns(), *self._turns((*anchors, *issuers)))
        return found, min((each for each in turns if each >= self.at), default=None)

    def _search(self, leaf: Certificate, inquiry: Inquiry) -> Trace:
        first: Trace | None = None
        issuers, anchors = inquiry.issuers, inquiry.anchors
        while True:
            path = self.evidence.paths.find(leaf, issuers, anchors, self.policy.path)
            if path.check.reason is not None:
                return first or Trace(path=path)
            line = (leaf, *path.authorities)
            standings = tuple(inquiry.standing(one, line[at:]) for at, one in enumerate(line[:-1], start=1))
            found = Trace(path=path, standings=standings)
            doubtful = self._doubtful(path.authorities, standings)
            if not doubtful:
                return found
            first = first or found
            issuers = tuple(each for each in issuers if each not in doubtful)
            anchors = tuple(each for each in anchors if each not in doubtful)

    def _doubtful(self, authorities: tuple[Certificate, ...], standings: tuple[Check, ...]) -> list[Certificate]:
        """Say which authorities another path would have to do without; none, when nothing is wrong or none can help."""
        if standings[0].reason is REVOKED:
            return []
        found = [one for one in authorities if self.evidence.revocation(one, self.at) is not None]
        found.extend(one for one, check in zip(authorities, standings[1:], strict=False) if check.reason is not None)
        if not found and standings[0].reason is not None:
            return [authorities[-1]]  # on the terms of another anchor it may be decided
        return found

    def _turns(self, certificates: Iterable[Certificate]) -> Iterator[datetime]:
        """Give the last moments at which certificates, the terms of anchors, rules and the local list say the same."""
        for each in certificates:
            yield just_before(each.not_before)
            yield each.not_after
            terms = self.evidence.terms_of(each)
            yield from (just_before(moment) for moment in (terms.since, terms.until) if moment is not None)
        yield from (just_before(rule.until) for rule in self.policy.algorithms if rule.until is not None)
        yield from (just_before(each.at) for each in self.evidence.revoked)

    def _show(self, path: Path) -> Path:
        """Show each authority of the path as a check of its own."""
        shown = tuple(passed("authority", self.policy.validity(each, self.at).text) for each in path.authorities)
        return replace(path, check=replace(path.check, checks=shown))

    def _fitness(self, certificate: Certificate, anchors: tuple[Certificate, ...]) -> Check:
        """Ask what every authority on a path must meet; a root's signature on itself proves nothing and is left out."""
        if not certificate.is_authority:
            return failed(NAME, NOT_AUTHORITY, f"{certificate.subject} is no authority and cannot issue certificates")
        validity = self.policy.validity(certificate, self.at)
        is_anchor = certificate in anchors
        root = certificate.is_self_issued and is_anchor
        strength = self.policy.key(certificate, self.at) if root else self.policy.strength(certificate, self.at)
        terms = self._terms(certificate) if is_anchor else validity
        return next((each for each in (validity, strength, terms) if each.reason is not None), passed(NAME, "fit"))

    def _terms(self, anchor: Certificate) -> Check:
        terms = self.evidence.terms_of(anchor)
        if not terms.in_force(self.at):
            since = f" from {terms.since:%Y-%m-%d %H:%M} UTC" if terms.since else ""
            until = f" until {terms.until:%Y-%m-%d %H:%M} UTC" if terms.until else ""
            text = f"{anchor.subject} is trusted{since}{until}, and it was asked for {self.at:%Y-%m-%d %H:%M} UTC"
            return failed(NAME, ANCHOR_NOT_IN_FORCE, text)
        if not terms.speaks_for(self.kind, self.policy.use):
            whom = ", ".join(sorted((*terms.kinds, *terms.uses)))
            text = f"{anchor.subject} is trusted for {whom} only, and this is for {self.kind or 'anyone'}, {self.policy.use}"
            return failed(NAME, ANCHOR_NOT_FOR_THIS, text)
        return passed(NAME, "in force")


def _signs_lists_only(certificate: Certificate) -> bool:
    return not certificate.is_authority and "cRLSign" in (certificate.usages or ())


def _distinct(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    return tuple(dict.fromkeys(certificates))


def _lineage(leaf: Certificate, authorities: tuple[Certificate, ...]) -> list[Certificate]:
    """Follow the names from the leaf upward, for an explanation only: names prove nothing."""
    line = [leaf]
    for lower in line:
        line.extend(each for each in authorities if each.subject == lower.issuer and each not in line)
    return line[1:]
