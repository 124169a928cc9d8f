"""Mutated PDF and XML files are findings, whatever they do to the readers; a signature that stays good covers the same bytes."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from envelopes.inside.facts import Cover
from envelopes.inside.pdf import read_pdf
from envelopes.inside.xml_file import read_xml
from exchange.inside import judge_inside
from tests.authority import certificates
from trust_store.evidence import Evidence
from trust_store.policy import Policy

EXAMPLES = max(100, int(os.environ.get("FUZZ_EXAMPLES", "0")) // 10)
INVOICE = (Path(__file__).parents[1] / "vectors" / "einvoice" / "tdiep_202_ts24_public_test.xml").read_bytes()
TOKENS = (
    b"<<", b">>", b"[", b"]", b"(", b")", b"/", b" 0 R", b"obj", b"endobj", b"stream", b"endstream", b"xref", b"trailer",
    b"/Prev 0", b"/Size 99999999999", b"/Length -1", b"/W [99 99 99]", b"null", b"-1", b"1e99", b"\0", b"%", b"/ByteRange",
    b"/Fields", b"/Kids", b"/V", b"/Encrypt", b"/Contents", b"/SubFilter", b"/Type/ObjStm", b"startxref", b"%%EOF",
)  # fmt: skip


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a file a little: bytes, tokens, pieces that are taken out, doubled, or moved."""
    work = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place, length = chance.randrange(len(work)), chance.choice((1, 1, 2, 8, 64, 1024))
        match chance.randrange(5):
            case 0:
                work[place] = chance.randrange(256)
            case 1:
                work[place:place] = chance.choice(TOKENS)
            case 2:
                del work[place : place + length]
            case 3:
                work[place:place] = work[place : place + length]
            case _:
                token = chance.choice(TOKENS)
                work[place : place + len(token)] = token
        if not work:
            work = bytearray(b"%PDF-")
    return bytes(work)


@pytest.fixture(scope="module")
def signed(papers) -> tuple[bytes, Evidence, Policy]:
    pki = certificates.Pki()
    root = pki.authority("Root")
    key = pki.make("Signer", root)
    data = papers.sign(papers.sign(papers.plain(fields_=2), key), key, "S2")
    return data, Evidence(anchors=(root.certificate,)), Policy()


def test_a_mutated_pdf_is_a_finding(papers, signed) -> None:
    data, evidence, policy = signed
    chance, good, gap = random.Random(5), 0, papers.gap_of(data)
    for _ in range(EXAMPLES):
        mutant = mutate(data, chance)
        found = judge_inside(read_pdf(mutant), evidence, policy, *[papers.now()] * 2)
        assert found.verdict in {"valid", "invalid", "unknown", "unsigned"}
        assert found.text
        for each in found.signatures:
            good += each.verdict == "valid"
            if each.verdict == "valid" and each.mark.cover is Cover.WHOLE:
                assert (mutant[: gap.start], mutant[gap.end :]) == (data[: gap.start], data[gap.end :])
    assert good < EXAMPLES


def test_a_mutated_invoice_is_a_finding() -> None:
    chance = random.Random(6)
    whole = INVOICE[INVOICE.index(b"<DLHDon") : INVOICE.index(b"</DLHDon>")]
    for _ in range(EXAMPLES):
        mutant = mutate(INVOICE, chance)
        facts = read_xml(mutant)
        for mark in facts.marks:
            if mark.fault is None:
                assert mutant.count(b"<TgTTTBSo>1284000</TgTTTBSo>") or whole in mutant
