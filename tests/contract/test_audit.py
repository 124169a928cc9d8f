"""Every audit trail is one unbroken chain, and whatever is changed in it afterwards is found."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from envelopes.receipt import Event
from exchange.auth.refusals import Refusals
from exchange.core.audit import GENESIS, AuditEntry, AuditEvent, Author
from exchange.core.model import MessageKey, PartyStatus
from exchange.storage.audit import insert_audit
from trust_store.enrol import create_authority
from trust_store.errors import Refused
from trust_store.evidence import Revocation

ALL = 10_000


def _entry(number=1, event=AuditEvent.PARTY_CHANGED):
    return AuditEntry(event=event, actor="người quản trị", subject=f"000.{number:02}.H56", detail="đổi tên")


async def _events(backend):
    return [record.event for record in await backend.audit.page(0, ALL)]


def _digest_again(record) -> bytes:
    """Digest a row as the documentation says, written anew."""
    fields = [text.encode() for text in (record.event, record.actor, record.subject, record.detail)]
    message = b"congvan-audit-1" + record.number.to_bytes(8, "big") + record.at.to_bytes(8, "big")
    message += b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hashlib.sha256(message + record.previous).digest()


@contextlib.contextmanager
def _forging(tmp_path):
    """Open the database file as someone who has it in hands: the triggers fall first."""
    with contextlib.closing(sqlite3.connect(tmp_path / "hub.db", isolation_level=None)) as file:
        for action in ("update", "delete"):
            file.execute(f"DROP TRIGGER audit_keeps_from_{action}")
        yield file


async def test_an_empty_trail_is_whole(backend) -> None:
    assert await backend.audit.page(0, ALL) == []
    assert await backend.audit.verify() == (0, GENESIS)


async def test_each_row_commits_to_all_before_it(backend, values) -> None:
    written = [await backend.audit.append(_entry(number), values.at) for number in range(5)]
    kept = await backend.audit.page(0, ALL)
    assert kept == written
    assert [record.number for record in kept] == [1, 2, 3, 4, 5]
    assert kept[0].previous == GENESIS == bytes(32)
    assert [record.previous for record in kept[1:]] == [record.digest for record in kept[:-1]]
    assert [record.digest for record in kept] == [_digest_again(record) for record in kept]
    assert await backend.audit.verify() == (5, kept[-1].digest)


async def test_what_is_said_in_one_field_cannot_be_said_in_two(backend, values) -> None:
    texts = [("ab", "c", ""), ("a", "bc", ""), ("", "abc", ""), ("abc", "", ""), ("", "", "abc")]
    digests = set()
    for actor, subject, detail in texts:
        entry = AuditEntry(event=AuditEvent.RESTORED, actor=actor, subject=subject, detail=detail)
        record = await backend.audit.append(entry, values.at)
        digests.add(_digest_again(replace(record, number=1, previous=GENESIS)))
    assert len(digests) == len(texts)


async def test_a_row_is_one_line_and_not_endless(backend, values) -> None:
    entry = AuditEntry(event=AuditEvent.RESTORED, actor="a\nb\0c\u202e\ud800", detail="x" * 100_000)
    record = await backend.audit.append(entry, values.at)
    assert record.actor == "a\ufffdb\ufffdc\ufffd\ufffd"
    assert len(record.detail) == 1000
    assert await backend.audit.page(0, ALL) == [record]
    assert (await backend.audit.verify())[0] == 1


async def test_pages_follow_each_other(backend, values) -> None:
    for number in range(7):
        await backend.audit.append(_entry(number), values.at)
    first = await backend.audit.page(0, 3)
    second = await backend.audit.page(first[-1].number, 3)
    assert [record.number for record in (*first, *second)] == [1, 2, 3, 4, 5, 6]
    assert await backend.audit.page(7, 3) == await backend.audit.page(2**70, 3) == []


async def test_many_at_once_give_one_chain(backend, values) -> None:
    parties = [values.party(f"000.{number:03}.H56") for number in range(100)]
    by = Author(actor="test", at=values.at)
    await asyncio.gather(
        *(backend.audit.append(_entry(number), values.at) for number in range(200)),
        *(backend.directory.put(party, by) for party in parties),
    )
    number, _ = await backend.audit.verify()
    assert number == 300
    assert (await _events(backend)).count("party-registered") == 100


async def test_two_processes_write_one_chain(opened, backend, values) -> None:
    async with opened() as other:
        stores = (backend, other)
        await asyncio.gather(*(stores[number % 2].audit.append(_entry(number), values.at) for number in range(60)))
        assert await backend.audit.verify() == await other.audit.verify()
        assert (await other.audit.verify())[0] == 60


async def test_what_did_not_happen_is_not_audited(backend, values) -> None:
    by = Author(actor="test", at=values.at)
    await backend.directory.put(values.party("000.00.12.H56"), by)
    with pytest.raises(Refused):
        await backend.directory.put(values.party("000.00.13.H56", "000.00.12.H56"), by)

    def unit(session):
        insert_audit(session, _entry(), values.at)
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        await backend.database.transact(unit)
    assert await _events(backend) == ["party-registered"]
    assert (await backend.audit.verify())[0] == 1


async def test_every_change_of_a_party_says_what_it_was(backend, values) -> None:
    by = Author(actor="an administrator", at=values.at)
    party = values.party("000.00.12.H56")
    suspended = replace(party, status=PartyStatus.SUSPENDED)
    for state in (party, party, suspended, suspended, party, replace(party, name="Tên mới")):
        await backend.directory.put(state, by)
    both = replace(suspended, name="Tên khác")
    await backend.directory.put(both, by)
    await backend.directory.put(replace(both, name="Không ai kể"))
    registered, suspend, resume, change = ("party-registered", "party-suspended", "party-resumed", "party-changed")
    assert await _events(backend) == [registered, suspend, resume, change, suspend, change]
    records = await backend.audit.page(0, ALL)
    assert {(record.actor, record.subject) for record in records} == {("an administrator", party.id)}


async def test_changes_of_trust_are_audited_once(backend, values) -> None:
    by, party = Author(actor="test", at=values.at), values.party("000.00.12.H56")
    certificate = create_authority("CA", serial=1, at=values.at, years=1).certificate
    await backend.directory.put(party)
    for _ in range(2):
        await backend.directory.add_certificate(party.id, certificate, values.at, by)
        await backend.trust.trust(certificate, "anchor", values.at, by)
    await backend.directory.remove_certificate(party.id, certificate.fingerprint, by)
    with pytest.raises(Refused) as refusal:
        await backend.directory.remove_certificate(party.id, certificate.fingerprint, by)
    assert refusal.value.reason.code == "not-found"
    assert (await backend.directory.get(party.id)).fingerprints == frozenset()
    await backend.trust.revoke(Revocation(signed_part=certificate.signed_part, at=values.at, why="mất khóa"), by)
    expected = ["certificate-registered", "authority-trusted", "certificate-removed", "certificate-revoked"]
    assert await _events(backend) == expected
    assert "mất khóa" in (await backend.audit.page(3, 1))[0].detail


async def test_a_statement_is_audited_with_the_first_one_only(backend, values) -> None:
    statement = values.statement(Event.SUBMISSION_REJECTION, values.sender, MessageKey("digest"), values.at)
    for _ in range(2):
        await backend.evidence.add(statement, _entry(event=AuditEvent.SUBMISSION_REJECTED))
    assert await _events(backend) == ["submission-rejected"]


async def test_news_are_written_when_they_are_news(backend, values) -> None:
    one, two = _entry(1, AuditEvent.SETTINGS_CHANGED), _entry(2, AuditEvent.SETTINGS_CHANGED)
    for entry in (one, one, two, two, one):
        await backend.audit.append_news(entry, values.at)
    assert [record.subject for record in await backend.audit.page(0, ALL)] == [one.subject, two.subject, one.subject]


@pytest.mark.parametrize("change", ["UPDATE audit SET detail = ''", "DELETE FROM audit WHERE number = 1"])
async def test_the_database_itself_refuses_to_change_a_row(backend, values, change) -> None:
    await backend.audit.append(_entry(), values.at)
    with pytest.raises(Exception, match="append-only"):
        await backend.database.transact(lambda session: session.rows(text(change)))
    assert (await backend.audit.verify())[0] == 1


FORGERIES = {
    "another actor": ("UPDATE audit SET actor = 'nobody' WHERE number = 3", 3),
    "another event": ("UPDATE audit SET event = 'restored' WHERE number = 3", 3),
    "another moment": ("UPDATE audit SET at = at + 1 WHERE number = 3", 3),
    "a letter moved from one field to the next": (
        "UPDATE audit SET subject = substr(subject, 2), actor = actor || substr(subject, 1, 1) WHERE number = 3",
        3,
    ),
    "a row gone from the middle": ("DELETE FROM audit WHERE number = 3", 3),
    "the first row gone": ("DELETE FROM audit WHERE number = 1", 1),
    "a row gone and the others moved up": (
        "DELETE FROM audit WHERE number = 3; UPDATE audit SET number = number - 1 WHERE number = 4; "
        "UPDATE audit SET number = number - 1 WHERE number = 5",
        3,
    ),
    "another digest": ("UPDATE audit SET digest = zeroblob(32) WHERE number = 3", 3),
    "another row before": ("UPDATE audit SET previous = zeroblob(32) WHERE number = 3", 3),
    "a row before the first": (
        "INSERT INTO audit SELECT 0, at, event, actor, subject, detail, previous, digest FROM audit WHERE number = 1",
        1,
    ),
    "bytes for a text": ("UPDATE audit SET detail = x'00' WHERE number = 3", 3),
    "a text for a number": ("UPDATE audit SET at = 'yesterday' WHERE number = 3", 3),
    "a text that is none": ("UPDATE audit SET detail = CAST(x'ff' AS TEXT) WHERE number = 3", 1),
    "a moment beyond every calendar": ("UPDATE audit SET at = 9223372036854775807 WHERE number = 3", 3),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_in_the_file_is_found(backend, values, tmp_path, name) -> None:
    script, row = FORGERIES[name]
    for number in range(5):
        await backend.audit.append(_entry(number), values.at + number * timedelta(seconds=1))
    with _forging(tmp_path) as file:
        file.executescript(script)
    with pytest.raises(Refused) as refusal:
        await backend.audit.verify()
    assert (refusal.value.reason.code, refusal.value.where) == ("audit-broken", f"row {row}")


async def test_a_row_forged_with_its_digest_breaks_the_next(backend, values, tmp_path) -> None:
    for number in range(5):
        await backend.audit.append(_entry(number), values.at)
    third = (await backend.audit.page(2, 1))[0]
    forged = _digest_again(replace(third, actor="nobody"))
    with _forging(tmp_path) as file:
        file.execute("UPDATE audit SET actor = 'nobody', digest = ? WHERE number = 3", (forged,))
    with pytest.raises(Refused) as refusal:
        await backend.audit.verify()
    assert (refusal.value.reason.code, refusal.value.where) == ("audit-broken", "row 4")


async def test_a_tail_that_was_cut_off_is_found_by_who_noted_its_digest(backend, values, tmp_path) -> None:
    records = [await backend.audit.append(_entry(number), values.at) for number in range(5)]
    with _forging(tmp_path) as file:
        file.execute("DELETE FROM audit WHERE number > 3")
    assert await backend.audit.verify() == (3, records[2].digest)
    assert await backend.audit.verify(records[1].digest) == (3, records[2].digest)
    await backend.audit.append(_entry(9), values.at)
    await backend.audit.append(_entry(9), values.at)
    with pytest.raises(Refused) as refusal:
        await backend.audit.verify(records[4].digest)
    assert refusal.value.reason.code == "audit-shortened"
    assert records[4].digest.hex() in refusal.value.detail


class Heard:
    """Tell when a row is written to a trail."""

    def __init__(self, trail) -> None:
        self.trail, self.rows = trail, asyncio.Queue()

    async def append(self, entry, at):
        record = await self.trail.append(entry, at)
        self.rows.put_nowait(record)
        return record


class Hand:
    """Tell the time that a hand sets."""

    def __init__(self, at) -> None:
        self.at = at

    def now(self):
        return self.at


async def test_refusals_are_bounded_and_the_others_counted(backend, values) -> None:
    clock = Hand(values.at)
    refusals = Refusals(lambda: (backend.audit, clock), per_minute=3)
    for number in range(10):
        await refusals.note(_entry(number, AuditEvent.AUTHENTICATION_FAILED))
    await refusals.note(_entry(1, AuditEvent.PERMISSION_REFUSED))
    assert (await _events(backend)).count("authentication-failed") == 3
    assert (await _events(backend)).count("permission-refused") == 1
    clock.at += timedelta(seconds=61)
    await refusals.note(_entry(20, AuditEvent.AUTHENTICATION_FAILED))
    *_, counted, last = await backend.audit.page(0, ALL)
    assert (counted.actor, counted.detail.partition(" since")[0]) == ("many", "7 more")
    assert last.subject == "000.20.H56"
    for number in range(5):
        await refusals.note(_entry(number, AuditEvent.AUTHENTICATION_FAILED))
    await refusals.close()
    *_, counted = await backend.audit.page(0, ALL)
    assert counted.detail.startswith("3 more since")
    await refusals.close()
    assert len(await backend.audit.page(0, ALL)) == 4 + 2 + 2 + 1


async def test_what_was_left_out_is_told_also_when_nothing_follows(backend, values) -> None:
    heard = Heard(backend.audit)
    refusals = Refusals(lambda: (heard, Hand(values.at)), per_minute=1, minute=timedelta(milliseconds=50))
    for number in range(4):
        await refusals.note(_entry(number, AuditEvent.AUTHENTICATION_FAILED))
    async with asyncio.timeout(30):
        first, counted = await heard.rows.get(), await heard.rows.get()
    assert first.subject == "000.00.H56"
    assert counted.detail.startswith("3 more since")
    await refusals.close()
    assert await backend.audit.page(0, ALL) == [first, counted]
