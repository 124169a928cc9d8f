"""Attacks that once worked, each told by what it tried to gain."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envelopes.drafting import draft_letter, draft_status
from envelopes.edxml import Letter, Organ, ResponseFor, StatusCode, StatusNotice, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Actor, Event, Receipt, seal, state
from envelopes.signature.sign import sign
from exchange.cli.plain import plain
from exchange.config import Home
from exchange.core.model import Party, PartyId
from exchange.core.sweep import discard_orphans, seal_waiting
from exchange.errors import Rejected
from exchange.running import Exchange
from exchange.sandbox import making
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from exchange.verification import examine
from exchange.wiring import open_exchange
from trust_store.certificate import load_many
from trust_store.evidence import Evidence
from trust_store.keys import HeldKey, load_pem
from trust_store.policy import Policy

AT = datetime(2026, 11, 23, 8, tzinfo=VIETNAM)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacks") / "hub"
    asyncio.run(making.make(folder, history=False))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "hub")
    return tmp_path / "hub"


def key_of(home: Path, party: str) -> HeldKey:
    stem = f"{home}/parties/{party}"
    return load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())


async def party_of(exchange: Exchange, code: str) -> Party:
    party = await exchange.hub.store.directory.get(PartyId(code))
    assert party is not None
    return party


def letter(number: str, document_id: str = "", size: int = 0) -> Letter:
    drafted = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=ENVIRONMENT)],
        number=number,
        notation="CV-A",
        subject="V/v thử",
        at=AT,
        files=[("a.pdf", b"%PDF-1.4 " + b"x" * size)] if size else [],
    )
    from dataclasses import replace

    return replace(drafted, document_id=document_id or drafted.document_id)


async def test_a_code_never_stands_in_for_another_document(home: Path) -> None:
    async with open_exchange(Home(home)) as exchange:
        sender, receiver = await party_of(exchange, LAM_SON), await party_of(exchange, ENVIRONMENT)
        for document_id in ("first", "second"):
            await exchange.hub.submit(sender, sign(build(letter("1", document_id)), key_of(home, LAM_SON)))

        async def report(response: ResponseFor) -> str:
            notice = StatusNotice(
                sender=Organ(organ_id=ENVIRONMENT), response_for=response, status_code=StatusCode.ACCEPTED
            )
            with pytest.raises(Rejected) as caught:
                await exchange.hub.submit(receiver, sign(build(notice), key_of(home, ENVIRONMENT)))
            return caught.value.reason.code

        unknown = ResponseFor(organ_id=LAM_SON, document_id="third", code="1/CV-A")
        assert await report(unknown) == "original-unknown"
        assert await report(ResponseFor(organ_id=LAM_SON, code="1/CV-A")) == "original-ambiguous"
        assert await report(ResponseFor(organ_id=LAM_SON, code="/")) == "original-unknown"

        await exchange.hub.submit(sender, sign(build(letter("2")), key_of(home, LAM_SON)))
        about = draft_status(sender=Organ(organ_id=ENVIRONMENT), letter=letter("2"), code=StatusCode.ACCEPTED, at=AT)
        await exchange.hub.submit(receiver, sign(build(about), key_of(home, ENVIRONMENT)))


def test_a_party_cannot_write_receipts(home: Path) -> None:
    forged = Receipt(
        id="x",
        event=Event.CONTENT_HANDOVER,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        issuer=Actor(code="000.00.99.H56"),
        sender=Actor(code=LAM_SON),
        receivers=(),
        message_id="a\nletter.edxml: valid",
        digest="00" * 32,
        size=1,
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    evidence = Evidence(anchors=load_many((home / "trust-anchor.pem").read_bytes()))
    data = seal(state(forged), key_of(home, ENVIRONMENT))
    found = examine(data, evidence, Policy(), datetime.now(UTC))
    assert (found.verdict, found.reason) == ("invalid", "not-evidence-issuer")
    genuine = load_pem((home / "keys/hub.key.pem").read_bytes(), (home / "keys/hub.cert.pem").read_bytes())
    honest = examine(seal(state(forged), genuine), evidence, Policy(), datetime.now(UTC))
    assert honest.verdict == "valid"
    assert "\n" not in plain(honest.text)


async def test_a_huge_value_poisons_no_statement(home: Path) -> None:
    async with open_exchange(Home(home)) as exchange:
        sender = await party_of(exchange, LAM_SON)
        data = sign(build(letter("1")), key_of(home, LAM_SON))
        poisoned = data.replace(b"2001/04/xmldsig-more#ecdsa", b"a" * 9_000_000)
        with pytest.raises(Rejected) as caught:
            await exchange.hub.submit(sender, poisoned)
        assert caught.value.reason.code == "signature-algorithm"
        assert len(str(caught.value)) < 1000
        assert await seal_waiting(exchange.hub) == (1, {})


async def test_a_retry_saves_its_bytes_from_the_sweep(home: Path) -> None:
    data = sign(build(letter("1", size=100_000)), key_of(home, LAM_SON))
    async with open_exchange(Home(home)) as exchange:
        sender, hub = await party_of(exchange, LAM_SON), exchange.hub
        import hashlib

        digest = hashlib.sha256(data).hexdigest()
        await hub.blobs.put(digest, data)
        path = home / "blobs" / digest[:2] / digest
        os.utime(path, (time.time() - 90_000, time.time() - 90_000))
        before = datetime.fromtimestamp(time.time() - 80_000, UTC)
        assert await hub.blobs.before(before) == [digest]
        await hub.submit(sender, data)
        assert await hub.blobs.discard(digest, before) is False
        assert await hub.blobs.get(digest) == data
        assert await discard_orphans(hub) == 0


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_signing_time_at_the_end_of_the_calendar(moment: str) -> None:
    vector = Path(__file__).parents[1] / "vectors/signatures/hostile/xades-signingtime-malformed.xml"
    data = vector.read_text(encoding="utf-8").replace("not-a-date", moment)
    found = examine(data.encode(), Evidence(anchors=()), Policy(), datetime.now(UTC))
    assert found.verdict == "invalid"
