"""Keys of every kind for PDF files, over one root that is trusted and one authority below it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from envelopes.inside.pdf import read_pdf
from exchange.inside import Inside, judge_inside
from tests.authority import certificates
from trust_store.evidence import Evidence, Revocation
from trust_store.keys import HeldKey
from trust_store.policy import Policy

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Office:
    """Sign papers, and look into them as a hub that trusts the root does."""

    papers: Any
    pki: Any
    root: HeldKey
    issuing: HeldKey
    signer: HeldKey
    other: HeldKey
    stamping: HeldKey
    rsa_key: Any
    now: datetime = NOW

    def key(self, subject: str = "Other", **more: Any) -> HeldKey:
        return self.pki.make(subject, self.issuing, **more)

    def look(
        self, data: bytes, *, at: datetime = NOW, now: datetime = NOW, revoked: Any = (), trusted: bool = True
    ) -> Inside:
        anchors = (self.root.certificate,) if trusted else ()
        listed = tuple(
            Revocation(signed_part=key.certificate.signed_part, at=since, why="stolen") for key, since in revoked
        )
        return judge_inside(read_pdf(data), Evidence(anchors=anchors, revoked=listed), Policy(), at, now)

    def ago(self, **more: float) -> datetime:
        return NOW - timedelta(**more)


@pytest.fixture(scope="session")
def office(papers) -> Office:
    pki = certificates.Pki()
    rsa_key = certificates.shared_key("2048/65537")
    root = pki.authority("Root")
    issuing = pki.authority("Issuing", root)
    return Office(
        papers=papers,
        pki=pki,
        root=root,
        issuing=issuing,
        signer=pki.make("Sở Nội vụ", issuing),
        other=pki.make("Công ty Lam Sơn", issuing),
        stamping=pki.make("TSA", issuing, key=rsa_key, usages=("digital_signature",), extra=papers.STAMPING),
        rsa_key=rsa_key,
    )
