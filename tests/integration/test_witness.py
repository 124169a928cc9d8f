"""Hubs cosign each other's logs over HTTP, receipts wait for the cosignatures that are asked for, and monitors catch liars."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envelopes.log import tiles
from envelopes.log.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from envelopes.log.note import COSIGNATURE, Signer, read_note, read_vkey, write_note
from envelopes.log.tiles import read_name
from envelopes.log.tree import leaf_hash, root_of
from envelopes.log.witnessing import StaleSize, Submission, enough, write_submission
from envelopes.receipt import check_log, open_receipt
from exchange.cli.main import cli
from exchange.client import HubRefused
from exchange.config import Home
from exchange.core.audit import AuditEvent
from exchange.log.key import LogKey
from exchange.sandbox import ready
from exchange.sandbox.province import HUB_CODE
from exchange.server import serve
from exchange.wiring import open_exchange

WITNESS = f"congvan/{HUB_CODE}/witness/"
LIAR = Signer(name="liar.example/log", key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
IMPOSTOR = Signer(name="liar.example/log", key=Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32))
TRUTH = [leaf_hash(b"%d" % number) for number in range(700)]
LIE = [*TRUTH[:150], leaf_hash(b"a lie"), *TRUTH[151:]]


async def run(*arguments: object) -> tuple[int, str]:
    """Run a command beside what is served."""
    done = await asyncio.to_thread(CliRunner().invoke, cli, [str(each) for each in arguments])
    return done.exit_code, done.output


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def keyed(folder: Path, generation: int) -> str:
    """Give the verifier key of the witness in a hub's folder, as it will publish it."""
    return LogKey(Home(folder).witness_key(generation), COSIGNATURE).vkey(f"{WITNESS}{generation}")


@pytest.fixture
async def stack():
    async with contextlib.AsyncExitStack() as found:
        yield found


@pytest.fixture
async def opening(sandbox_template, live_type, tmp_path, stack):
    async def start(name: str, port: int = 0, settings: str = ""):
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(sandbox_template, folder)
        with (folder / "hub.toml").open("a") as file:
            file.write(f"\n{settings}\n")
        exchange = await stack.enter_async_context(open_exchange(Home(folder)))
        url = await stack.enter_async_context(serve(exchange, "127.0.0.1", port))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        record = ready.read(folder / ready.FILE)
        return live_type(url=url, folder=folder, exchange=exchange, record=record, session=session, stack=stack)

    return start


async def log_key(live) -> str:
    return (await live.exchange.hub.store.log.logs())[-1].key


async def send(live, number: int) -> str:
    return (await live.submit(live.lam_son, live.signed(live.lam_son, live.environment, number=number))).receipt


def proof_of(receipt: str):
    proof = check_log(open_receipt(receipt.encode())[1].element)
    assert proof is not None
    return proof


