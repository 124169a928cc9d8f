"""Receipts are stamped behind the scenes and verify offline; messages are raised beside what was sent; silence stops nobody."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from envelopes.batch import climb, leaf_of, read_proof
from envelopes.signature.lasting import Level
from exchange.cli.main import cli
from exchange.config import Home
from exchange.core.authorities import Change, Role
from exchange.core.raising import Raising
from exchange.core.stamping import Alarm, stamp_receipts
from exchange.founding import authority_of
from exchange.operation.doctor import examine_hub
from exchange.sandbox import ready
from exchange.server import serve
from exchange.timekeeping import stamp_waiting
from exchange.wiring import open_exchange
from trust_store.errors import Refused
from trust_store.evidence import Evidence, Terms
from trust_store.policy import Use
from trust_store.revocation.lists import load_list

_SPEC = importlib.util.spec_from_file_location("stamping", Path(__file__).parents[1] / "stamping.py")
assert _SPEC is not None
assert _SPEC.loader is not None
stamping = sys.modules.setdefault("stamping", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(stamping)


class Later:
    """A clock that is ahead, for receipts that have settled."""

    def __init__(self, **ahead: float) -> None:
        self.ahead = timedelta(**ahead)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
async def stack():
    async with AsyncExitStack() as found:
        yield found


@pytest.fixture
async def timed(sandbox_template, live_type, tmp_path, stack):
    """A hub that stamps, with the authority that it asks; batches are made by the tests."""
    folder = tmp_path / "hub"
    shutil.copytree(sandbox_template, folder)
    root, made = stamping.make_stamper()
    address = await stack.enter_async_context(stamping.serving(made))
    with (folder / "hub.toml").open("a") as file:
        file.write(f'\ntime_authorities = "{address}"\ntime_batch_seconds = 3600\ntime_seconds = 1\n')
    exchange = await stack.enter_async_context(open_exchange(Home(folder)))
    terms = Terms(uses=frozenset({Use.TIMESTAMPS}))
    change = Change(certificate=root.certificate, role=Role.ANCHOR, terms=terms)
    await exchange.hub.store.authorities.apply([change], exchange.author())
    url = await stack.enter_async_context(serve(exchange, "127.0.0.1", 0))
    session = await stack.enter_async_context(aiohttp.ClientSession())
    record = ready.read(folder / ready.FILE)
    live = live_type(url=url, folder=folder, exchange=exchange, record=record, session=session, stack=stack)
    (tmp_path / "time-ca.pem").write_bytes(root.certificate.pem)
    return live, made, root


async def stamp_all(live) -> int:
    """Stamp what waits, as if half a minute later."""
    hub = live.exchange.hub
    return await stamp_receipts(live.exchange.stamps, live.exchange.clocks, Later(seconds=31), hub.registrar.entropy)


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [str(each) for each in arguments])
    return done.exit_code, done.output


async def test_a_receipt_is_stamped_and_its_proof_verifies_offline(timed, tmp_path) -> None:
    live, _, _ = timed
    view = await live.submit(live.lam_son, live.signed(live.lam_son, live.environment))
    client = await live.client(live.lam_son)
    early = await live.ask("GET", f"/v1/evidence/{view.receipt_id}/stamp", by=live.lam_son)
    assert (early.status, early.problem()["code"]) == (404, "receipt-not-stamped")
    await live.exchange.hub.store.evidence.seal(view.receipt_id, view.receipt.encode())
    assert await stamp_all(live) >= 1
    proof, receipt = await client.stamp(view.receipt_id), await client.evidence(view.receipt_id)
    (tmp_path / "r.xml").write_bytes(receipt)
    (tmp_path / "r.stamp.json").write_bytes(proof)
    trusting = ("--anchor", live.folder / "trust-anchor.pem", "--time-anchor", tmp_path / "time-ca.pem")
    code, said = run("verify", *trusting, "--stamp", tmp_path / "r.stamp.json", tmp_path / "r.xml")
    assert code == 0, said
    assert "one of a batch" in said
    other = json.loads(proof) | {"index": json.loads(proof)["count"] - 1 - json.loads(proof)["index"]}
    if other["index"] != json.loads(proof)["index"]:
        (tmp_path / "wrong.json").write_text(json.dumps(other))
        code, said = run("verify", *trusting, "--stamp", tmp_path / "wrong.json", tmp_path / "r.xml")
        assert code == 1, said
    found = read_proof(proof, receipt)
    (tmp_path / "token").write_bytes(found.token)
    assert accepts(tmp_path, climb(leaf_of(receipt), found))


def accepts(folder: Path, root: bytes) -> bool:
    """Ask openssl whether the token in the folder is about a root."""
    command = ["openssl", "ts", "-verify", "-digest", root.hex(), "-in", "token", "-token_in", "-CAfile", "time-ca.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


async def test_the_proof_is_for_those_who_may_read_the_receipt(timed) -> None:
    live, _, _ = timed
    view = await live.submit(live.lam_son, live.signed(live.lam_son, live.environment))
    answer = await live.ask("GET", f"/v1/evidence/{view.receipt_id}/stamp", by=live.ham_rong)
    assert (answer.status, answer.problem()["code"]) == (404, "not-found")
    answer = await live.ask("GET", f"/v1/messages/{view.message}/raised", by=live.ham_rong)
    assert (answer.status, answer.problem()["code"]) == (404, "not-found")


async def test_a_message_is_raised_beside_what_was_sent(timed, tmp_path) -> None:
    live, made, _ = timed
    data = live.signed(live.lam_son, live.environment)
    view = await live.submit(live.lam_son, data)
    client = await live.client(live.environment)
    raised = await client.raised(view.message, "T")
    asked = made.asked
    assert await client.raised(view.message, "T") == raised
    assert made.asked == asked
    assert await client.content(view.message) == data
    rest = iter(raised)
    assert all(byte in rest for byte in data)
    (tmp_path / "raised.edxml").write_bytes(raised)
    trusting = ("--anchor", live.folder / "trust-anchor.pem", "--time-anchor", tmp_path / "time-ca.pem")
    code, said = run("verify", "--json", *trusting, tmp_path / "raised.edxml")
    assert code == 0, said
    assert json.loads(said)["level"] == "XML signature with the time-stamps of level T"
    refused = await live.ask("GET", f"/v1/messages/{view.message}/raised?level=LT", by=live.lam_son)
    assert (refused.status, refused.problem()["code"]) == (422, "signature-not-raisable")


class Knowing:
    """What is trusted, with the revocation lists that authorities gave."""

    def __init__(self, trust, *lists: bytes) -> None:
        self._trust, self._lists = trust, tuple(load_list(each) for each in lists)

    async def evidence(self) -> Evidence:
        return dataclasses.replace(await self._trust.evidence(), lists=self._lists)


async def test_with_revocation_lists_a_message_is_raised_to_lta_and_renewed_in_time(timed) -> None:
    live, made, root = timed
    view = await live.submit(live.lam_son, live.signed(live.lam_son, live.environment))
    hub, at = live.exchange.hub, datetime.now(UTC)
    lists = [stamping.make_list(each, at) for each in (authority_of(Home(live.folder)), root)]
    trust = Knowing(hub.store.trust, *lists)
    knowing = dataclasses.replace(hub, store=dataclasses.replace(hub.store, trust=trust))
    clocks = dataclasses.replace(live.exchange.clocks, trust=trust)
    raising = Raising(hub=knowing, shelf=live.exchange.stamps, stamper=clocks)
    filed = await hub.store.messages.get(view.message)
    document = await raising.raise_message(filed, Level.LTA)
    kept = await live.exchange.stamps.raised(filed.key)
    assert kept.level == "LTA"
    assert kept.renew_by == made.key.certificate.not_after
    assert await raising.raise_message(filed, Level.LT) == document
    due = dataclasses.replace(kept, renew_by=at + timedelta(days=30))
    await live.exchange.stamps.keep(due)
    renewed = await raising.raise_message(filed, Level.T)
    assert renewed.count(b"<xades141:ArchiveTimeStamp") == 2
    rest = iter(renewed)
    assert all(byte in rest for byte in document)


async def test_silence_of_all_authorities_stops_nobody_and_is_told(timed) -> None:
    live, made, _ = timed
    made.spoil = "silent"
    view = await live.submit(live.lam_son, live.signed(live.lam_son, live.environment))
    await live.exchange.hub.store.evidence.seal(view.receipt_id, view.receipt.encode())
    with pytest.raises(Refused) as caught:
        await stamp_all(live)
    assert caught.value.reason.code == "timestamp-unavailable"
    answer = await live.ask("GET", f"/v1/messages/{view.message}/raised", by=live.lam_son)
    assert (answer.status, answer.problem()["code"]) == (503, "timestamp-unavailable")
    assert (await live.submit(live.lam_son, live.signed(live.lam_son, live.environment, number=2))).receipt
    limit = timedelta(minutes=60)
    alarm = Alarm(shelf=live.exchange.stamps, clock=Later(minutes=30), limit=limit)
    await alarm.look(live.exchange.clocks.said)
    assert not alarm.is_raised
    alarm.clock = Later(minutes=61)
    await alarm.look(live.exchange.clocks.said)
    await alarm.look(live.exchange.clocks.said)
    assert alarm.is_raised
    found = examine_hub(live.exchange.home, at=Later(minutes=61).now(), environment={})
    assert "receipts-unstamped" in [item.rule.name for item in found]
    assert (await live.ask("GET", "/readyz")).status == 200
    made.spoil = ""
    live.exchange.clocks.clock = Later(minutes=2)
    assert await stamp_receipts(live.exchange.stamps, live.exchange.clocks, Later(seconds=31), live.exchange.entropy)
    await alarm.look(())
    events = [row.event for row in await live.exchange.audit.page(0, 1000)]
    assert events.count("time-authorities-silent") == events.count("time-authorities-back") == 1


async def test_many_receipts_share_one_time_stamp(timed) -> None:
    live, made, _ = timed
    for number in range(1, 6):
        await live.submit(live.lam_son, live.signed(live.lam_son, live.environment, number=number))
    for key in await live.exchange.hub.store.evidence.unsealed(100):
        await live.exchange.hub.store.evidence.seal(key, (await live.exchange.hub.seal(key)).xml)
    assert await stamp_all(live) >= 10
    assert made.asked == 1
    assert await stamp_waiting(live.exchange) == 0
