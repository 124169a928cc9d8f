"""Notes, checkpoints and the names of tiles are those of C2SP, and everything else is refused with its reason."""

from __future__ import annotations

import base64
import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from envelopes.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint, write_checkpoint
from envelopes.log.note import COSIGNATURE, Signer, Verifier, read_note, read_vkey, write_note
from envelopes.log.tiles import TileName, bundle, read_bundle, read_name
from trust_store.errors import Misuse, Refused

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = Signer(name="congvan/000.00.99.H56/1", key=KEY)
WITNESS = Signer(name="witness.example/w", key=Ed25519PrivateKey.from_private_bytes(bytes(32)), kind=COSIGNATURE)
TEXT = write_checkpoint(Checkpoint(origin=LOG.name, size=3, root=bytes(32)))
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def code_of(work, *arguments) -> str:
    with pytest.raises(Refused) as refused:
        work(*arguments)
    return refused.value.reason.code


def test_a_published_note_verifies() -> None:
    verifier = read_vkey(PUBLISHED_KEY)
    assert verifier.vkey == PUBLISHED_KEY
    assert read_note(PUBLISHED).verify(verifier) == 0
    assert code_of(read_note(PUBLISHED.replace("answer", "answers")).verify, verifier) == "note-not-signed"


def test_what_is_signed_verifies_and_other_signatures_are_passed_over() -> None:
    strange = f"\N{EM DASH} future.example/pq {base64.b64encode(b'abcd' + bytes(2420)).decode()}\n"
    note = write_note(TEXT, [LOG.sign(TEXT), strange, WITNESS.sign(TEXT, 1_795_000_000)])
    read = read_note(note)
    assert (read.verify(LOG.verifier), read.verify(WITNESS.verifier)) == (0, 1_795_000_000)
    assert open_checkpoint(note, read_vkey(LOG.verifier.vkey)).size == 3


def test_a_key_speaks_under_its_name_and_for_its_kind_only() -> None:
    note = write_note(TEXT, [LOG.sign(TEXT)])
    for name, kind in (("other", 1), (LOG.name, COSIGNATURE)):
        other = Verifier(name=name, kind=kind, key=LOG.verifier.key)
        assert code_of(read_note(note).verify, other) == "note-not-signed"


def test_a_signature_that_is_not_good_or_there_twice_refuses_the_note() -> None:
    line = LOG.sign(TEXT)
    packed = bytearray(base64.b64decode(line.split()[-1]))
    packed[-1] ^= 1
    bad = f"\N{EM DASH} {LOG.name} {base64.b64encode(packed).decode()}\n"
    short = f"\N{EM DASH} {LOG.name} {base64.b64encode(packed[:-1]).decode()}\n"
    for lines in ([bad], [short], [line, bad], [line, line]):
        assert code_of(read_note(write_note(TEXT, lines)).verify, LOG.verifier) == "note-not-signed"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        TEXT + "\n",
        write_note(TEXT, [LOG.sign(TEXT)]).rstrip("\n"),
        write_note(TEXT, [LOG.sign(TEXT)]).replace("\N{EM DASH}", "-"),
        write_note(TEXT, ["\N{EM DASH} name !!!\n"]),
        write_note(TEXT, ["\N{EM DASH} na+me AAAAAAAA\n"]),
        write_note(TEXT, ["\N{EM DASH} name AAAA\n"]),
        write_note(TEXT + "\x00\n", [LOG.sign(TEXT)]),
        write_note(TEXT.replace("\n", "\r\n"), [LOG.sign(TEXT)]),
        write_note(TEXT + "\ud800\n", [LOG.sign(TEXT)]),
        write_note("\N{EM DASH}" * 22_000 + "\n", [LOG.sign(TEXT)]),
        write_note(TEXT, [LOG.sign(TEXT)] * 65),
        write_note("x" * 70_000 + "\n", [LOG.sign(TEXT)]),
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    assert code_of(read_note, note) == "note-malformed"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000+AQ==",
        PUBLISHED_KEY.replace("c74f20a3", "c74f20a4"),
        PUBLISHED_KEY.replace("+AR", "+Ag"),
        PUBLISHED_KEY.replace("PeterNeumann", "Peter Neumann"),
        PUBLISHED_KEY[:-4],
        PUBLISHED_KEY + "!",
    ],
)
def test_what_is_no_key_is_refused(vkey: str) -> None:
    assert code_of(read_vkey, vkey) == "note-key-malformed"