@pytest.fixture
async def pair(opening, sandbox_template, tmp_path):
    """Two hubs that name each other as witnesses; the first gives no receipt without the second's cosignature."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        shutil.copytree(sandbox_template, folder)
    Home(folders[1]).log_key.unlink()  # so that the second is another hub: it begins log 2
    ports, keys = [free_port(), free_port()], [keyed(folders[0], 1), keyed(folders[1], 2)]
    named = [f'log_witnesses = "http://127.0.0.1:{ports[at]}/log/witness {keys[at]}"' for at in (1, 0)]
    quiet = "\nlog_cosign_seconds = 3600\nlog_witness_seconds = 2"
    two = await opening("two", ports[1], named[1] + quiet)
    one = await opening("one", ports[0], named[0] + "\nlog_cosignatures = 1" + quiet)
    for hub, other in ((one, two), (two, one)):
        assert (await run("log", "witness", "add", "--dir", hub.folder, await log_key(other)))[0] == 0
    for hub in (one, two):
        for named_witness in hub.exchange.hub.log.cosigner.witnesses.named:
            named_witness.rests_until = None
    return one, two


async def test_two_hubs_cosign_each_other(pair, tmp_path) -> None:
    one, two = pair
    keys = [read_vkey((await hub.ask("GET", "/log/witness/key")).body.decode()) for hub in (one, two)]
    assert [key.vkey for key in keys] == [keyed(one.folder, 1), keyed(two.folder, 2)]
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    for number in (1, 2, 3):
        receipt = await send(one, number)
        proof = proof_of(receipt)
        assert enough(proof.checkpoint, [keys[1]], 1) == (f"{WITNESS}2",)
        (receipts / f"{number}.xml").write_text(receipt)
    shown = (await one.ask("GET", "/log/1/checkpoint")).body.decode()
    assert enough(shown, [keys[1]], 1)
    assert read_checkpoint(read_note(shown).text).size >= proof.size

    await send(two, 1)
    assert list(await two.exchange.hub.log.cosign()) == []
    shown = (await two.ask("GET", "/log/2/checkpoint")).body.decode()
    assert enough(shown, [keys[0]], 1)

    options = (
        "--state",
        tmp_path / "state",
        "--receipts",
        receipts,
        "--once",
        "--witness",
        keys[1].vkey,
        "--needed",
        1,
    )
    code, said = await run("log", "watch", f"{one.url}/log/1", *options)
    assert (code, "3 receipts in it" in said) == (0, True), said
    await send(one, 4)
    code, said = await run("log", "watch", f"{one.url}/log/1", *options)
    assert (code, "3 receipts in it" in said) == (0, True), said
    code, said = await run("log", "witness", "list", "--dir", two.folder)
    assert (code, said.startswith("cosigned\t")) == (0, True), said


async def test_a_receipt_waits_for_the_cosignature_that_it_needs(pair) -> None:
    one, two = pair
    origin = (await log_key(one)).partition("+")[0]
    assert (await run("log", "witness", "remove", "--dir", two.folder, origin))[0] == 0
    assert (await run("log", "witness", "remove", "--dir", two.folder, origin))[0] == 1
    data = one.signed(one.lam_son, one.environment, number=7)
    with pytest.raises(HubRefused, match="receipt-waits"):
        await one.submit(one.lam_son, data)
    assert (await run("log", "witness", "add", "--dir", two.folder, await log_key(one)))[0] == 0
    for named in one.exchange.hub.log.cosigner.witnesses.named:
        named.rests_until = None
    receipt = (await one.submit(one.lam_son, data)).receipt
    assert enough(proof_of(receipt).checkpoint, [read_vkey(keyed(two.folder, 2))], 1)
    assert (await one.submit(one.lam_son, data)).receipt == receipt


def note_of(size: int, leaves: list[bytes] = TRUTH, signer: Signer = LIAR) -> str:
    text = write_checkpoint(Checkpoint(origin=LIAR.name, size=size, root=root_of(leaves[:size])))
    return write_note(text, [signer.sign(text)])


def read_from(leaves: list[bytes]):
    async def read(level: int, number: int, width: int) -> bytes:
        step = 256**level
        first = number * 256 * step
        return b"".join(root_of(leaves[at : at + step]) for at in range(first, first + width * step, step))

    return read


async def body_of(old: int, new: int, leaves: list[bytes] = TRUTH, signer: Signer = LIAR) -> bytes:
    path = await tiles.consistency_proof(read_from(leaves), old, new)
    return write_submission(Submission(old=old, path=path, note=note_of(new, leaves, signer)))


async def test_a_witness_answers_as_the_standard_asks(hub) -> None:
    async def post(data: bytes):
        return await hub.ask("POST", "/log/witness/add-checkpoint", data=data)

    assert (await post(await body_of(0, 100))).status == 404
    assert (await run("log", "witness", "add", "--dir", hub.folder, LIAR.verifier.vkey))[0] == 0
    good = await post(await body_of(0, 100))
    verifier = read_vkey((await hub.ask("GET", "/log/witness/key")).body.decode())
    assert (good.status, good.kind) == (200, "text/plain")
    assert enough(note_of(100) + good.body.decode(), [verifier], 1) == (verifier.name,)
    known = (await hub.exchange.reading.witness.shelf.get(LIAR.name)).seen_at
    again = await post(await body_of(100, 100))
    assert again.status == 200
    assert enough(note_of(100) + again.body.decode(), [verifier], 1)
    assert (await hub.exchange.reading.witness.shelf.get(LIAR.name)).seen_at == known
    assert (await post(await body_of(100, 300))).status == 200

    stale = await post(await body_of(100, 400))
    assert (stale.status, stale.kind, stale.body) == (409, "text/x.tlog.size", b"300\n")
    assert (await post(await body_of(0, 400))).body == b"300\n"
    assert (await post(await body_of(300, 400, signer=IMPOSTOR))).status == 403
    assert (await post((await body_of(300, 400)).replace(b"old 300", b"old 401"))).status == 400
    assert (await post(await body_of(300, 400, LIE))).status == 422
    split = await post(await body_of(300, 300, LIE))
    assert (split.status, split.kind) == (409, "text/plain")
    assert (await post(b"rubbish")).status == 400
    assert (await post(b"x" * 200_000)).status == 413
    events = [row.event for row in await hub.exchange.audit.page(0, 1000)]
    assert (events.count(AuditEvent.LOG_SPLIT), events.count(AuditEvent.LOG_WITNESSED)) == (1, 1)

    assert (await run("log", "witness", "remove", "--dir", hub.folder, LIAR.verifier.vkey))[0] == 0
    assert (await post(await body_of(300, 400))).status == 404
    assert (await run("log", "witness", "add", "--dir", hub.folder, LIAR.verifier.vkey))[0] == 0
    assert (await post(await body_of(0, 400, LIE))).body == b"300\n"
    assert (await post(await body_of(300, 400))).status == 200


async def test_of_many_at_once_none_is_cosigned_twice_at_one_size(hub) -> None:
    assert (await run("log", "witness", "add", "--dir", hub.folder, LIAR.verifier.vkey))[0] == 0
    bodies = [await body_of(0, size, leaves) for size in range(200, 212) for leaves in (TRUTH, LIE)]
    answers = await asyncio.gather(*(hub.ask("POST", "/log/witness/add-checkpoint", data=body) for body in bodies))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 23


@dataclass(slots=True)
class Liar:
    """Serve a log that shows what a test wants it to show."""

    leaves: list[bytes] = field(default_factory=lambda: TRUTH)
    note: str = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/log", self.logs)
        app.router.add_get("/log/1/checkpoint", self.checkpoint)
        app.router.add_get("/log/1/tile/{tile:.+}", self.tile)
        return app

    async def logs(self, _request: web.Request) -> web.Response:
        return web.json_response({"logs": [{"path": "/log/1", "key": LIAR.verifier.vkey}]})

    async def checkpoint(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.note)

    async def tile(self, request: web.Request) -> web.Response:
        name = read_name(request.match_info["tile"])
        data = await read_from(self.leaves)(name.level or 0, name.number, name.width)
        return web.Response(body=data)


@pytest.fixture
async def liar(stack):
    found = Liar()
    runner = web.AppRunner(found.app())
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return found, f"http://127.0.0.1:{runner.addresses[0][1]}/log/1"


@pytest.mark.parametrize(
    ("leaves", "note", "code"),
    [
        (LIE, note_of(500, LIE), "log-split-view"),
        (LIE, note_of(300, LIE), "log-split-view"),
        (TRUTH, note_of(200), "log-rolled-back"),
        (TRUTH, note_of(500, signer=IMPOSTOR), "note-not-signed"),
        (TRUTH, "nothing signed", "note-malformed"),
        (LIE, note_of(500), "tile-wrong"),
    ],
)
async def test_a_log_that_lies_is_caught_with_the_proof_on_disk(liar, tmp_path, leaves, note: str, code: str) -> None:
    served, url = liar
    served.note = note_of(300)
    options = ("log", "watch", url, "--state", tmp_path / "state", "--once")
    done, said = await run(*options)
    assert (done, "compare it by another way" in said) == (0, True), said
    before = (tmp_path / "state").read_bytes()
    served.leaves, served.note = leaves, note
    done, said = await run(*options)
    assert (done, code in said) == (3, True), said
    (evidence,) = tmp_path.glob("state.*.json")
    record = json.loads(evidence.read_text())
    assert (record["reason"], record["earlier"], record["later"], record["log"]) == (
        code,
        note_of(300),
        note,
        LIAR.verifier.vkey,
    )
    assert (tmp_path / "state").read_bytes() == before
    served.leaves, served.note = TRUTH, note_of(600)
    assert (await run(*options))[0] == 0


async def test_what_somebody_else_was_shown_is_held_against_the_log(liar, tmp_path) -> None:
    served, url = liar
    served.note = note_of(500)
    (tmp_path / "theirs").write_text(note_of(400, LIE))
    (tmp_path / "alike").write_text(note_of(400))
    options = ("log", "watch", url, "--state", tmp_path / "state", "--once", "--vkey", LIAR.verifier.vkey)
    assert (await run(*options, "--seen", tmp_path / "alike"))[0] == 0
    done, said = await run(*options, "--seen", tmp_path / "theirs")
    assert (done, "log-split-view" in said) == (3, True), said
    done, said = await run(*options[:-1], IMPOSTOR.verifier.vkey)
    assert (done, "log-key-other" in said) == (1, True), said
    served.note = ""
    done, said = await run("log", "watch", url + "9", "--state", tmp_path / "state", "--once")
    assert (done, "log-unreachable" in said) == (1, True), said


async def test_an_operator_who_shows_two_parties_different_logs_is_noticed_by_either(opening, tmp_path) -> None:
    """The same hub twice, with the same keys: one for each of two parties, who then compare receipts."""
    one, two = await opening("one"), await opening("two")
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    (receipts / "1.xml").write_text(await send(one, 1))
    await send(two, 2)
    watch = ("--state", tmp_path / "state", "--receipts", receipts, "--once")
    assert (await run("log", "watch", f"{one.url}/log/1", *watch))[0] == 0
    done, said = await run("log", "watch", f"{two.url}/log/1", *watch)
    assert (done, "log-split-view" in said or "log-rolled-back" in said) == (3, True), said
    other = ("--state", tmp_path / "other", "--receipts", receipts, "--once")
    done, said = await run("log", "watch", f"{two.url}/log/1", *other)
    assert done == 3, said


async def test_files_that_are_no_receipts_are_told_and_stop_nothing(hub, tmp_path) -> None:
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    (receipts / "1.xml").write_text(await send(hub, 1))
    (receipts / "2.xml").write_text("<no/>")
    done, said = await run(
        "log", "watch", f"{hub.url}/log/1", "--state", tmp_path / "s", "--receipts", receipts, "--once"
    )
    assert (done, "1 receipts in it" in said, "2.xml" in said) == (1, True, True), said
    (tmp_path / "s").write_text("{")
    done, said = await run("log", "watch", f"{hub.url}/log/1", "--state", tmp_path / "s", "--once")
    assert (done, "log-state-malformed" in said) == (1, True), said


async def test_a_hub_that_was_restored_is_another_witness(sandbox_template, tmp_path) -> None:
    folder, kept, back = tmp_path / "hub", tmp_path / "backup", tmp_path / "restored"
    shutil.copytree(sandbox_template, folder)
    code, before = await run("log", "witness", "key", "--dir", folder)
    assert (code, before.startswith(f"{WITNESS}1+")) == (0, True)
    assert (await run("log", "witness", "key", "--dir", folder)) == (0, before)
    assert (await run("backup", "--dir", folder, "--to", kept, "--with-keys"))[0] == 0
    code, said = await run("restore", "--from", kept, "--dir", back)
    assert code == 0, said
    async with open_exchange(Home(back)) as exchange, serve(exchange, "127.0.0.1", 0) as url:
        code, said = await run("log", "watch", f"{url}/log/1", "--state", tmp_path / "first", "--once")
        assert (code, "next\t/log/2" in said) == (0, True), said
        code, said = await run("log", "watch", f"{url}/log/2", "--state", tmp_path / "second", "--once")
        assert (code, "next" in said) == (0, False), said
    code, after = await run("log", "witness", "key", "--dir", back)
    assert (code, after.startswith(f"{WITNESS}2+")) == (0, True)
    assert read_vkey(after).key != read_vkey(before).key


async def test_what_was_cosigned_survives_the_end_of_the_process(sandbox_template, tmp_path) -> None:
    folder = tmp_path / "hub"
    shutil.copytree(sandbox_template, folder)
    assert (await run("log", "witness", "add", "--dir", folder, LIAR.verifier.vkey))[0] == 0
    async with open_exchange(Home(folder)) as exchange:
        await exchange.reading.witness.cosign(await body_of(0, 300))
    async with open_exchange(Home(folder)) as exchange:
        for body in (await body_of(0, 400), await body_of(100, 400)):
            with pytest.raises(StaleSize) as refused:
                await exchange.reading.witness.cosign(body)
            assert refused.value.size == 300
        assert (await exchange.reading.witness.cosign(await body_of(300, 400))).startswith(f"\N{EM DASH} {WITNESS}1 ")
