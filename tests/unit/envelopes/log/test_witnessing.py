"""A witness cosigns what continues that which it cosigned before, and refuses all else with the status of C2SP tlog-witness."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from envelopes.log import tiles
from envelopes.log.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from envelopes.log.note import COSIGNATURE, Signer, read_note, write_note
from envelopes.log.tree import EMPTY, leaf_hash, root_of
from envelopes.log.witnessing import (
    MAX_REQUEST,
    Seen,
    StaleSize,
    Submission,
    add_cosignatures,
    check_submission,
    enough,
    origin_of,
    read_submission,
    write_submission,
)
from trust_store.errors import Refused

LOG = Signer(name="example.com/log", key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(name="example.com/log", key=Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
WITNESSES = [
    Signer(name=f"w.example/{number}", key=Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), kind=COSIGNATURE)
    for number in range(1, 4)
]
LEAVES = [leaf_hash(b"%d" % number) for number in range(600)]
TIME = 1_795_000_000
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\N{EM DASH} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""
"""The example of C2SP tlog-witness, add-checkpoint."""


def note_of(size: int, leaves: list[bytes] = LEAVES, signer: Signer = LOG) -> str:
    text = write_checkpoint(Checkpoint(origin=LOG.name, size=size, root=root_of(leaves[:size])))
    return write_note(text, [signer.sign(text)])


async def path_of(old: int, new: int, leaves: list[bytes] = LEAVES) -> tuple[bytes, ...]:
    async def read(level: int, number: int, width: int) -> bytes:
        step = 256**level
        first = number * 256 * step
        return b"".join(root_of(leaves[at : at + step]) for at in range(first, first + width * step, step))

    return await tiles.consistency_proof(read, old, new)


def seen(size: int) -> Seen:
    return Seen(size=size, root=root_of(LEAVES[:size]) if size else b"")


def judge(submission: Submission, known: Seen) -> None:
    note, checkpoint = origin_of(submission)
    check_submission(submission, note, checkpoint, LOG.verifier, known)


def code_of(work, *arguments) -> str:
    with pytest.raises(Refused) as refused:
        work(*arguments)
    return refused.value.reason.code


def test_the_example_of_the_standard_is_read() -> None:
    read = read_submission(EXAMPLE.encode())
    note, checkpoint = origin_of(read)
    assert (read.old, len(read.path), len(note.signatures)) == (20852014, 4, 2)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert write_submission(read) == EXAMPLE.encode()


@given(st.integers(0, 600), st.integers(0, 600))
async def test_what_continues_is_cosigned(one: int, two: int) -> None:
    old, new = sorted((one, two))
    submission = Submission(old=old, path=await path_of(old, new), note=note_of(new))
    assert read_submission(write_submission(submission)) == submission
    judge(submission, seen(old))
    if old == 0:
        judge(submission, Seen(size=0, root=EMPTY))


@given(st.integers(1, 600), st.integers(1, 600), st.data())
async def test_a_history_that_was_rewritten_is_not(one: int, two: int, data: st.DataObject) -> None:
    old, new = sorted((one, two))
    at = data.draw(st.integers(0, old - 1))
    lied = [*LEAVES[:at], leaf_hash(b"another"), *LEAVES[at + 1 :]]
    submission = Submission(old=old, path=await path_of(old, new, lied), note=note_of(new, lied))
    expected = "witness-root-differs" if old == new else "witness-proof-wrong"
    assert code_of(judge, submission, seen(old)) == expected


async def test_each_rule_has_its_own_refusal() -> None:
    path = await path_of(300, 500)
    good = Submission(old=300, path=path, note=note_of(500))
    assert (
        code_of(judge, Submission(old=300, path=path, note=note_of(500, signer=OTHER)), seen(300))
        == "witness-not-signed"
    )
    assert code_of(judge, Submission(old=501, path=path, note=note_of(500)), seen(501)) == "witness-malformed"
    assert code_of(judge, Submission(old=300, path=path[:-1], note=note_of(500)), seen(300)) == "witness-proof-wrong"
    assert code_of(judge, Submission(old=0, path=path, note=note_of(500)), seen(0)) == "witness-proof-wrong"
    assert code_of(judge, Submission(old=500, path=path, note=note_of(500)), seen(500)) == "witness-proof-wrong"
    with pytest.raises(StaleSize) as refused:
        judge(good, seen(400))
    assert (refused.value.size, refused.value.reason.code) == (400, "witness-size-differs")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"old 0",
        b"old 00\n\n" + note_of(1).encode(),
        b"old -1\n\n" + note_of(1).encode(),
        b"old 9999999999999999999\n\n" + note_of(1).encode(),
        "old \N{ARABIC-INDIC DIGIT ONE}\n\n".encode() + note_of(1).encode(),
        b"OLD 0\n\n" + note_of(1).encode(),
        b"old 0\nAAAA\n\n" + note_of(1).encode(),
        b"old 0\n!\n\n" + note_of(1).encode(),
        b"old 1\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + note_of(1).encode(),
        b"old 0\n\n" + b"x" * MAX_REQUEST,
    ],
)
def test_a_request_that_is_not_of_the_standard_is_refused(data: bytes) -> None:
    assert code_of(read_submission, data) == "witness-malformed"


@pytest.mark.parametrize("note", ["", "x", "a\n1\n\n", note_of(1).replace("\n1\n", "\n01\n"), note_of(1)[:-3]])
def test_a_request_without_a_checkpoint_is_refused(note: str) -> None:
    assert code_of(origin_of, Submission(old=0, path=(), note=note)) == "witness-malformed"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        origin_of(read_submission(data))
    except Refused as refusal:
        assert refusal.reason.code == "witness-malformed"


def test_good_cosignatures_are_taken_over_and_others_passed_over() -> None:
    note = note_of(5)
    text = read_note(note).text
    lines = [witness.sign(text, TIME) for witness in WITNESSES]
    known = [witness.verifier for witness in WITNESSES[:2]]
    assert add_cosignatures(note, "".join(lines), known) == tuple(lines[:2])
    assert add_cosignatures(note, lines[2], known) == ()
    wrong = WITNESSES[0].sign(text.replace("\n5\n", "\n6\n"), TIME)
    assert code_of(add_cosignatures, note, wrong, known) == "note-not-signed"
    for answer in ("", "no line", "\n", lines[0][:-1], f"\n{lines[0]}", f"{lines[0]}\n"):
        assert code_of(add_cosignatures, note, answer, known) == "note-malformed"


def test_the_policy_counts_good_cosignatures_by_witness() -> None:
    note = note_of(5)
    text = read_note(note).text
    known = [witness.verifier for witness in WITNESSES]
    two = note + WITNESSES[0].sign(text, TIME) + WITNESSES[1].sign(text, TIME)
    assert enough(two, known, 2) == ("w.example/1", "w.example/2")
    assert enough(note, known, 0) == ()
    assert code_of(enough, two, known, 3) == "log-cosignatures-missing"
    assert code_of(enough, two, known[1:], 2) == "log-cosignatures-missing"
    doubled = note + WITNESSES[0].sign(text, TIME) + WITNESSES[0].sign(text, TIME + 1)
    assert code_of(enough, doubled, known, 1) == "log-cosignatures-missing"
    assert code_of(enough, note + WITNESSES[0].sign(text + "x\n", TIME), known, 1) == "log-cosignatures-missing"


def test_the_checkpoint_with_a_cosignature_of_the_standard_is_read() -> None:
    """The example of C2SP tlog-cosignature; its keys were not published, so only its form and its time are held."""
    published = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "\N{EM DASH} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    note = read_note(published)
    assert read_checkpoint(note.text).size == 20852163
    assert len(note.signatures[1].value) == 72
    assert int.from_bytes(note.signatures[1].value[:8]) == 1679315147
