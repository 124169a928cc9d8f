"""Every receipt carries its proof; everybody can follow the log; a hub that was restored begins another one."""

from __future__ import annotations

import asyncio
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from envelopes.leaf import entry_of
from envelopes.log import tiles
from envelopes.log.checkpoint import open_checkpoint
from envelopes.log.note import read_vkey
from envelopes.log.tree import check_consistency
from envelopes.receipt import Event, check_log, open_receipt
from exchange.cli.main import cli
from exchange.config import Home
from exchange.errors import LOG_UNUSABLE
from exchange.log.key import LogKey
from exchange.storage.evidence import insert_statement
from exchange.wiring import open_exchange
from trust_store.errors import Refused


async def run(*arguments: object) -> tuple[int, str]:
    """Run a command beside the hub, which goes on serving."""
    done = await asyncio.to_thread(CliRunner().invoke, cli, [str(each) for each in arguments])
    return done.exit_code, done.output


async def vkey_of(live) -> str:
    """Return the key of the log that is open."""
    (log,) = (await live.ask("GET", "/log")).json["logs"]
    return str(log["key"])


def reading(live, log: int = 1):
    """Read tiles as a stranger does, by their addresses."""

    async def read(level: int, number: int, width: int) -> bytes:
        name = tiles.TileName(level=level, number=number, width=width)
        answer = await live.ask("GET", f"/log/{log}/tile/{name.path}")
        assert answer.status == 200, answer.body
        return answer.body

    return read


async def test_the_receipts_of_a_letter_are_chained_and_in_the_log(hub) -> None:
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, hub.one_stop))
    key, client = await vkey_of(hub), await hub.client(hub.lam_son)
    statements = await hub.exchange.hub.store.evidence.of_message(view.message)
    proofs = {}
    for statement in statements:
        receipt, signed = open_receipt(await client.evidence(statement.id))
        proof = proofs[receipt.event, receipt.refers_to] = check_log(signed.element, key)
        assert proof is not None
    accepted = proofs[Event.SUBMISSION_ACCEPTANCE, ""]
    consigned = [proofs[Event.CONTENT_CONSIGNMENT, code] for code in (hub.environment, hub.one_stop)]
    assert [each.links.number for each in (accepted, *consigned)] == [1, 1, 1]
    ordered = sorted((accepted, *consigned), key=lambda each: each.index)
    by_index = {
        proof.index: statement for statement in statements for proof in proofs.values() if proof.salt == statement.salt
    }
    for before, after in pairwise(ordered):
        assert after.links.of_message == entry_of(by_index[before.index].leaf, before.links)


async def test_everybody_can_follow_the_log(hub) -> None:
    key, seen = read_vkey(await vkey_of(hub)), []
    for number in range(3):
        await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=number + 1))
        answer = await hub.ask("GET", "/log/1/checkpoint")
        assert (answer.status, answer.kind) == (200, "text/plain")
        seen.append(open_checkpoint(answer.body.decode(), key))
    read = reading(hub)
    for old in seen:
        assert await tiles.root(read, old.size) == old.root
        path = await tiles.consistency_proof(read, old.size, seen[-1].size)
        check_consistency(old.size, seen[-1].size, path, old.root, seen[-1].root)
    name = tiles.TileName(level=None, number=0, width=seen[0].size)
    answer = await hub.ask("GET", f"/log/1/tile/{name.path}")
    assert len(tiles.read_bundle(answer.body)) == seen[0].size
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/log/2/checkpoint", "not-found"),
        ("/log/999999999/checkpoint", "not-found"),
        ("/log/1/tile/0/000", "not-found"),
        ("/log/1/tile/0/000.p/200", "not-found"),
        ("/log/1/tile/entries/x999/999", "not-found"),
        ("/log/1/tile/entries/x018/x014/x398/x509/x481/983", "not-found"),
        ("/log/1/tile/entries/x018/x014/x398/x509/x481/984", "tile-unknown"),
        ("/log/1/tile/0/x004/x611/x686/x018/x427/x387/903", "tile-unknown"),
        ("/log/1/tile/9/000", "tile-unknown"),
        ("/log/1/tile/0/0", "tile-unknown"),
        ("/log/1/tile/0/%2e%2e/000", "tile-unknown"),
        ("/log/1/tile/0/" + "x999/" * 40 + "999", "tile-unknown"),
    ],
)
async def test_what_the_log_has_not_is_refused(hub, path: str, code: str) -> None:
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    assert (await hub.ask("GET", path)).problem()["code"] == code


