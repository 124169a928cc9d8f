"""Judge a certificate outside a letter as letters are judged, with what the authorities say, asked when it is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from exchange.core.ports import Asker, Clock, Store
from trust_store.certificate import Certificate
from trust_store.identity import Identity
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.revocation.reasons import UNDECIDED
from trust_store.verdict import Verdict

LONGEST: Final = timedelta(days=100 * 365)
"""How far ahead it matters what the authorities say; no certificate is in force for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """Hold what judging needs."""

    store: Store
    asker: Asker
    policy: Policy
    clock: Clock

    async def judge(self, chain: Sequence[Certificate], party: Identity, at: datetime) -> Verdict:
        """Judge at a moment; whoever is believed is kept in view, so that what is known of them stays fresh.

        At a moment to come, what the authorities say is taken as if they went on saying it.
        """
        evidence, policy = await self.store.trust.evidence(), self._at(at)
        verdict = judge(chain, evidence, policy, at, party)
        if verdict.reason in UNDECIDED and await self.asker.learn(chain, evidence):
            evidence = await self.store.trust.evidence()
            verdict = judge(chain, evidence, policy, at, party)
        if verdict.reason is None:
            self.asker.notice(chain, evidence)
        return verdict

    def _at(self, at: datetime) -> Policy:
        ahead, freshness = min(at - self.clock.now(), LONGEST), self.policy.freshness
        if ahead.total_seconds() <= 0:
            return self.policy
        return replace(self.policy, freshness=replace(freshness, grace=freshness.grace + ahead))
