"""What became known of a signer after its message was taken on; what was decided then stands, with its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from exchange.core.hub import Hub
from exchange.core.model import Filed
from trust_store.certificate import Certificate
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.names import prepare
from trust_store.revocation.reasons import REVOKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Say that the certificate of a message is known now to be revoked: since when, and in a sentence by whom and why."""

    since: datetime
    text: str


async def revoked_later(hub: Hub, filed: Filed) -> Revoked | None:
    """Tell whether the certificate of a message is revoked by what is known now; None: not that it is known."""
    fingerprint = json.loads(filed.verdict).get("certificate", "")
    certificate = await hub.store.sources.certificate(fingerprint) if fingerprint else None
    if certificate is None:
        return None
    evidence, now = await hub.store.trust.evidence(), hub.clock.now()
    verdict = judge((certificate,), evidence, hub.policy, now)
    found = next((each for each in verdict.checks if each.reason is REVOKED), None)
    if found is None:
        return None
    return Revoked(since=min(_moments(certificate, evidence, now), default=now), text=found.text)


def _moments(certificate: Certificate, evidence: Evidence, now: datetime) -> Iterator[datetime]:
    """Give since when it is revoked, by everything that says so."""
    local = evidence.revocation(certificate, now)
    if local is not None:
        yield local.at
    issuer = prepare(certificate.x509.issuer)
    for listed in evidence.lists:
        entry = listed.entry(certificate.serial, issuer) if listed.issuer == issuer else None
        if entry is not None and not entry.lifts:
            yield entry.at
    for answer in evidence.answers:
        if answer.serial == certificate.serial and answer.revoked_at is not None:
            yield answer.revoked_at
