"""The signatures inside the files of a letter, in it and beside it, as its sender and its receivers are told of them."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from envelopes.drafting import FileBeside, digests
from envelopes.edxml import build
from envelopes.signature.sign import sign
from exchange.core.inspecting import BUDGET
from trust_store.evidence import Revocation

INVOICE = (Path(__file__).parents[1] / "vectors" / "einvoice" / "tdiep_202_ts24_public_test.xml").read_bytes()


async def papers_of(papers, hub) -> dict[str, bytes]:
    """Sign PDF files with the certificate of a party of the sandbox, which its hub trusts."""
    key = hub.key(hub.lam_son)
    signed = await asyncio.to_thread(papers.sign, papers.plain(), key)
    return {
        "signed.pdf": signed,
        "changed.pdf": papers.changed(signed, papers.replace_text),
        "plain.pdf": papers.plain(),
    }


async def test_every_file_says_what_its_signatures_come_to(hub, papers) -> None:
    made = await papers_of(papers, hub)
    files = [*made.items(), ("hoa-don.xml", INVOICE), ("ghi-chu.txt", b"x")]
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, files=files))
    own = await (await hub.client(hub.lam_son)).signatures(view.message)
    assert [(item.place, item.ordinal, item.name, item.kind) for item in own] == [
        ("inside", 1, "signed.pdf", "pdf"),
        ("inside", 2, "changed.pdf", "pdf"),
        ("inside", 3, "plain.pdf", "pdf"),
        ("inside", 4, "hoa-don.xml", "xml"),
        ("inside", 5, "ghi-chu.txt", "other"),
    ]
    assert [(item.verdict, item.reason) for item in own] == [
        ("valid", ""),
        ("invalid", "pdf-changed-after"),
        ("unsigned", "file-unsigned"),
        ("invalid", "certificate-expired"),
        ("unknown", "file-kind-unknown"),
    ]
    assert [item.digest for item in own[:3]] == [hashlib.sha256(data).hexdigest() for data in made.values()]
    (one,) = own[0].signatures
    assert f"UID=MST:{hub.lam_son}" in one.signer
    assert (one.organisation != "", one.covers, one.changed) == (True, "whole", "none")
    assert one.judged_at == view.submitted_at
    judgement = msgspec.json.decode(one.judgement)
    assert judgement["outcome"] == "valid"
    assert {check["outcome"] for check in judgement["checks"]} == {"valid"}
    client = await hub.client(hub.environment)
    received = await client.signatures(view.message)
    assert received == own
    assert (await client.inbox())[-1].fetched_at is None
    answer = await hub.ask("GET", f"/v1/messages/{view.message}/signatures", by=hub.ham_rong)
    assert answer.problem()["code"] == "not-found"


async def test_nothing_of_it_bears_on_the_receipt(hub, papers) -> None:
    """A letter with files that are forged, hostile or damaged is taken on and receipted like any other."""
    files = [
        ("forged.pdf", (await papers_of(papers, hub))["changed.pdf"]),
        ("bad.pdf", b"%PDF-1.4 /Prev 0"),
        ("a.xml", b"<a"),
    ]
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, files=files))
    assert view.receipt_id
    found = await (await hub.client(hub.environment)).signatures(view.message)
    assert [item.reason for item in found] == ["pdf-changed-after", "pdf-damaged", "xml-malformed"]


async def test_files_beside_a_letter_are_looked_into_alike(hub, papers) -> None:
    made = await papers_of(papers, hub)
    client = await hub.client(hub.lam_son)
    stored = [await client.upload(io.BytesIO(data)) for data in (made["signed.pdf"], b"no file of a kind")]
    beside = [
        FileBeside(name=name, digest=item.digest, size=item.size)
        for name, item in zip(("signed.pdf", "note"), stored, strict=True)
    ]
    letter = hub.letter(hub.lam_son, hub.environment, files=[], detached=beside)
    view = await client.submit(sign(build(letter), hub.key(hub.lam_son), digests(letter, beside)))
    found = await client.signatures(view.message)
    assert [(item.place, item.ordinal, item.verdict, item.reason) for item in found] == [
        ("beside", 1, "valid", ""),
        ("beside", 2, "unknown", "file-kind-unknown"),
    ]


async def test_trust_that_changes_shows_at_the_next_question(hub, papers) -> None:
    made = await papers_of(papers, hub)
    files = [("signed.pdf", made["signed.pdf"])]
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, files=files))
    client = await hub.client(hub.environment)
    (before,) = await client.signatures(view.message)
    assert before.signatures[0].later == ""
    revoked = Revocation(signed_part=hub.key(hub.lam_son).certificate.signed_part, at=datetime.now(UTC), why="stolen")
    await hub.exchange.trust.revoke(revoked, hub.exchange.author())
    (after,) = await client.signatures(view.message)
    assert (after.verdict, after.signatures[0].verdict) == ("valid", "valid")
    assert after.signatures[0].later.startswith("Revoked later")


async def test_what_takes_too_long_is_left_for_the_next_question(hub, papers, monkeypatch) -> None:
    monkeypatch.setattr("exchange.core.inspecting.BUDGET", -BUDGET)
    files = list((await papers_of(papers, hub)).items())
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, files=files))
    found = await (await hub.client(hub.environment)).signatures(view.message)
    assert {(item.verdict, item.reason) for item in found} == {("unknown", "file-pending")}


@pytest.mark.parametrize("key", ["nothing", "a" * 26])
async def test_a_message_of_nobody_is_not_there(hub, key) -> None:
    answer = await hub.ask("GET", f"/v1/messages/{key}/signatures", by=hub.lam_son)
    assert answer.problem()["code"] == "not-found"
