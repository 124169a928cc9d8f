"""The loss test of one machine: `make loss`. Prints its counts; exit code 1 when anything is lost, doubled or changed.

Sixteen clients send letters to a hub that is killed by SIGKILL again and again at random moments, while readers fetch and
acknowledge. Then come runs in which flushing, renaming and writing fail at random, or the disk is full. After each run the
hub is looked through from its storage alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.receipt import open_receipt
from envelopes.signature.sign import sign
from exchange.client import Client
from exchange.config import Home
from exchange.core.finding import Search
from exchange.core.model import PartyId
from exchange.core.reading import bytes_of
from exchange.core.sweep import discard_orphans, seal_waiting
from exchange.sandbox import making, ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from exchange.verification import examine
from exchange.wiring import open_exchange
from trust_store.certificate import load_many
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.keys import load_pem
from trust_store.policy import Policy

SENDERS, READERS = 16, 4
INLINE = 11_500
"""Between the two sizes of the letters, so that half of them are kept with their records and half as files."""
ROOT = Path(__file__).parents[2]
FAULTS = {
    "flush fails": ["enable_random name=posix/io/sync/*,probability=0.03"],
    "rename fails": ["enable_random name=posix/io/dir/rename,probability=0.2"],
    "write fails": ["enable_random name=posix/io/rw/pwrite*,probability=0.02"],
}


@dataclass(slots=True)
class Count:
    """Count what happened in one run."""

    sent: int = 0
    kills: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    receipts: dict[int, str] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Server:
    """Run the hub as a process of its own at one port, and run it again after it is killed."""

    def __init__(self, home: Path, wrapper: list[str], limits: dict[int, int] | None = None) -> None:
        self.home, self.wrapper, self.limit = home, wrapper, limits or {}
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [*self.wrapper, sys.executable, "-m", "exchange", "serve", "--dir", str(self.home)]
        environment = {**os.environ, "CONGVAN_REQUESTS_PER_SECOND": "0", "CONGVAN_SWEEP_SECONDS": "0.5"}
        environment["CONGVAN_INLINE_BYTES"] = str(INLINE)
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)

    async def ready(self) -> None:
        for _ in range(600):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise SystemExit("the hub did not come up")


def token_of(record: ready.Ready, code: str) -> str:
    """Give a party's token."""
    party = record.party(code)
    assert party is not None
    return party.token


def letters_of(home: Path, count: int) -> list[bytes]:
    """Sign letters, each with bytes of its own."""
    stem = home / "parties" / LAM_SON
    key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
    return [
        sign(
            build(
                draft_letter(
                    sender=Organ(organ_id=LAM_SON),
                    receivers=[Organ(organ_id=ENVIRONMENT)],
                    number=str(number),
                    notation="CV-MAT",
                    subject=f"Thư số {number}",
                    at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
                    files=[("a.pdf", b"%PDF-1.4 " + os.urandom(3000 * (number % 2 + 1)))],
                )
            ),
            key,
        )
        for number in range(1, count + 1)
    ]


async def send(url: str, token: str, work: list[tuple[int, bytes]], count: Count, again: bool = False) -> None:
    """Send letters, each until it has its receipt; a receipt that differs from an earlier one is an error."""
    async with Client(url, token, timeout=20) as client:
        while work:
            index, letter = work.pop()
            deadline = time.monotonic() + 120
            while True:
                try:
                    receipt = (await client.submit(letter)).receipt
                    break
                except Refused as refusal:
                    count.refusals[refusal.reason.code] += 1
                    if time.monotonic() > deadline:
                        count.wrong.append(f"letter {index} was never taken on: {refusal.reason.code}")
                        return
                    await asyncio.sleep(random.uniform(0.01, 0.1))
            if count.receipts.setdefault(index, receipt) != receipt:
                count.wrong.append(f"letter {index} got a second receipt")
            count.sent += not again


