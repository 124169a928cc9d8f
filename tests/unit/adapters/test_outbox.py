"""What is dropped is taken when it is complete, and read without being led elsewhere."""

from __future__ import annotations

import os

import pytest

from adapters.folder.outbox import PATIENCE, Outbox, read_dropped
from exchange.client import Refused


class Box:
    """Hold an outbox with clocks that the test sets."""

    def __init__(self, place) -> None:
        self.folder, self.taken = place / "outbox", place / "taken"
        self.folder.mkdir()
        self.taken.mkdir()
        self.wall = self.steady = 0.0
        self.outbox = Outbox(
            folder=self.folder,
            taken=self.taken,
            settle=5,
            is_used=lambda name: (self.taken / name).exists(),
            wall=lambda: self.wall,
            steady=lambda: self.steady,
        )

    def take(self, after: float) -> list[str]:
        """Look again so many seconds after the last change of anything."""
        self.wall = after + max(each.lstat().st_ctime for each in self.folder.rglob("*"))
        assert list(self.outbox.take()) == []
        return sorted(each.name for each in self.taken.iterdir())


@pytest.fixture
def box(tmp_path):
    return Box(tmp_path)


def test_a_file_is_taken_after_it_rested(box) -> None:
    (box.folder / "a.xml").write_bytes(b"<a/>")
    assert box.take(4.9) == []
    assert box.take(5.1) == ["a"]
    assert read_dropped(box.taken / "a").document == b"<a/>"


def test_an_old_date_does_not_make_it_complete(box) -> None:
    (box.folder / "a.xml").write_bytes(b"<a/>")
    os.utime(box.folder / "a.xml", (0, 0))
    assert box.take(1) == []


def test_a_date_in_the_future_does_not_keep_it_for_ever(box) -> None:
    (box.folder / "a.xml").write_bytes(b"<a/>")
    future = box.folder.stat().st_mtime + 10**6
    os.utime(box.folder / "a.xml", (future, future))
    assert box.take(9) == []
    box.steady = 5.1
    assert box.take(9) == ["a"]


@pytest.mark.parametrize("name", [".a.xml", "a.xml.tmp", "a.xml.part", "a.xml~", "Thumbs.db"])
def test_unfinished_names_and_clutter_stay(box, name) -> None:
    (box.folder / name).write_bytes(b"<a/>")
    assert box.take(10**6) == []


def test_a_folder_waits_for_its_letter(box) -> None:
    (box.folder / "a").mkdir()
    (box.folder / "a" / "a.pdf").write_bytes(b"%PDF-")
    assert box.take(60) == []
    (box.folder / "a" / "letter.toml").write_bytes(b"to = []")
    assert box.take(6) == ["a"]


def test_a_folder_that_never_gets_one_is_taken_to_be_refused(box) -> None:
    (box.folder / "a").mkdir()
    assert box.take(PATIENCE + 1) == ["a"]
    assert _code(box.taken / "a") == "outbox-unknown"


def test_a_name_that_is_used_gets_a_number(box) -> None:
    for _ in range(2):
        (box.folder / "a.xml").write_bytes(b"<a/>")
        box.take(6)
    assert sorted(each.name for each in box.taken.iterdir()) == ["a", "a-2"]


def test_a_name_with_a_newline_is_taken(box) -> None:
    (box.folder / "a\nb.xml").write_bytes(b"<a/>")
    assert box.take(6) == ["a_b"]


def _code(folder) -> str:
    with pytest.raises(Refused) as refusal:
        read_dropped(folder)
    return refusal.value.reason.code


def _link(folder) -> None:
    (folder / "a.pdf").symlink_to("/etc/hostname")


def _loop(folder) -> None:
    (folder / "a").symlink_to(folder)


def _pipe(folder) -> None:
    os.mkfifo(folder / "a.pdf")


def _inner(folder) -> None:
    (folder / "a").mkdir()


def _empty(folder) -> None:
    (folder / "a.pdf").touch()


def _huge(folder) -> None:
    with (folder / "a.pdf").open("wb") as file:
        file.truncate(2**40)


def _many(folder) -> None:
    for number in range(201):
        (folder / f"{number}.pdf").write_bytes(b"a")


def _nameless(folder) -> None:
    (folder / os.fsdecode(b"\xff.pdf")).write_bytes(b"a")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_link, "outbox-not-a-file"),
        (_loop, "outbox-not-a-file"),
        (_pipe, "outbox-not-a-file"),
        (_inner, "outbox-not-a-file"),
        (_empty, "outbox-empty"),
        (_huge, "outbox-too-large"),
        (_many, "outbox-too-large"),
        (_nameless, "outbox-unreadable"),
    ],
)
def test_hostile_content_is_refused_with_its_reason(tmp_path, spoil, code) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "letter.toml").write_bytes(b"to = []")
    spoil(folder)
    assert _code(folder) == code


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything, 1 case left out")
def test_what_may_not_be_read_is_refused(tmp_path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<a/>")
    (tmp_path / "a.xml").chmod(0)
    assert _code(tmp_path) == "outbox-unreadable"


def test_a_failed_folder_can_be_dropped_again_as_it_is(tmp_path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<a/>")
    (tmp_path / "refused.xml").write_bytes(b"<b/>")
    (tmp_path / "error.txt").write_text("\ufeffcongvan: receiver-unknown\n")
    assert read_dropped(tmp_path).document == b"<a/>"


def test_a_file_of_others_that_is_called_error_goes_along(tmp_path) -> None:
    (tmp_path / "letter.toml").write_bytes(b"x")
    (tmp_path / "error.txt").write_text("their own")
    assert read_dropped(tmp_path).files == {"error.txt": b"their own"}