async def test_a_log_that_cannot_be_signed_keeps_the_letter_and_its_receipt_comes_later(hub, monkeypatch) -> None:
    def fail(_self: LogKey, _origin: str, _text: str) -> str:
        raise Refused(LOG_UNUSABLE)

    data = hub.signed(hub.lam_son, hub.environment)
    with monkeypatch.context() as patch:
        patch.setattr(LogKey, "sign", fail)
        refusal = await hub.refused(hub.lam_son, data)
        assert (refusal.status, refusal.reason.code) == (503, "receipt-waits")
        assert await hub.exchange.hub.store.messages.sent((await hub.party(hub.lam_son)).id, _search())
    view = await hub.submit(hub.lam_son, data)
    assert check_log(open_receipt(view.receipt.encode())[1].element, await vkey_of(hub)) is not None


def _search():
    from exchange.core.finding import Search

    return Search(limit=10)


async def test_what_was_stated_before_the_log_is_sealed_without_a_proof(hub) -> None:
    exchange = hub.exchange
    refusal, sender = Refused(LOG_UNUSABLE), await hub.party(hub.lam_son)
    statement = exchange.hub.registrar.reject(refusal, sender, "ab" * 32, 1, exchange.hub.clock.now())

    def unit(session) -> None:
        insert_statement(session, statement)
        session.connection.execute("DELETE FROM log_pending")

    await exchange.database.transact(unit)
    sealed = await exchange.hub.seal(statement.id)
    assert check_log(open_receipt(sealed.xml)[1].element) is None


async def test_receipts_verify_offline_by_the_key_of_the_log(hub, tmp_path) -> None:
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    (tmp_path / "r.xml").write_text(view.receipt, encoding="utf-8")
    anchor, key = ("--anchor", str(hub.folder / "trust-anchor.pem")), await vkey_of(hub)

    async def verify(*more: str) -> tuple[int, str]:
        return await run("verify", *anchor, *more, tmp_path / "r.xml")

    assert (await verify())[0] == 0
    code, said = await verify("--log-key", key)
    assert code == 0
    assert f"In the log congvan/{hub.code}/1" in said
    code, said = await verify("--log-key", key.replace("congvan/", "other/"))
    assert (code, "published" in said) == (1, True), said


async def test_a_restored_hub_begins_another_log(hub, tmp_path) -> None:
    await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    code, said = await run("backup", "--dir", hub.folder, "--to", tmp_path / "kept", "--with-keys")
    assert code == 0, said
    later = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment, number=2))
    code, said = await run("restore", "--from", tmp_path / "kept", "--dir", tmp_path / "again")
    assert code == 0, said
    async with open_exchange(Home(tmp_path / "again")) as other:
        first, second = await other.hub.store.log.logs()
        assert (first.key, first.ended_at is None, second.ended_at) == (await vkey_of(hub), False, None)
        assert second.key.startswith(f"congvan/{hub.code}/2-20")
        sender = await other.hub.store.directory.get((await hub.party(hub.lam_son)).id)
        assert sender is not None
        _, receipt = await other.hub.submit(sender, hub.signed(hub.lam_son, hub.environment, number=3))
        proof = check_log(open_receipt(receipt.xml)[1].element, second.key)
        assert proof is not None
        assert (proof.index < 2, proof.links.number) == (True, 1)
    assert check_log(open_receipt(later.receipt.encode())[1].element, first.key) is not None
    code, said = await run("restore", "--from", tmp_path / "kept", "--dir", tmp_path / "once more")
    async with open_exchange(Home(tmp_path / "once more")) as other:
        assert (await other.hub.store.log.logs())[1].key != second.key


async def test_a_hub_whose_log_key_was_lost_begins_another_log(hub, tmp_path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(hub.folder, folder)
    (folder / "keys" / "log.key.pem").unlink()
    async with open_exchange(Home(folder)) as exchange:
        assert [each.log for each in await exchange.hub.store.log.logs()] == [1, 2]
    async with open_exchange(Home(folder)) as exchange:
        assert [each.log for each in await exchange.hub.store.log.logs()] == [1, 2]


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"]
)
async def test_a_log_key_that_is_none_ends_the_start_with_its_reason(
    sandbox_template, tmp_path, content: bytes
) -> None:
    folder = Path(shutil.copytree(sandbox_template, tmp_path / "hub"))
    (folder / "keys" / "log.key.pem").write_bytes(content)
    with pytest.raises(Refused) as refused:
        async with open_exchange(Home(folder)):
            raise AssertionError
    assert refused.value.reason is LOG_UNUSABLE