async def read(url: str, token: str, done: asyncio.Event, count: Count) -> None:
    """Fetch and acknowledge what waits; one delivery has one receipt for ever, and its bytes are the sender's."""
    async with Client(url, token, timeout=20) as client:
        while not done.is_set():
            with contextlib.suppress(Refused):
                for item in await client.lease(limit=8, lease=5, wait=0.2):
                    if hashlib.sha256(await client.content(item.message)).hexdigest() != item.digest:
                        count.wrong.append(f"{item.message} came with other bytes")
                    receipt = (await client.acknowledge(item.delivery)).receipt
                    if count.acknowledged.setdefault(item.delivery, receipt) != receipt:
                        count.wrong.append(f"{item.delivery} got a second receipt")
            await asyncio.sleep(0.01)


async def kill_at_random(server: Server, kills: int, done: asyncio.Event, count: Count) -> None:
    """Kill and restart the hub a number of times at random moments while it is busy."""
    while count.kills < kills and not done.is_set():
        await server.ready()
        await asyncio.sleep(random.uniform(0.1, 1.2))
        await asyncio.to_thread(server.kill)
        count.kills += 1
        server.start()


async def run(home: Path, letters: list[bytes], server: Server, kills: int) -> Count:
    """Send everything through a hub that is killed meanwhile, then send everything once more."""
    count, record, done = Count(), ready.read(home / ready.FILE), asyncio.Event()
    sender, reader = token_of(record, LAM_SON), token_of(record, ENVIRONMENT)
    work = list(enumerate(letters))
    random.shuffle(work)
    server.start()
    await server.ready()
    killer = asyncio.create_task(kill_at_random(server, kills, done, count))
    readers = [asyncio.create_task(read(server.url, reader, done, count)) for _ in range(READERS)]
    await asyncio.gather(*(send(server.url, sender, work, count) for _ in range(SENDERS)))
    if kills:
        extra = list(enumerate(letters))
        while count.kills < kills:  # there must be traffic under every kill
            await send(server.url, sender, extra[:25], count, again=True)
    await killer
    again = list(enumerate(letters))
    await asyncio.gather(*(send(server.url, sender, again, count, again=True) for _ in range(SENDERS)))
    done.set()
    await asyncio.gather(*readers)
    if server.process is not None:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=60)
    return count