def test_a_cosignature_is_made_and_read_as_the_standard_writes_it_down() -> None:
    """C2SP tlog-cosignature: 8 bytes of time and a signature over two more lines; not later than 2^63 - 1."""
    packed = base64.b64decode(WITNESS.sign(TEXT, 1679315147).split()[-1])
    assert (packed[:4], int.from_bytes(packed[4:12]), len(packed)) == (WITNESS.verifier.id, 1679315147, 76)
    WITNESS.key.public_key().verify(packed[12:], f"cosignature/v1\ntime 1679315147\n{TEXT}".encode())
    assert read_note(write_note(TEXT, [WITNESS.sign(TEXT, 2**63 - 1)])).verify(WITNESS.verifier) == 2**63 - 1
    late = read_note(write_note(TEXT, [WITNESS.sign(TEXT, 2**63)]))
    assert code_of(late.verify, WITNESS.verifier) == "note-not-signed"
    moved = bytearray(packed)
    moved[11] ^= 1
    other = read_note(write_note(TEXT, [f"\N{EM DASH} {WITNESS.name} {base64.b64encode(moved).decode()}\n"]))
    assert code_of(other.verify, WITNESS.verifier) == "note-not-signed"


@pytest.mark.parametrize("text", ["a\n", "a\n\nb\n", "a\n\n", "Ognuno sta solo\n\ned è subito sera.\n", "\x7f\n"])
def test_texts_may_have_empty_lines_and_any_letters(text: str) -> None:
    """C2SP signed-note: the last empty line divides; control characters are those below U+0020."""
    note = read_note(write_note(text, [LOG.sign(text)]))
    assert (note.text, note.verify(LOG.verifier)) == (text, 0)


def test_sixteen_signatures_that_resist_quantum_computers_fit() -> None:
    lines = [f"\N{EM DASH} pq.example/{at} {base64.b64encode(bytes([at]) * 2432).decode()}\n" for at in range(15)]
    note = read_note(write_note(TEXT, [*lines, LOG.sign(TEXT)]))
    assert (note.verify(LOG.verifier), len(note.signatures)) == (0, 16)


@given(st.text(max_size=200), st.text(alphabet="\n\N{EM DASH} +=Aa01", max_size=200))
def test_any_text_is_read_or_refused(one: str, two: str) -> None:
    for text in (one, two, one + two, write_note(TEXT, [two]), write_note(one + "\n", [LOG.sign(TEXT)])):
        for work in (read_note, read_vkey, read_checkpoint, read_name):
            with contextlib.suppress(Refused):
                work(text)


def test_only_whole_lines_are_signed() -> None:
    for text in ("no end", "a\tb\n", "a\rb\n"):
        with pytest.raises(Misuse):
            LOG.sign(text)
    with pytest.raises(Misuse):
        Signer(name="a b", key=KEY).sign(TEXT)


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    checkpoint = Checkpoint(origin="a/b", size=12, root=bytes(range(32)), extensions=("more", "and more"))
    assert read_checkpoint(write_checkpoint(checkpoint)) == checkpoint


@pytest.mark.parametrize("size", ["", "-1", "01", "1_0", "1.0", "٣", str(1 << 62), "9" * 30])
def test_the_size_of_a_checkpoint_is_a_plain_number(size: str) -> None:
    assert code_of(read_checkpoint, f"a/b\n{size}\n{'A' * 43}=\n") == "checkpoint-malformed"


@pytest.mark.parametrize("text", ["", "a\n1\n", "a\n1\nAAAA\n", f"a\n1\n{'A' * 42}B=\n", f"\n1\n{'A' * 43}=\n"])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    assert code_of(read_checkpoint, text) == "checkpoint-malformed"


def test_a_checkpoint_is_of_the_log_whose_key_signed_it() -> None:
    text = write_checkpoint(Checkpoint(origin="other", size=0, root=bytes(32)))
    assert code_of(open_checkpoint, write_note(text, [LOG.sign(text)]), LOG.verifier) == "checkpoint-other"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("0/000", TileName(level=0, number=0)),
        ("7/999", TileName(level=7, number=999)),
        ("0/x001/x234/067", TileName(level=0, number=1_234_067)),
        ("1/x001/000.p/255", TileName(level=1, number=1000, width=255)),
        ("entries/005.p/1", TileName(level=None, number=5, width=1)),
    ],
)
def test_tiles_have_one_name_each(path: str, name: TileName) -> None:
    assert (read_name(path), name.path) == (name, path)


@pytest.mark.parametrize(
    "path",
    ["", "0", "0/0", "8/000", "0/x000/000", "0/001/002", "0/000.p/0", "0/000.p/256", "0/000.p/001", "0/000/", "../000",
     "data/000", "0/" + "x999/" * 8 + "999"],
)  # fmt: skip
def test_other_names_are_refused(path: str) -> None:
    assert code_of(read_name, path) == "tile-unknown"


def test_bundles_are_read_as_they_were_written() -> None:
    entries = [b"", b"a" * 300, bytes(32)]
    assert read_bundle(bundle(entries)) == entries
    for data in (b"\0", b"\0\x02a", bundle([b""] * 257)):
        assert code_of(read_bundle, data) == "tile-wrong"
