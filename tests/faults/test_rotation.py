"""The hub changes its key while it serves: killed after every step, under load, by several processes; one of the keys always works.

A receipt is a function of its statement, whichever process seals it, before, during or after the change; every receipt
verifies with the trust anchor alone, and every retry gets the same bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Event, open_receipt
from envelopes.signature.sign import sign
from exchange.cli.main import cli
from exchange.client import Client, Trust
from exchange.config import Home
from exchange.core.keys import LEAD
from exchange.core.model import PartyId
from exchange.core.sweep import seal_waiting
from exchange.keys.ring import FRESH
from exchange.operation.backup import back_up
from exchange.operation.doctor import examine_hub
from exchange.operation.restore import restore
from exchange.rotation import Wanted, rotate
from exchange.sandbox import making, ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from exchange.verification import examine
from exchange.wiring import open_exchange
from tests.faults import nursery
from trust_store.certificate import load_many
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.keys import load_pem
from trust_store.policy import Policy

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).parent / "rotation_process.py"
LATER = timedelta(seconds=90)
STEPS = ["rotate.1-write", "rotate.2-try", "rotate.3-announce"]


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rotation") / "hub"
    asyncio.run(making.make(folder, history=False))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "hub")
    return tmp_path / "hub"


def run(*arguments: object, code: int = 0) -> str:
    """Run a command in a thread, for it has a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(CliRunner().invoke, cli, [str(item) for item in arguments]).result()
    assert found.exit_code == code, found.output
    return found.output


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    return [int(each) for each in listed.stdout.split()]


def letter(home: Path, number: int) -> bytes:
    stem = home / "parties" / LAM_SON
    key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
    drafted = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=ENVIRONMENT)],
        number=str(number),
        notation="CV-K",
        subject="V/v thử",
        at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
    )
    return sign(build(drafted), key)


def verifies(home: Path, receipt: bytes, at: datetime | None = None) -> str:
    """Verify a receipt as anybody would; return the fingerprint of the key that sealed it."""
    evidence = Evidence(anchors=load_many((home / "trust-anchor.pem").read_bytes()))
    found = examine(receipt, evidence, Policy(), at or datetime.now(UTC))
    assert found.verdict == "valid", found.text
    return open_receipt(receipt)[1].chain[0].fingerprint


async def submit(exchange, home: Path, number: int) -> bytes:
    sender = await exchange.hub.store.directory.get(PartyId(LAM_SON))
    _, receipt = await exchange.hub.submit(sender, letter(home, number))
    return receipt.xml


@pytest.mark.parametrize("step", STEPS)
def test_kill_after_each_step(step: str, home: Path) -> None:
    assert nursery.run(CHILD, home, step) == (-signal.SIGKILL, b"")
    (old, *new) = run("hub", "key", "list", "--dir", home).splitlines()
    assert "\tsigns\t" in old
    assert len(new) == (step == STEPS[-1])
    lying = {item.rule.name for item in examine_hub(Home(home), at=datetime.now(UTC), environment={})} & {
        "hub-key-unused"
    }
    assert bool(lying) is (step != STEPS[-1])

    async def go_on() -> None:
        clock = Clock()
        async with open_exchange(Home(home), clock=clock) as exchange:
            assert verifies(home, await submit(exchange, home, 1)) == old.split("\t")[0]
            if not new:
                await rotate(exchange, Wanted(), exchange.hub.progress)
            else:
                with pytest.raises(Refused, match="hub-key-announced"):
                    await rotate(exchange, Wanted(), exchange.hub.progress)
            clock.ahead = LATER
            await asyncio.sleep(2 * FRESH)
            assert verifies(home, await submit(exchange, home, 2)) != old.split("\t")[0]

    asyncio.run(go_on())
    assert "\tsigns\t" in run("hub", "key", "check", "--dir", home) + run("hub", "key", "list", "--dir", home)


async def test_what_was_stated_before_the_change_is_sealed_as_ever(home: Path) -> None:
    """A crash between statement and seal, then a change of keys: the retry gets what was answered, by the old key."""
    clock = Clock()
    async with open_exchange(Home(home), clock=clock) as exchange:
        answered = await submit(exchange, home, 1)
    with sqlite3.connect(home / "hub.db") as connection:
        connection.execute("UPDATE evidence SET sealed = NULL")
    connection.close()
    async with open_exchange(Home(home), clock=clock) as exchange:
        await rotate(exchange, Wanted(), exchange.hub.progress)
        clock.ahead = LATER
        await asyncio.sleep(2 * FRESH)
        later = await submit(exchange, home, 2)
        assert await submit(exchange, home, 1) == answered
        assert verifies(home, answered) != verifies(home, later)
        await seal_waiting(exchange.hub)
    assert not [
        item
        for item in examine_hub(Home(home), at=clock.now(), deep=True, environment={})
        if item.rule.name == "receipt-unverified"
    ]


