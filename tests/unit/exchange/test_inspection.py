"""Files are looked into in processes that may die; what they do to them is a finding, in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
import zlib
from pathlib import Path

import pytest

from envelopes.inside.facts import Facts, FileKind
from exchange.inspection import COSTLY_SECONDS, REMEMBERED, ROOMS, Inspection

SECONDS = 5.0
HEAD = b"%PDF-1.7\n"


def pdf(*objects: bytes, root: bytes = b"1 0 R", more: bytes = b"") -> bytes:
    """Write a PDF of these objects, the first of which is the catalog."""
    out, places = bytearray(HEAD), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return bytes(out) + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root %s%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, root, more, len(out),
    )  # fmt: skip


def stream(body: bytes, entries: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(body), body)


def catalog(fields: bytes) -> bytes:
    return b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[%s]>>>>" % fields


PAGES = b"<</Type/Pages/Kids[]/Count 0>>"
SIGNED = b"<</FT/Sig/T(%d)/V 3 0 R>>"
VALUE = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[%s]/Contents<%s>>>"


def one(ranges: bytes, contents: bytes = b"30") -> bytes:
    return pdf(catalog(b"4 0 R"), PAGES, VALUE % (ranges, contents), SIGNED % 1)


def bomb() -> bytes:
    """Hold an object stream of a hundred megabytes, in which the catalog is said to be."""
    squeezed = zlib.compress(b"1 0 " + b" " * (100 * 1024 * 1024), 9)
    body = HEAD + b"5 0 obj\n" + stream(squeezed, b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode") + b"\nendobj\n"
    rows = b"".join(bytes(row) for row in ((0, 0, 0, 0, 0, 0), (2, 0, 0, 0, 5, 0)))
    listed = b"/Type/XRef/W[1 4 1]/Index[0 2]/Size 6/Root 1 0 R"
    return body + b"6 0 obj\n" + stream(rows, listed) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(body)


def nested(levels: int) -> bytes:
    return pdf(b"<</Type/Catalog/X %s%s>>" % (b"[" * levels, b"]" * levels), PAGES)


def loop() -> bytes:
    """Point from the table of objects to itself as the one before it."""
    data = pdf(b"<</Type/Catalog/Pages 2 0 R>>", PAGES, more=b"/Prev 0000000000")
    return data.replace(b"/Prev 0000000000", b"/Prev %010d" % data.index(b"xref\n"))


def long_chain(count: int = 3000) -> bytes:
    """Have thousands of revisions."""
    data = pdf(b"<</Type/Catalog/Pages 2 0 R>>", PAGES)
    last = data.index(b"xref\n")
    for _ in range(count):
        place = len(data)
        data += b"xref\n0 0\ntrailer\n<</Size 3/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (last, place)
        last = place
    return data


def crowd(count: int = 100_000) -> bytes:
    """Have a hundred thousand signatures."""
    fields = b" ".join(b"%d 0 R" % number for number in range(4, count + 4))
    return pdf(catalog(fields), PAGES, VALUE % (b"0 1 2 3", b"30"), *(SIGNED % each for each in range(count)))


HOSTILE = {
    "empty header": (HEAD, {"pdf-damaged"}),
    "junk before the header": (b"GIF89a" + HEAD + b"%%EOF", {"pdf-damaged"}),
    "a bomb in an object stream": (bomb, {"pdf-damaged", "pdf-irregular"}),
    "arrays in arrays": (lambda: nested(100_000), {"pdf-damaged", "file-too-costly"}),
    "a table that points to itself": (loop, {"pdf-damaged", "file-unsigned"}),
    "thousands of revisions": (long_chain, {"file-unsigned", "pdf-damaged", "file-too-costly"}),
    "a hundred thousand signatures": (crowd, {"pdf-byte-range", "pdf-signature-malformed", "file-too-costly"}),
    "a negative start": (lambda: one(b"-5 10 20 30"), {"pdf-signature-malformed"}),
    "absurd ranges": (lambda: one(b"0 %d %d %d" % (10**30, 10**31, 10**32)), {"pdf-signature-malformed"}),
    "ranges of text": (lambda: one(b"(a)(b)(c)(d)"), {"pdf-signature-malformed"}),
    "ranges by the thousand": (lambda: one(b"0 1 " * 50_000), {"pdf-signature-malformed"}),
    "contents that are no CMS": (lambda: one(b"0 1 2 3", b"3080" * 1000), {"pdf-signature-malformed"}),
    "encrypted": (
        lambda: pdf(b"<</Type/Catalog/Pages 2 0 R>>", PAGES, more=b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>/ID[<00><00>]" % (b"00" * 32, b"00" * 32)),
        {"pdf-encrypted"},
    ),
    "fields in a circle": (
        lambda: pdf(catalog(b"3 0 R"), PAGES, b"<</T(a)/Kids[3 0 R]>>"),
        {"pdf-damaged", "pdf-irregular"},
    ),
}  # fmt: skip


def codes(facts: Facts) -> set[str]:
    own = {facts.fault.code} if facts.fault else set()
    return own | {mark.fault.code for mark in facts.marks if mark.fault}


@pytest.fixture
async def inspection():
    made = Inspection(SECONDS, processes=1)
    yield made
    await made.close()
    assert not made.pids


async def test_a_hostile_file_is_a_finding_in_time(inspection) -> None:
    """One process serves them all, unless it is killed for one of them."""
    await inspection.inspect(FileKind.PDF, "", HEAD)
    for name, (made, expected) in HOSTILE.items():
        data = made() if callable(made) else made
        begun = time.monotonic()
        facts = await inspection.inspect(FileKind.PDF, name, data)
        assert codes(facts) & expected, (name, facts)
        assert not [mark for mark in facts.marks if mark.fault is None]
        assert len(facts.marks) <= 16
        assert time.monotonic() - begun < SECONDS + 30, name  # 30 s for a busy machine to start Python


async def test_what_takes_too_long_is_killed_and_the_next_is_served(inspection, papers) -> None:
    hasty = Inspection(0.05, processes=1)
    facts = await hasty.inspect(FileKind.PDF, "1", crowd(20_000))
    assert codes(facts) == {"file-too-costly"}
    assert not hasty.pids
    await hasty.close()
    assert codes(await inspection.inspect(FileKind.PDF, "2", papers.plain())) == {"file-unsigned"}


async def test_a_process_that_hangs_costs_its_file_alone(papers) -> None:
    made = Inspection(1, processes=1)
    await made.inspect(FileKind.PDF, "1", papers.plain())
    (pid,) = made.pids
    os.kill(pid, signal.SIGSTOP)
    assert codes(await made.inspect(FileKind.PDF, "2", papers.plain())) == {"file-too-costly"}
    assert codes(await made.inspect(FileKind.PDF, "3", papers.plain())) == {"file-unsigned"}
    assert pid not in made.pids
    await made.close()


async def test_what_was_found_is_remembered_and_what_was_too_costly_for_a_while(papers) -> None:
    clock = [0.0]
    made = Inspection(SECONDS, processes=1, now=lambda: clock[0])
    first = await made.inspect(FileKind.PDF, "1", papers.plain())
    assert await made.inspect(FileKind.PDF, "1", b"") is first
    (pid,) = made.pids
    os.kill(pid, signal.SIGSTOP)
    made._pools[FileKind.PDF]._seconds = 0.2
    costly = await made.inspect(FileKind.PDF, "2", papers.plain())
    assert await made.inspect(FileKind.PDF, "2", papers.plain()) is costly
    clock[0], made._pools[FileKind.PDF]._seconds = COSTLY_SECONDS + 1, SECONDS
    assert codes(await made.inspect(FileKind.PDF, "2", papers.plain())) == {"file-unsigned"}
    for number in range(REMEMBERED + 1):
        await made.inspect(FileKind.XML, str(number), b"<a/>")
    assert len(made._known) == REMEMBERED
    await made.close()


async def test_many_who_ask_at_once_cost_one_look(inspection) -> None:
    asked = [inspection.inspect(FileKind.XML, "1", b"<a/>") for _ in range(20)]
    found = await asyncio.gather(*asked)
    assert all(each is found[0] for each in found)


async def test_there_is_room_for_few_messages_at_once(inspection) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(ROOMS):
            await stack.enter_async_context(inspection.room())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(inspection.room().__aenter__(), 0.05)
    async with inspection.room():
        pass


async def test_who_stops_waiting_does_not_stop_the_look(inspection) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(inspection.inspect(FileKind.XML, "1", b"<a/>"), 0.01)
    facts = await inspection.inspect(FileKind.XML, "1", b"")
    assert codes(facts) == {"file-unsigned"}


async def test_the_processes_have_no_secrets_and_little_memory(inspection, monkeypatch) -> None:
    monkeypatch.setenv("CONGVAN_PASSWORD", "secret")
    await inspection.inspect(FileKind.XML, "1", b"<a/>")
    (pid,) = inspection.pids
    assert b"CONGVAN" not in Path(f"/proc/{pid}/environ").read_bytes()
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert f"{1536 * 1024 * 1024}" in limits
