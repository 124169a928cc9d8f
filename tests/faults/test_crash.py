"""Kill the process with SIGKILL after every numbered step of submit and of acknowledge, and look what is left.

Nothing lost: what was committed is there without a retry. Nothing doubled: one message, one delivery a receiver, one
piece of evidence an event. The retry gets the receipt, and every later retry the very same bytes.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Event, open_receipt
from envelopes.signature.sign import sign
from exchange.config import Home
from exchange.core.hub import Hub
from exchange.core.model import MessageKey, PartyId, delivery_key, message_key
from exchange.core.reading import bytes_of
from exchange.core.sweep import seal_waiting
from exchange.sandbox import making
from exchange.sandbox.province import ENVIRONMENT, LAM_SON, ONE_STOP
from exchange.wiring import open_exchange
from tests.faults import nursery
from trust_store.keys import load_pem

T = TypeVar("T")
CHILD = Path(__file__).parent / "hub_process.py"
ROOT = Path(__file__).parents[2]
SENDER = PartyId(LAM_SON)
RECEIVERS = {PartyId(ONE_STOP), PartyId(ENVIRONMENT)}
SUBMIT = ["1-open", "2-believe", "3-address", "4-keep", "5-commit", "6-sequence", "7-seal", "8-ring"]
ACKNOWLEDGE = ["1-find", "2-commit", "3-sequence", "4-seal", "5-ring"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "hub"
    asyncio.run(making.make(folder, history=False))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "hub")
    return tmp_path / "hub"


@pytest.fixture
def letter(home: Path) -> Path:
    drafted = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=code) for code in sorted(RECEIVERS)],
        number="1",
        notation="CV-LS",
        subject="Thử sự cố",
        at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
        files=[("a.pdf", b"%PDF-1.4 " + b"x" * 5000)],
    )
    stem = home / "parties" / LAM_SON
    key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
    path = home.parent / "letter.edxml"
    path.write_bytes(sign(build(drafted), key))
    return path


def _key() -> MessageKey:
    return message_key(SENDER, f"{LAM_SON},2026/11/23,1/CV-LS")


def _run(home: Path, party: str, last: str, action: str, argument: str) -> tuple[int, bytes]:
    code, out = nursery.run(CHILD, home, party, last, action, argument)
    lines = [line for line in out.decode().splitlines() if not line.startswith("20")]
    return code, bytes.fromhex(lines[-1]) if lines else b""


def _with_hub(home: Path, look: Callable[[Hub], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_exchange(Home(home)) as exchange:
            return await look(exchange.hub)

    return asyncio.run(run())


async def _check_whole(hub: Hub) -> None:
    """Recompute from storage alone what must hold of a letter that was taken on."""
    filed = await hub.store.messages.get(_key())
    assert filed is not None
    data = await bytes_of(hub, filed)
    assert len(data) == filed.size
    assert Counter(item.receiver for item in await hub.store.mailboxes.of_message(_key())) == Counter(RECEIVERS)
    statements = await hub.store.evidence.of_message(_key())
    told = Counter((item.event, item.receiver) for item in statements)
    assert told[Event.SUBMISSION_ACCEPTANCE, ""] == 1
    assert all(told[Event.CONTENT_CONSIGNMENT, receiver] == 1 for receiver in RECEIVERS)
    assert max(told.values()) == 1
    for statement in statements:
        if statement.sealed is not None:
            receipt, _ = open_receipt(statement.sealed)
            assert (receipt.id, receipt.digest) == (statement.id, filed.digest)


@pytest.mark.parametrize("inline", ["0", "65536"], ids=["blob", "inline"])
@pytest.mark.parametrize("step", SUBMIT)
def test_kill_in_submit(step: str, inline: str, home: Path, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONGVAN_INLINE_BYTES", inline)
    code, printed = _run(home, SENDER, f"submit.{step}", "submit", str(letter))
    assert (code, printed) == (-signal.SIGKILL, b"")

    committed = step >= "5"
    before = _with_hub(home, lambda hub: hub.store.messages.get(_key()))
    assert (before is not None) == committed
    if committed:
        _with_hub(home, _check_whole)
    stored = _with_hub(home, _stored_receipt)
    assert stored is None or step >= "7"  # the sealed receipt is written soon after it is signed

    code, receipt = _run(home, SENDER, "none", "submit", str(letter))
    assert code == 0
    assert stored in {None, receipt}
    assert open_receipt(receipt)[0].event is Event.SUBMISSION_ACCEPTANCE
    if before is not None:
        assert open_receipt(receipt)[0].at == before.submitted_at
    assert _run(home, SENDER, "none", "submit", str(letter)) == (0, receipt)
    _with_hub(home, _check_whole)


@pytest.mark.parametrize("step", ACKNOWLEDGE)
def test_kill_in_acknowledge(step: str, home: Path, letter: Path) -> None:
    assert _run(home, SENDER, "none", "submit", str(letter))[0] == 0
    reader = PartyId(ENVIRONMENT)
    delivery = delivery_key(_key(), reader)

    code, printed = _run(home, reader, f"acknowledge.{step}", "acknowledge", delivery)
    assert (code, printed) == (-signal.SIGKILL, b"")

    left = _with_hub(home, lambda hub: hub.store.mailboxes.get(reader, delivery))
    assert left is not None
    assert (left.handed_over_at is not None) == (step >= "2")

    code, receipt = _run(home, reader, "none", "acknowledge", delivery)
    assert code == 0
    stated, _ = open_receipt(receipt)
    assert (stated.event, stated.refers_to) == (Event.CONTENT_HANDOVER, reader)
    if left.handed_over_at is not None:
        assert stated.at == left.handed_over_at
    assert _run(home, reader, "none", "acknowledge", delivery) == (0, receipt)
    _with_hub(home, _check_whole)


def test_the_sweep_seals_what_a_crash_left(home: Path, letter: Path) -> None:
    _run(home, SENDER, "submit.5-commit", "submit", str(letter))

    async def sweep(hub: Hub) -> object:
        return await seal_waiting(hub), await seal_waiting(hub)

    assert _with_hub(home, sweep) == ((3, {}), (0, {}))
    swept = _with_hub(home, _stored_receipt)
    assert _run(home, SENDER, "none", "submit", str(letter)) == (0, swept)


def test_a_small_letter_is_kept_with_its_record_and_leaves_no_orphan(home: Path, letter: Path) -> None:
    _run(home, SENDER, "submit.4-keep", "submit", str(letter))
    assert _run(home, SENDER, "none", "submit", str(letter))[0] == 0
    assert list((home / "blobs").glob("??/*")) == []
    _with_hub(home, _check_whole)


def test_a_crash_after_keep_leaves_an_orphan_that_the_sweep_finds(
    home: Path, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import time

    from exchange.core.sweep import discard_orphans

    monkeypatch.setenv("CONGVAN_INLINE_BYTES", "0")
    _run(home, SENDER, "submit.4-keep", "submit", str(letter))
    (orphan,) = (home / "blobs").glob("??/*")
    assert _with_hub(home, discard_orphans) == 0
    os.utime(orphan, (time.time() - 90_000, time.time() - 90_000))
    assert _with_hub(home, discard_orphans) == 1
    assert not orphan.exists()


async def _stored_receipt(hub: Hub) -> bytes | None:
    filed = await hub.store.messages.get(_key())
    statement = await hub.store.evidence.get(filed.receipt) if filed else None
    return statement.sealed if statement else None