async def test_every_retry_gets_the_stored_receipt_after_any_number_of_changes(home: Path) -> None:
    clock, receipts = Clock(), dict[int, bytes]()
    async with open_exchange(Home(home), clock=clock) as exchange:
        for number in range(1, 5):
            receipts[number] = await submit(exchange, home, number)
            await rotate(exchange, Wanted(), exchange.hub.progress)
            clock.ahead += LATER
            await asyncio.sleep(2 * FRESH)
        assert len({verifies(home, item, clock.now()) for item in receipts.values()}) == 4
    async with open_exchange(Home(home), clock=clock) as exchange:
        for number, receipt in receipts.items():
            assert await submit(exchange, home, number) == receipt
        trust = Trust.of([(home / "trust-anchor.pem").read_bytes()])
        for receipt in receipts.values():
            digest = open_receipt(receipt)[0].digest
            trust.read_receipt(receipt, digest=digest, event=Event.SUBMISSION_ACCEPTANCE, at=clock.now())


async def test_a_compromised_key_is_retired_and_signs_nothing_more(home: Path) -> None:
    async with open_exchange(Home(home)) as exchange:
        before = await submit(exchange, home, 1)
    old = verifies(home, before)
    with sqlite3.connect(home / "hub.db") as connection:
        connection.execute("UPDATE evidence SET sealed = NULL")
    connection.close()
    assert "hub-key-last" in run("hub", "key", "retire", "--dir", home, "--why", "mất", old[:12], code=1)
    (home / "keys" / "hub.key.pem").unlink()
    run("hub", "key", "rotate", "--dir", home, "--at", (datetime.now(UTC) + timedelta(days=1)).isoformat())
    since = datetime.now(UTC) - timedelta(hours=1)
    said = run("hub", "key", "retire", "--dir", home, "--why", "mất", "--compromised-from", since.isoformat(), old[:12])
    assert said.startswith(old)
    listed = run("hub", "key", "list", "--dir", home)
    assert [line.split("\t")[1] for line in listed.splitlines()] == ["compromised", "signs"]
    async with open_exchange(Home(home)) as exchange:
        assert verifies(home, await submit(exchange, home, 2)) != old
        assert verifies(home, await submit(exchange, home, 1)) != old, "what it had not sealed for good"
        assert (await seal_waiting(exchange.hub))[1] == {}
        (revoked,) = (await exchange.hub.store.trust.evidence()).revoked
        assert revoked.at == since
    assert "hub-key-retired" in run("audit", "list", "--dir", home)
    names = {item.rule.name for item in examine_hub(Home(home), at=datetime.now(UTC), deep=True, environment={})}
    assert not names & {"key-unusable", "receipt-unverified", "hub-key-missing"}


async def test_a_key_that_would_sign_too_soon_or_not_be_believed_is_refused(home: Path, tmp_path: Path) -> None:
    async with open_exchange(Home(home)) as exchange:
        with pytest.raises(Refused, match="hub-key-too-soon"):
            await rotate(exchange, Wanted(since=datetime.now(UTC) + LEAD / 2), exchange.hub.progress)
        stem = home / "parties" / LAM_SON
        party = Wanted(name=f"{stem}.key.pem", certificates=Path(f"{stem}.cert.pem").read_bytes())
        with pytest.raises(Refused, match="not-evidence-issuer"):
            await rotate(exchange, party, exchange.hub.progress)
        other = Wanted(name=f"{stem}.key.pem", certificates=(home / "keys" / "hub.cert.pem").read_bytes())
        with pytest.raises(Refused, match="key-mismatch"):
            await rotate(exchange, other, exchange.hub.progress)
        assert len(await exchange.hub_keys.known()) == 1


async def test_a_named_key_is_taken_once(home: Path, tmp_path: Path) -> None:
    own = f"{home / 'parties' / LAM_SON}.key.pem"
    async with open_exchange(Home(home)) as exchange:
        made = await rotate(exchange, Wanted(name=own), exchange.hub.progress)
        assert await rotate(exchange, Wanted(name=own), exchange.hub.progress) == made
        assert made.place == f"parties/{LAM_SON}.key.pem"


