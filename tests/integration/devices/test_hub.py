"""A hub whose key is in a soft token: made, served by one and by several processes, verified by us and by xmlsec1, and in trouble."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.base import Desk
from adapters.courier import Courier
from adapters.folder.adapter import Folder
from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.cli.main import cli
from exchange.client import Client, Refused, Trust, open_key
from exchange.config import Home
from exchange.core.model import PartyId
from exchange.keys.device import PAUSE
from exchange.wiring import open_exchange
from trust_store.keys import HeldKey, load_pem

ROOT = Path(__file__).parents[3]
PIN, WRONG = "2468013579", "9753108642"
PARTY, RECEIVER = "2899000016", "000.00.12.H56"


def run(*arguments: object, code: int = 0, **environment: str) -> str:
    """Run a command in a thread, for it has a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        invoke = partial(
            CliRunner(env={"CONGVAN_PIN": None}).invoke, cli, [str(item) for item in arguments], env=environment
        )
        found = pool.submit(invoke).result()
    return _said(found.exit_code, code, found.stdout, found.stderr)


def apart(*arguments: object, code: int = 0, **environment: str) -> str:
    """Run a command in a process of its own, which no device has let in yet."""
    command = [sys.executable, "-m", "exchange", *map(str, arguments)]
    known = {name: value for name, value in os.environ.items() if name != "CONGVAN_PIN"} | environment
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=ROOT, env=known)
    return _said(done.returncode, code, done.stdout, done.stderr)


def _said(found: int, code: int, output: str, error: str) -> str:
    assert found == code, error
    for secret in (PIN, WRONG):
        assert secret not in output + error
    return output if code == 0 else error


