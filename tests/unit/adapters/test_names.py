"""Names made by strangers become names that are safe everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.folder.names import LONGEST, distinct, one_line, safe_name


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/", "file"),
        ("..", "file"),
        (".hidden", "hidden"),
        ("CON", "_CON"),
        ("nul.pdf", "_nul.pdf"),
        ("a\nb.pdf", "a_b.pdf"),
        ("a\x00b", "a_b"),
        ("cod\u202egnp.exe", "cod_gnp.exe"),
        ("a\udc80b", "a_b"),
        ('a<>:"|?*b', "a_______b"),
        ("tên tệp.pdf ", "tên tệp.pdf"),
        ("", "file"),
    ],
)
def test_a_name_becomes_safe(given_name, expected) -> None:
    assert safe_name(given_name) == expected


def test_a_long_name_keeps_its_extension() -> None:
    name = safe_name("ệ" * 300 + ".docx")
    assert name.endswith("ệ.docx")
    assert len(name.encode()) <= LONGEST


@given(st.text(alphabet=st.characters(codec=None)))
def test_whatever_it_was_it_is_one_part_of_a_path(text) -> None:
    name = safe_name(text)
    assert name
    assert not set(name) & set("/\\\0\n")
    assert not name.startswith(".")
    assert len(name.encode()) <= LONGEST
    assert safe_name(name) == name


def test_used_names_get_a_number_whatever_their_capitals() -> None:
    assert distinct("a.pdf", ["A.PDF", "a (2).pdf"]) == "a (3).pdf"
    assert distinct("readme", ["README"]) == "readme (2)"
    assert distinct("b.pdf", ["a.pdf"]) == "b.pdf"


def test_text_of_others_stays_on_its_line() -> None:
    assert one_line("a\nFrom: b\u202e") == "a From: b\N{REPLACEMENT CHARACTER}"
