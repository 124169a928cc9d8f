"""A monitor goes on with a log that grew, and names the one that rewrites, rolls back, splits or does not sign."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from envelopes.log.checkpoint import Checkpoint, open_checkpoint, write_checkpoint
from envelopes.log.note import COSIGNATURE, Signer, read_note, write_note
from envelopes.log.tree import check_consistency, leaf_hash, root_of
from envelopes.log.watching import Caught, Watcher
from trust_store.errors import Reason, Refused

LOG = Signer(name="example.com/log", key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(name="example.com/log", key=Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
WITNESS = Signer(name="w.example/1", key=Ed25519PrivateKey.from_private_bytes(bytes(32)), kind=COSIGNATURE)
LEAVES = [leaf_hash(b"%d" % number) for number in range(600)]
LIED = [*LEAVES[:100], leaf_hash(b"another"), *LEAVES[101:]]


def note_of(size: int, leaves: list[bytes] = LEAVES, signer: Signer = LOG) -> str:
    text = write_checkpoint(Checkpoint(origin=LOG.name, size=size, root=root_of(leaves[:size])))
    return write_note(text, [signer.sign(text)])


def reading(leaves: list[bytes]):
    async def read(level: int, number: int, width: int) -> bytes:
        step = 256**level
        first = number * 256 * step
        return b"".join(root_of(leaves[at : at + step]) for at in range(first, first + width * step, step))

    return read


def watcher(leaves: list[bytes] = LEAVES, **more) -> Watcher:
    return Watcher(log=LOG.verifier, read=reading(leaves), **more)


async def caught(work) -> Caught:
    with pytest.raises(Caught) as found:
        await work
    return found.value


@given(st.integers(0, 600), st.integers(0, 600))
async def test_a_log_that_grew_is_good(one: int, two: int) -> None:
    old, new = sorted((one, two))
    assert (await watcher().follow(note_of(new), note_of(old))).size == new
    assert (await watcher().follow(note_of(new), "")).size == new
    await watcher().hold(note_of(old), note_of(new))


@given(st.integers(101, 600), st.integers(101, 600))
async def test_a_log_that_was_rewritten_is_caught_with_a_proof_for_others(one: int, two: int) -> None:
    old, new = sorted((one, two))
    found = await caught(watcher(LIED).follow(note_of(new, LIED), note_of(old)))
    assert found.reason.code == "log-split-view"
    assert (found.earlier, found.later) == (note_of(old), note_of(new, LIED))
    if old < new:
        later = open_checkpoint(found.later, LOG.verifier)
        shown = root_of(LIED[:old])
        check_consistency(old, new, found.path, shown, later.root)
        assert shown != open_checkpoint(found.earlier, LOG.verifier).root


async def test_tiles_that_lead_nowhere_are_not_taken_for_a_split() -> None:
    for work in (watcher(LIED).follow(note_of(500), note_of(300)), watcher(LIED).follow(note_of(500), "")):
        assert (await caught(work)).reason.code == "tile-wrong"

    async def short(_level: int, _number: int, _width: int) -> bytes:
        return b"short"

    for last in (note_of(300), ""):
        found = await caught(Watcher(log=LOG.verifier, read=short).follow(note_of(500), last))
        assert found.reason.code == "tile-wrong"


async def test_an_older_state_is_caught() -> None:
    found = await caught(watcher().follow(note_of(300), note_of(500)))
    assert (found.reason.code, found.record()["path"]) == ("log-rolled-back", [])
    assert (await caught(watcher().hold(note_of(500), note_of(300)))).reason.code == "log-rolled-back"


async def test_a_signature_that_is_not_good_is_caught() -> None:
    assert (await caught(watcher().follow(note_of(500, signer=OTHER), note_of(300)))).reason.code == "note-not-signed"
    assert (await caught(watcher().follow("rubbish", note_of(300)))).reason.code == "note-malformed"
    assert (await caught(watcher().hold(note_of(300, signer=OTHER), note_of(500)))).reason.code == "note-not-signed"


async def test_a_checkpoint_needs_the_cosignatures_that_are_asked_for() -> None:
    asking = watcher(witnesses=(WITNESS.verifier,), needed=1)
    assert (await caught(asking.follow(note_of(5), ""))).reason.code == "log-cosignatures-missing"
    assert (await asking.follow(note_of(5) + WITNESS.sign(read_note(note_of(5)).text, 1), "")).size == 5


async def test_a_log_that_cannot_be_reached_is_not_accused() -> None:
    silent = Reason(code="log-unreachable", title="Silent", fix="Wait")

    async def fail(_level: int, _number: int, _width: int) -> bytes:
        raise Refused(silent)

    with pytest.raises(Refused) as found:
        await Watcher(log=LOG.verifier, read=fail).follow(note_of(500), note_of(300))
    assert not isinstance(found.value, Caught)