class Later:
    """Tell a time after every age that the sweep waits for."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=30)


async def check(home: Path, letters: list[bytes], count: Count) -> dict[str, int]:
    """Look the stopped hub through from its storage alone."""
    found: Counter[str] = Counter()
    evidence = Evidence(anchors=load_many((home / "trust-anchor.pem").read_bytes()))
    now = datetime.now(UTC)
    async with open_exchange(Home(home), clock=Later()) as exchange:
        hub = exchange.hub
        _, failed = await seal_waiting(hub, 1_000_000)
        found["unsealed"] = len(failed)
        found["orphans swept"] = await discard_orphans(hub)
        kept: Counter[str] = Counter()
        for filed in await hub.store.messages.sent(PartyId(LAM_SON), Search(kind="letter", limit=1_000_000)):
            kept[filed.digest] += 1
            data = await bytes_of(hub, filed)
            found["stored"] += 1
            found["verify"] += examine(data, evidence, Policy(), now).verdict == "valid"
            found["deliveries"] += len(await hub.store.mailboxes.of_message(filed.key))
        for index, receipt in count.receipts.items():
            digest = hashlib.sha256(letters[index]).hexdigest()
            found["receipts right"] += open_receipt(receipt.encode())[0].digest == digest
            found["present once"] += kept[digest] == 1
        wanted = {
            filed.digest
            for party in await hub.store.directory.all()
            for filed in await hub.store.messages.sent(party.id, Search(limit=1_000_000))
        }
        blobs = set(await hub.blobs.before(Later().now()))
        found["as files"] = len(blobs)
        found["orphans left"] = len(blobs - wanted)
    return dict(found)


async def scene(name: str, template: Path, letters: list[bytes], wrapper: list[str], kills: int) -> bool:
    """Play one run on a copy of the hub; print its counts and tell whether all is well."""
    with tempfile.TemporaryDirectory(prefix="congvan-loss-") as folder:
        home = Path(folder) / "hub"
        shutil.copytree(template, home)
        server = Server(home, wrapper)
        started = time.monotonic()
        try:
            count = await run(home, letters, server, kills)
        finally:
            server.kill()
        found = await check(home, letters, count)
    expected = {"stored", "verify", "deliveries", "receipts right", "present once"}
    well = not count.wrong and all(found.get(key) == len(letters) for key in expected)
    well = well and not found["unsealed"] and not found["orphans left"]
    print(f"{name}: {'nothing lost' if well else 'WRONG'}, {time.monotonic() - started:.0f} s")
    print(f"  letters {len(letters)}, receipts {len(count.receipts)}, killed {count.kills} times")
    print(f"  acknowledged by readers {len(count.acknowledged)}; refused meanwhile {dict(count.refusals)}")
    print("  in storage: " + ", ".join(f"{key} {value}" for key, value in found.items()))
    for line in count.wrong[:10]:
        print(f"  {line}")
    return well


async def main() -> bool:
    """Play every run; the faults need fiu-run (Debian: fiu-utils) and are reported as left out without it."""
    options = argparse.ArgumentParser()
    options.add_argument("--letters", type=int, default=2000)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--fault-letters", type=int, default=200)
    options.add_argument("--seed", type=int, default=None)
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    random.seed(seed)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="congvan-loss-") as folder:
        template = Path(folder) / "hub"
        await making.make(template, history=False)
        letters = letters_of(template, max(chosen.letters, chosen.fault_letters))
        well = await scene("killed at random", template, letters[: chosen.letters], [], chosen.kills)
        for name, faults in FAULTS.items():
            if shutil.which("fiu-run") is None:
                print(f"{name}: LEFT OUT, fiu-run is not installed")
                continue
            wrapper = ["fiu-run", "-x", *(part for fault in faults for part in ("-c", fault))]
            well &= await scene(name, template, letters[: chosen.fault_letters], wrapper, 2)
        small = ["bash", "-c", 'ulimit -f 2600; exec "$@"', "bash"]
        well &= await full_disk(template, letters[: chosen.fault_letters * 3], small)
    return well


async def full_disk(template: Path, letters: list[bytes], wrapper: list[str]) -> bool:
    """Let no file grow beyond 2.6 MB, so that the database is full in the middle; then serve without that limit."""
    with tempfile.TemporaryDirectory(prefix="congvan-loss-") as folder:
        home = Path(folder) / "hub"
        shutil.copytree(template, home)
        server, count = Server(home, wrapper), Count()
        record = ready.read(home / ready.FILE)
        token = token_of(record, LAM_SON)
        server.start()
        await server.ready()
        for index, letter in enumerate(letters):
            async with Client(server.url, token, timeout=20) as client:
                try:
                    count.receipts[index] = (await client.submit(letter)).receipt
                except Refused as refusal:
                    count.refusals[refusal.reason.code] += 1
                    if count.refusals.total() >= 5:
                        break
        server.kill()
        taken, refused = len(count.receipts), dict(count.refusals)
        server.wrapper = []
        try:
            count = await _after(home, letters, server, count)
        finally:
            server.kill()
        found = await check(home, letters, count)
    well = bool(refused) and 0 < taken < len(letters) and not count.wrong and found["present once"] == len(letters)
    print(f"disk full: {'nothing lost' if well else 'WRONG'}")
    print(f"  taken on before {taken}, then refused with {refused}; afterwards {len(count.receipts)} receipts")
    print("  in storage: " + ", ".join(f"{key} {value}" for key, value in found.items()))
    return well


async def _after(home: Path, letters: list[bytes], server: Server, before: Count) -> Count:
    count = await run(home, letters, server, 0)
    changed = [index for index, receipt in before.receipts.items() if count.receipts.get(index) != receipt]
    count.wrong += [f"letter {index} got another receipt afterwards" for index in changed]
    return count


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
