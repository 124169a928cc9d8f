"""Measure the path of a message against floors in the same run: `python -m bench`.

Figures are ratios; the absolute numbers beside them belong to the machine and the day. Loopback and temporary files only.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import xmlsec
from lxml import etree
from signxml import XMLVerifier

from bench import trust
from envelopes import xml
from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from envelopes.signature.verify import place_of, verify
from exchange.config import Home
from exchange.core.model import PartyId
from exchange.sandbox import making
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from exchange.wiring import open_exchange
from trust_store.certificate import load_many
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.keys import HeldKey, load_pem
from trust_store.policy import Policy

DS = "{http://www.w3.org/2000/09/xmldsig#}Signature"
LETTERS = 300
AT_ONCE = 32


def main() -> None:
    """Run everything once, in under a minute."""
    with tempfile.TemporaryDirectory(prefix="congvan-bench-") as folder:
        home = Path(folder) / "hub"
        asyncio.run(making.make(home, history=False))
        stem = home / "parties" / LAM_SON
        key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
        for size in (3_000, 300_000, 3_000_000):
            verification(key, size)
        judgement(home, key)
        trust.main()
        asyncio.run(submission(home, key))


def letter(key: HeldKey, number: int, size: int) -> bytes:
    """Sign a letter of about `size` bytes."""
    drafted = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=ENVIRONMENT)],
        number=str(number),
        notation="CV-BENCH",
        subject="V/v đo tốc độ",
        at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
        files=[("a.pdf", b"%PDF-1.4 " + b"x" * max(0, size * 3 // 4 - 3000))],
    )
    return sign(build(drafted), key)


def verification(key: HeldKey, size: int) -> None:
    """Compare our verifier with libxmlsec and with signxml on the same letter."""
    data = letter(key, 1, size)
    certificate = key.certificate.pem.decode()

    def ours() -> None:
        tree = xml.parse(data)
        verify(tree, place_of(tree.getroot()))

    def libxmlsec() -> None:
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem)
        context.verify(next(etree.fromstring(data).iter(DS)))

    def by_signxml() -> None:
        XMLVerifier().verify(data, x509_cert=certificate)

    own = clock(ours)
    print(
        f"verify {len(data):>9,} bytes: {own * 1e3:8.3f} ms; libxmlsec x{clock(libxmlsec) / own:.2f}, "
        f"signxml x{clock(by_signxml) / own:.2f}"
    )


def judgement(home: Path, key: HeldKey) -> None:
    """Compare a judgement with the path remembered to one without."""
    anchors = load_many((home / "trust-anchor.pem").read_bytes())
    at = datetime.now(VIETNAM)
    warm = Evidence(anchors=anchors)
    remembered = clock(lambda: judge([key.certificate], warm, Policy(), at))
    fresh = clock(lambda: judge([key.certificate], Evidence(anchors=anchors), Policy(), at))
    print(f"judge, path remembered: {remembered * 1e3:.3f} ms; searched anew x{fresh / remembered:.1f}")


async def submission(home: Path, key: HeldKey) -> None:
    """Compare whole submissions (verified, kept, committed, sealed) with a bare durable insert of the same bytes."""
    letters = [letter(key, number, 6_000) for number in range(1, LETTERS + 1)]
    floor = durable_inserts(home.parent / "floor.db", letters)
    async with open_exchange(Home(home)) as exchange:
        sender = await exchange.hub.store.directory.get(PartyId(LAM_SON))
        assert sender is not None
        started = time.perf_counter()
        for start in range(0, LETTERS, AT_ONCE):
            await asyncio.gather(*(exchange.hub.submit(sender, data) for data in letters[start : start + AT_ONCE]))
        taken = LETTERS / (time.perf_counter() - started)
        started = time.perf_counter()
        await asyncio.gather(*(exchange.hub.submit(sender, data) for data in letters))
        again = LETTERS / (time.perf_counter() - started)
    print(
        f"submit: {taken:,.0f} letters/s of 6 KB, {AT_ONCE} at once; x{taken / floor:.2f} of one durable insert at a time"
    )
    print(f"the same again: {again:,.0f}/s, x{again / taken:.1f}")


def durable_inserts(path: Path, letters: list[bytes]) -> float:
    """Insert each letter in its own durable transaction; return how many a second."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE letters (data BLOB)")
    started = time.perf_counter()
    for data in letters:
        connection.execute("INSERT INTO letters VALUES (?)", (data,))
    rate = len(letters) / (time.perf_counter() - started)
    connection.close()
    return rate


def clock(work: Callable[[], object]) -> float:
    """Return the best of five runs, in seconds."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


if __name__ == "__main__":
    main()
