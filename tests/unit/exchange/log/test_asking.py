"""Whatever witnesses answer, only good cosignatures of the named keys are taken, and nobody waits for the silent ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envelopes.log.checkpoint import Checkpoint, write_checkpoint
from envelopes.log.note import COSIGNATURE, Signer, read_note, write_note
from envelopes.log.tree import check_consistency, leaf_hash, root_of
from envelopes.log.witnessing import read_submission
from exchange.core.ports.witness import Cosigned
from exchange.log.asking import LONGEST_PAUSE, NO_ANSWER, PAUSE, AskedWitnesses, read_witnesses
from exchange.log.cosigning import Cosigner
from exchange.net.posting import Posted
from trust_store.errors import Refused

LOG = Signer(name="example.com/log", key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESSES = [
    Signer(name=f"w.example/{number}", key=Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), kind=COSIGNATURE)
    for number in (1, 2)
]
LEAVES = [leaf_hash(b"%d" % number) for number in range(8)]
SETTING = ", ".join(f"https://{at}.example/log/witness {each.verifier.vkey}" for at, each in enumerate(WITNESSES, 1))
TIME = 1_795_000_000


def note_of(size: int) -> str:
    text = write_checkpoint(Checkpoint(origin=LOG.name, size=size, root=root_of(LEAVES[:size])))
    return write_note(text, [LOG.sign(text)])


async def prove(old: int) -> tuple[bytes, ...]:
    return tuple(LEAVES[old:][:1]) if old else ()


def ok(*lines: str) -> Posted:
    return Posted(status=200, content_type="text/plain", body="".join(lines).encode())


def size(number: object, status: int = 409, kind: str = "text/x.tlog.size") -> Posted:
    return Posted(status=status, content_type=kind, body=f"{number}\n".encode())


def cosigned(witness: Signer, note: str) -> str:
    return witness.sign(read_note(note).text, TIME)


@dataclass(slots=True)
class Clock:
    at: datetime = datetime(2026, 11, 26, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class Wire:
    """Answer requests from a list for each address, and keep what was asked."""

    answers: dict[str, list[Posted | Refused]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def ask(self, url: str, body: bytes, content_type: str) -> Posted:
        assert content_type == "text/plain"
        self.asked.append((url, read_submission(body).old))
        answer = self.answers[url].pop(0)
        if isinstance(answer, Refused):
            raise answer
        return answer


@dataclass(slots=True)
class Slow:
    """Answer in one's own time."""

    ask: Callable[[str, bytes, str], Awaitable[Posted]]


ONE, TWO = (f"https://{at}.example/log/witness/add-checkpoint" for at in (1, 2))


def asking(*one: Posted | Refused, two: tuple[Posted | Refused, ...] = ()) -> tuple[AskedWitnesses, Wire, Clock]:
    wire, clock = Wire({ONE: list(one), TWO: list(two)}), Clock()
    named = read_witnesses(SETTING)
    return AskedWitnesses(named=named if two else named[:1], poster=wire, clock=clock), wire, clock


async def test_all_are_asked_and_their_lines_taken() -> None:
    note = note_of(4)
    lines = [cosigned(each, note) for each in WITNESSES]
    asked, _, _ = asking(ok(lines[0]), two=(ok(lines[1]),))
    assert sorted(await asked.cosign(note, prove)) == sorted(lines)
    assert asked.said == ()


async def test_nobody_waits_for_a_slow_witness_when_enough_have_answered() -> None:
    note = note_of(4)
    asked, _, _ = asking(ok(cosigned(WITNESSES[0], note)), two=(ok(cosigned(WITNESSES[1], note)),))
    answer, stopped = asked.poster.ask, []

    async def slowly(url: str, body: bytes, content_type: str) -> Posted:
        if url == ONE:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.append(url)
                raise
        return await answer(url, body, content_type)

    slow = AskedWitnesses(named=asked.named, poster=Slow(slowly), clock=asked.clock)
    async with asyncio.timeout(5):
        assert await slow.cosign(note, prove, 1) == (cosigned(WITNESSES[1], note),)
    assert stopped == [ONE]
    assert slow.said == ()


async def test_who_knows_another_size_is_asked_again_from_there_and_remembered() -> None:
    asked, wire, _ = asking(size(3), ok(cosigned(WITNESSES[0], note_of(4))), ok(cosigned(WITNESSES[0], note_of(5))))
    assert len(await asked.cosign(note_of(4), prove)) == 1
    assert len(await asked.cosign(note_of(5), prove)) == 1
    assert [old for _, old in wire.asked] == [0, 3, 4]


@pytest.mark.parametrize(
    "answers",
    [
        (Refused(NO_ANSWER),),
        (ok(),),
        (ok("rubbish"),),
        (Posted(status=200, content_type="text/plain", body=b"\xff"),),
        (ok(cosigned(WITNESSES[1], note_of(4))),),
        (ok(cosigned(WITNESSES[0], note_of(5))),),
        (ok(LOG.sign(read_note(note_of(4)).text)),),
        (size(3), size(3)),
        (size(9),),
        (size("99999999999999999999"),),
        (size("-1"),),
        (size(3, kind="text/plain"),),
        (size("busy", status=503),),
        (size("unknown", status=404),),
    ],
)
async def test_other_answers_give_nothing_and_a_pause(answers) -> None:
    good = ok(cosigned(WITNESSES[1], note_of(4)))
    asked, wire, clock = asking(*answers, two=(good, good, good))
    assert len(await asked.cosign(note_of(4), prove)) == 1
    assert len(asked.said) == 1
    before = len(wire.asked)
    assert len(await asked.cosign(note_of(4), prove)) == 1
    assert len(wire.asked) == before + 1
    clock.at += PAUSE + timedelta(seconds=1)
    wire.answers[ONE].append(ok(cosigned(WITNESSES[0], note_of(4))))
    assert len(await asked.cosign(note_of(4), prove)) == 2
    assert asked.said == ()