class Place:
    """Hold a hub with its key in a token, its party's key in files, and what was said when it was made."""

    def __init__(self, folder: Path, token, held: HeldKey) -> None:
        self.folder, self.home, self.token, self.pin = folder, folder / "hub", token, folder / "pin"
        self.pin.write_text(PIN + "\n")
        self.pin.chmod(0o600)
        token.put(held, "hub", "0a")
        self.name = token.name("hub", pin_source=self.pin)
        named = ("--name", "Trục thử nghiệm", "--code", "000.00.99.H56")
        run("init", "--dir", self.home, *named, "--key", self.name)
        said = run("party", "add", "--dir", self.home, "--kind", "enterprise", PARTY, "A")
        self.bearer = re.search(r"cv_[\w-]+", said)[0]
        run("party", "add", "--dir", self.home, "--kind", "agency", RECEIVER, "B")
        run("cert", "issue", "--dir", self.home, "--out", folder, "--password", "x", PARTY)

    def letter(self, number: int) -> bytes:
        stem = self.folder / PARTY
        key = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
        drafted = draft_letter(
            sender=Organ(organ_id=PARTY),
            receivers=[Organ(organ_id=RECEIVER)],
            number=str(number),
            notation="CV-T",
            subject="V/v thử",
            at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
        )
        return sign(build(drafted), key)

    @contextlib.contextmanager
    def serving(self, workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
        command = [sys.executable, "-m", "exchange", "serve", "--dir", str(self.home), "--port", "0"]
        log = (self.folder / "log").open("a")
        process = subprocess.Popen(
            [*command, "--workers", str(workers)], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None, (self.folder / "log").read_text()
            yield process, found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            log.close()
            assert process.stdout is not None
            process.stdout.close()
            assert PIN not in (self.folder / "log").read_text()


@pytest.fixture
def rsa_key(authority: HeldKey, token) -> HeldKey:
    return token.issue(authority, lambda: rsa.generate_private_key(65537, 2048))


async def _insist(url: str, bearer: str, data: bytes) -> bytes:
    async with asyncio.timeout(40):
        while True:
            with contextlib.suppress(Refused):
                async with Client(url, bearer) as client:
                    return (await client.submit(data)).receipt.encode()
            await asyncio.sleep(0.1)


async def test_several_processes_sign_by_the_token_and_are_killed(tmp_path: Path, token, one: HeldKey) -> None:
    """ECDSA in a device signs by chance, so the same receipt again means that the stored one was given."""
    place, receipts = Place(tmp_path, token, one), dict[int, bytes]()
    with place.serving(2) as (process, url):
        workers = token.run("pgrep", "-P", str(process.pid)).split()
        assert len(workers) == 2
        for number in range(1, 21):
            if number in {7, 14}:
                os.kill(int(workers.pop()), signal.SIGKILL)
            receipts[number] = await _insist(url, place.bearer, place.letter(number))
        for number, receipt in receipts.items():
            assert await _insist(url, place.bearer, place.letter(number)) == receipt
    with place.serving(1) as (_, url):
        assert await _insist(url, place.bearer, place.letter(3)) == receipts[3]
        async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
            assert answer.status == 200
    for number, receipt in receipts.items():
        (tmp_path / f"{number}.xml").write_bytes(receipt)
    files = [tmp_path / f"{number}.xml" for number in receipts]
    said = run("verify", "--anchor", place.home / "trust-anchor.pem", *files)
    assert said.count(": valid. SubmissionAcceptance") == 20
    if shutil.which("xmlsec1"):
        anchor = str(place.home / "trust-anchor.pem")
        token.run("xmlsec1", "--verify", "--enabled-key-data", "x509", "--trusted-pem", anchor, str(files[0]))


async def test_an_rsa_key_and_letters_signed_in_a_token_by_the_command_line(
    tmp_path: Path, token, rsa_key: HeldKey
) -> None:
    place = Place(tmp_path, token, rsa_key)
    stem = tmp_path / PARTY
    own = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
    token.put(own, "party", "0b", with_certificate=True)
    drafted = ("--from", PARTY, "--to", RECEIVER, "--number", "1", "--notation", "CV", "--subject", "x")
    run("letter", *drafted, "-o", tmp_path / "letter.edxml")
    name = token.name("party")
    assert apart("sign", "--key", name, tmp_path / "letter.edxml", code=1).startswith("key-pin-missing: ")
    assert apart("sign", "--key", name, tmp_path / "letter.edxml", code=1, CONGVAN_PIN=WRONG).startswith(
        "key-pin-wrong: "
    )
    assert "signed by" in run("sign", "--key", name, tmp_path / "letter.edxml", CONGVAN_PIN=PIN)
    assert "signed by" in run("sign", "--key", name, "--password-file", place.pin, tmp_path / "letter.edxml")
    with place.serving(1) as (_, url):
        told = run(
            "send",
            "--receipts",
            tmp_path / "receipts",
            tmp_path / "letter.signed.edxml",
            CONGVAN_URL=url,
            CONGVAN_TOKEN=place.bearer,
        )
        assert "accepted" in told
        code = run(
            "status", "m", "06", "--key", name, code=1, CONGVAN_URL=url, CONGVAN_TOKEN=place.bearer, CONGVAN_PIN=PIN
        )
        assert code.startswith("not-found: ")
    files = [*(tmp_path / "receipts").glob("*.xml"), tmp_path / "letter.signed.edxml"]
    assert run("verify", "--anchor", place.home / "trust-anchor.pem", *files).count(": valid. ") == 2


def test_somebody_at_a_terminal_is_asked_for_the_pin(tmp_path: Path, token, one: HeldKey) -> None:
    token.put(one, "k", "0a", with_certificate=True)
    (tmp_path / "a.xml").write_text("<a/>")
    terminal, inner = os.openpty()
    command = [sys.executable, "-m", "exchange", "sign", "--key", token.name("k"), str(tmp_path / "a.xml")]
    environment = {name: value for name, value in os.environ.items() if name != "CONGVAN_PIN"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=inner,
        stdout=subprocess.PIPE,
        stderr=inner,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(inner)
        shown = b""
        while b"PIN of the device" not in shown:
            shown += os.read(terminal, 1000)
        time.sleep(0.3)
        os.write(terminal, PIN.encode() + b"\n")
        assert process.stdout is not None
        assert "signed by" in process.stdout.read()
    os.close(terminal)


async def test_without_its_token_a_hub_keeps_letters_and_seals_them_when_it_is_back(
    tmp_path: Path, token, one: HeldKey
) -> None:
    place = Place(tmp_path, token, one)
    with place.serving(1) as (_, url):
        first = await _insist(url, place.bearer, place.letter(1))
        stored, away = token.place, tmp_path / "away"
        stored.rename(away)
        async with Client(url, place.bearer) as client:
            with pytest.raises(Refused) as refused:
                await client.submit(place.letter(2))
            assert refused.value.reason.code == "receipt-waits"
            assert "token" not in refused.value.text
            assert (await client.submit(place.letter(1))).receipt.encode() == first
            async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
                assert answer.status == 503
                assert "key does not sign" in await answer.text()
        away.rename(stored)
        assert await _insist(url, place.bearer, place.letter(2))
        await asyncio.sleep(2)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
            assert answer.status == 200
    assert "key-device-missing" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_wrong_pin_ends_the_start_with_its_reason_and_one_try(
    tmp_path: Path, token, one: HeldKey, workers: int
) -> None:
    place = Place(tmp_path, token, one)
    place.pin.write_text(WRONG)
    said = apart("serve", "--dir", place.home, "--port", "0", "--workers", workers, code=1)
    assert said.count("key-pin-wrong") == 1
    assert "workers-fail" not in said
    assert "key-unusable" not in run("doctor", "--dir", place.home)
    assert "key-pin-wrong" in apart("hub", "key", "check", "--dir", place.home, code=1)
    place.pin.write_text(PIN)
    assert "\tsigns\t" in run("hub", "key", "check", "--dir", place.home)


def test_administration_needs_no_token_and_a_key_moves_into_one(tmp_path: Path, token, authority: HeldKey) -> None:
    place = Place(tmp_path, token, token.issue(authority))
    token.put(token.issue(authority), "next", "0b")
    name = token.name("next", pin_source=place.pin)
    made = run("hub", "key", "rotate", "--dir", place.home, "--key", name).split("\t")
    assert run("hub", "key", "rotate", "--dir", place.home, "--key", name).split("\t")[0] == made[0]
    token.place.rename(tmp_path / "away")
    assert PARTY in run("party", "list", "--dir", place.home)
    states = [line.split("\t")[1] for line in run("hub", "key", "list", "--dir", place.home).splitlines()]
    assert len(states) == 2
    assert "key-device-missing" in apart("serve", "--dir", place.home, "--port", "0", code=1)
    assert PIN not in "".join(
        path.read_text(errors="replace") for path in (place.home / "hub.toml", *place.home.glob("hub.db*"))
    )


async def test_the_loop_goes_on_while_the_token_signs(tmp_path: Path, token, rsa_key: HeldKey) -> None:
    place = Place(tmp_path, token, rsa_key)
    gaps, stop = list[float](), asyncio.Event()

    async def watch() -> None:
        last = time.perf_counter()
        while not stop.is_set():
            await asyncio.sleep(0)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    letters = [place.letter(number) for number in range(1, 31)]
    async with open_exchange(Home(place.home)) as exchange:
        await exchange.require_key()
        sender = await exchange.hub.store.directory.get(PartyId(PARTY))
        assert (await exchange.hub.signer()).in_device
        watcher = asyncio.create_task(watch())
        begun = time.perf_counter()
        await asyncio.gather(*(exchange.hub.submit(sender, data) for data in letters))
        spent = time.perf_counter() - begun
        stop.set()
        await watcher
    assert len(gaps) > 100
    assert sorted(gaps)[len(gaps) // 2] < spent / 100


async def test_the_folder_adapter_keeps_letters_while_its_token_is_not_there(
    tmp_path: Path, token, another, one: HeldKey
) -> None:
    place = Place(tmp_path, token, one)
    stem, folder = tmp_path / PARTY, tmp_path / "folder"
    own = load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())
    another.put(own, "party", "0a", with_certificate=True)
    dropped = folder / "outbox" / "a"
    dropped.mkdir(parents=True)
    text = f'to = ["{RECEIVER}"]\nnumber = "1"\nnotation = "CV"\nsubject = "x"\n'
    (dropped / "letter.toml").write_text(text, "utf-8")
    (dropped / "a.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "bearer").write_text(place.bearer)
    with place.serving(1) as (_, url):
        command = [
            "adapter",
            "folder",
            "--folder",
            folder,
            "--settle",
            "0",
            "--url",
            url,
            "--token-file",
            tmp_path / "bearer",
        ]
        command += [
            "--anchor",
            place.home / "trust-anchor.pem",
            "--key",
            another.name("party", pin_source=place.pin),
            "--once",
        ]
        opened = open_key(another.name("party"), secret=PIN)
        with Folder.opened(
            folder, opened, Trust.of([(place.home / "trust-anchor.pem").read_bytes()]), settle=0
        ) as local:
            stored, away = another.place, tmp_path / "away"
            stored.rename(away)
            async with Client(url, place.bearer) as client:
                courier = Courier(desk=Desk(client=client, local=local, spool=local.spool, trust=local.trust))
                with pytest.raises(Refused, match="key-device"):
                    await courier.run_once()
            assert not list((folder / "failed").iterdir())
        away.rename(stored)
        await asyncio.sleep(PAUSE + 0.2)
        apart(*command)
    assert (folder / "sent" / "a" / "receipt.xml").exists()
