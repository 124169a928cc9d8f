"""Look into files for signatures of their own, for the command line: in processes that can be killed, started when needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from envelopes.attachments import MEBIBYTE
from envelopes.edxml import Letter
from envelopes.inside.facts import FileKind, MarkKind
from envelopes.inside.kinds import kind_of
from envelopes.inside.reasons import OVER_SIZE
from exchange.cli.plain import local, plain
from exchange.composing import read_document, unpack
from exchange.inside import Inside, Signature, judge_inside, unread
from exchange.inspection import Inspection
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.policy import Policy

SECONDS: Final = 30.0
MOST: Final = 64 * MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Look into files and judge what is found as of one moment; receipts must be in the log with `log_key`, if given."""

    inspection: Inspection
    evidence: Evidence
    at: datetime
    log_key: str = ""

    async def look(self, kind: FileKind, data: bytes) -> Inside:
        """Say of a file what its signatures come to."""
        if len(data) > MOST:
            return unread(kind, Refused(OVER_SIZE, f"The file has {len(data):,} bytes; {MOST:,} are looked into"))
        facts = await self.inspection.inspect(kind, hashlib.sha256(data).hexdigest(), data)
        return judge_inside(facts, self.evidence, Policy(), self.at, self.at)

    async def look_into_letter(self, data: bytes) -> list[tuple[str, Inside]]:
        """Say of the PDF and XML files inside a letter, each by its number and name, what their signatures come to."""
        try:
            letter = read_document(data)
        except Refused:
            return []
        found = []
        for number, item in enumerate(unpack(letter) if isinstance(letter, Letter) else (), start=1):
            kind, name = kind_of(item.data), f"attachment {number}, {item.name}"
            if item.refusal is not None:
                found.append((name, unread(kind, item.refusal)))
            elif kind is not FileKind.OTHER:
                found.append((name, await self.look(kind, item.data)))
        return found


def lines_of(inside: Inside) -> list[str]:
    """Tell of each signature in one line."""
    return [
        f"  {plain(each.mark.name or 'signature')}: {each.verdict}. {plain(_sentence(each))}"
        for each in inside.signatures
    ]


def record_of(inside: Inside) -> list[dict[str, Any]]:
    """Tell of each signature in one object."""
    return [
        {
            "name": plain(each.mark.name),
            "kind": each.mark.kind,
            "verdict": each.verdict,
            "reason": each.reason,
            "text": plain(each.text),
            "signer": plain(each.signer),
            "claimed_at": each.mark.claimed_time,
            "stamped_at": each.stamped_at,
            "covers": each.mark.cover,
            "parts": [plain(part) for part in each.mark.parts],
            "changed": each.mark.change,
        }
        for each in inside.signatures
    ]


def _sentence(found: Signature) -> str:
    """Say who signed, when as far as is known, and the rest."""
    mark, parts = found.mark, []
    if found.signer:
        parts.append(f"{'Time-stamped' if mark.kind is MarkKind.TIME_STAMP else 'Signed'} by {found.signer}")
    if found.stamped_at is not None:
        parts.append(f"before {local(found.stamped_at)} by {found.stamped_by}")
    elif mark.claimed_time is not None:
        parts.append(f"at {local(mark.claimed_time)} as the signer says")
    return ". ".join(each for each in (", ".join(parts), found.text, found.later) if each)