async def test_pauses_grow_to_an_end() -> None:
    asked, _, clock = asking(*[Refused(NO_ANSWER)] * 30)
    waits = []
    for _ in range(20):
        await asked.cosign(note_of(4), prove)
        until = asked.named[0].rests_until
        assert until is not None
        waits.append(until - clock.at)
        clock.at = until
    assert (waits[0], waits[1], waits[-1]) == (PAUSE, 2 * PAUSE, LONGEST_PAUSE)


@pytest.mark.parametrize(
    "setting",
    [
        "https://w.example nothing",
        f"https://w.example {LOG.verifier.vkey}",
        f"{SETTING}, {SETTING}",
        "https://w.example",
    ],
)
def test_a_setting_that_cannot_be_read_is_refused(setting: str) -> None:
    with pytest.raises(Refused, match="witness-setting"):
        read_witnesses(setting)


def test_no_more_cosignatures_can_be_asked_for_than_there_are_witnesses() -> None:
    assert read_witnesses("") == ()
    assert len(read_witnesses(SETTING, 2)) == 2
    for setting, needed in ((SETTING, 3), ("", 1)):
        with pytest.raises(Refused, match="witness-setting"):
            read_witnesses(setting, needed)


@dataclass(slots=True)
class Shelf:
    """Hold one log and its cosignatures in memory."""

    size: int = 4
    kept: dict[int, tuple[str, ...]] = field(default_factory=dict)

    async def checkpoint(self, log: int) -> str:
        return note_of(self.size) if log == 1 else ""

    async def tile(self, _log: int, _level: int, _number: int) -> bytes:
        return b"".join(LEAVES[: self.size])

    async def add(self, _log: int, size: int, lines, _at: datetime) -> None:
        self.kept.setdefault(size, tuple(lines))

    async def newest(self, _log: int, needed: int) -> Cosigned | None:
        return self._first(sorted(self.kept, reverse=True), needed)

    async def covering(self, _log: int, index: int, needed: int) -> Cosigned | None:
        return self._first(sorted(size for size in self.kept if size > index), needed)

    def _first(self, sizes: list[int], needed: int) -> Cosigned | None:
        for size in sizes:
            if len(self.kept[size]) >= needed:
                return Cosigned(size=size, note=note_of(size) + "".join(self.kept[size]), count=len(self.kept[size]))
        return None


@dataclass(slots=True)
class Answering:
    """Cosign by so many witnesses, after the proof from an older size was held to the log."""

    count: int
    asked: int = 0
    old: int = 0
    said: tuple[str, ...] = ()

    async def cosign(self, note: str, prove, _needed: int = 0) -> tuple[str, ...]:
        self.asked += 1
        path = await prove(self.old)
        size = int(note.split("\n")[1])
        check_consistency(self.old, size, path, root_of(LEAVES[: self.old]), root_of(LEAVES[:size]))
        await asyncio.sleep(0.01)
        self.old = size
        return tuple(cosigned(each, note) for each in WITNESSES[: self.count])


def cosigner(needed: int, count: int) -> tuple[Cosigner, Shelf, Answering]:
    shelf, answering = Shelf(), Answering(count)
    keys = [each.verifier for each in WITNESSES]
    made = Cosigner(shelf=shelf, kept=shelf, witnesses=answering, verifiers=keys, clock=Clock(), needed=needed)  # type: ignore[arg-type]
    return made, shelf, answering


async def test_all_who_wait_share_what_is_asked_and_get_the_same() -> None:
    made, shelf, answering = cosigner(needed=2, count=2)
    found = await asyncio.gather(*(made.require(1, index) for index in range(4) for _ in range(5)))
    assert {(each.size, each.count) for each in found} == {(4, 2)}
    assert answering.asked == 1
    shelf.size = 7
    assert (await made.require(1, 2)).size == 4
    assert (await made.require(1, 4)).size == 7
    assert answering.asked == 2
    assert (await made.published(1)).count("\N{EM DASH}") == 3


async def test_too_few_cosignatures_are_kept_back() -> None:
    made, shelf, _ = cosigner(needed=2, count=1)
    with pytest.raises(Refused, match="log-cosignatures-missing"):
        await made.require(1, 0)
    assert shelf.kept == {}
    assert await made.published(1) == note_of(4)


async def test_where_none_are_needed_they_are_shown_when_they_are_there() -> None:
    made, shelf, answering = cosigner(needed=0, count=1)
    assert await made.published(1) == note_of(4)
    assert await made.cosign(1) is not None
    assert await made.published(1) == note_of(4) + cosigned(WITNESSES[0], note_of(4))
    assert await made.cosign(1) is not None
    assert answering.asked == 1
    shelf.size = 5
    assert await made.published(1) == note_of(5)
    assert (await made.cosign(2), await made.published(2)) == (None, "")