async def test_a_key_put_in_place_by_hand_is_taken_in(home: Path, tmp_path: Path) -> None:
    clock = Clock()
    async with open_exchange(Home(home), clock=clock) as exchange:
        old = verifies(home, await submit(exchange, home, 1))
        made = await rotate(exchange, Wanted(), exchange.hub.progress)
    shutil.copy(home / made.place, home / "keys" / "hub.key.pem")
    (home / "keys" / "hub.cert.pem").write_bytes(made.certificate.pem)
    async with open_exchange(Home(home), clock=clock) as exchange:
        assert [each.place for each in await exchange.hub_keys.known() if each.retired_at is None] == [
            "keys/hub.key.pem"
        ]
        assert verifies(home, await submit(exchange, home, 2)) == made.certificate.fingerprint != old


async def test_a_backup_has_all_keys_and_what_is_known_of_them(home: Path, tmp_path: Path) -> None:
    clock = Clock()
    async with open_exchange(Home(home), clock=clock) as exchange:
        receipts = {1: await submit(exchange, home, 1)}
        await rotate(exchange, Wanted(), exchange.hub.progress)
        clock.ahead = LATER
        await asyncio.sleep(2 * FRESH)
        receipts[2] = await submit(exchange, home, 2)
        known = list(await exchange.hub_keys.known())
    back_up(Home(home), tmp_path / "backup", at=clock.now(), with_keys=True)
    restore(tmp_path / "backup", Home(tmp_path / "new"))
    back_up(Home(home), tmp_path / "bare", at=clock.now())
    restore(tmp_path / "bare", Home(tmp_path / "other"), home / "keys")
    for folder in ("new", "other"):
        async with open_exchange(Home(tmp_path / folder), clock=clock) as exchange:
            assert list(await exchange.hub_keys.known()) == known
            for number, receipt in receipts.items():
                assert await submit(exchange, home, number) == receipt
            verifies(home, await submit(exchange, home, 3))


@contextlib.contextmanager
def serving(home: Path, workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(home), "--port", "0", "--workers", str(workers)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the hub did not come up"
        yield process, found[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


async def test_a_hub_of_several_processes_changes_its_key_while_it_serves(home: Path) -> None:
    """Letters all the time, on a new connection each; processes are killed around the change; then every letter again."""
    record = ready.read(home / ready.FILE)
    party = record.party(LAM_SON)
    assert party is not None
    sent: dict[int, tuple[bytes, bytes, datetime]] = {}
    with serving(home, 3) as (process, url):

        async def send(data: bytes) -> tuple[bytes, datetime]:
            async with asyncio.timeout(30):
                while True:
                    with contextlib.suppress(Refused):
                        async with Client(url, party.token) as client:
                            view = await client.submit(data)
                            return view.receipt.encode(), view.submitted_at
                    await asyncio.sleep(0.05)

        since, number = datetime.now(UTC) + 3 * LEAD, 0
        said = run("hub", "key", "rotate", "--dir", home, "--at", since.isoformat())
        victims = workers_of(process)
        while sum(at >= since for _, _, at in sent.values()) < 8:
            number += 1
            data = letter(home, number)
            receipt, at = await send(data)
            sent[number] = data, receipt, at
            if victims and abs((datetime.now(UTC) - since).total_seconds()) < 1:
                os.kill(victims.pop(), signal.SIGKILL)
        new = said.split("\t")[0]
        known = {number: verifies(home, receipt) for number, (_, receipt, _) in sent.items()}
        begun = min(at for number, (_, _, at) in sent.items() if known[number] == new)
        for number, (data, receipt, at) in sent.items():
            assert (known[number] == new) is (at >= begun), "which key seals follows from the moment that is stated"
            assert (await send(data))[0] == receipt
        async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/trust") as answer:
            told = await answer.json()
    assert len(set(known.values())) == 2
    first, second = told["certificates"]
    assert first["signs_until"] == second["signs_from"]
    assert told["certificate"] == second["certificate"]
    assert second["fingerprint"] == new


async def test_an_announced_key_is_shown_before_it_signs(home: Path) -> None:
    with serving(home, 1) as (_, url):
        run("hub", "key", "rotate", "--dir", home, "--at", (datetime.now(UTC) + timedelta(days=1)).isoformat())
        await asyncio.sleep(0.5)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/trust") as answer:
            told = await answer.json()
    assert [each["signs_until"] is None for each in told["certificates"]] == [False, True]
    assert told["certificate"] == told["certificates"][0]["certificate"]
