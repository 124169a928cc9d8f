"""Names of downloads are only names, however they were written."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from exchange.api.ranges import MAX_NAME, disposition, safe_name


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("Bản vẽ số 1.dwg", "Bản vẽ số 1.dwg"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\windows\\a.exe", "C__windows_a.exe"),
        ('a"b\r\nSet-Cookie: x.pdf', "a_bSet-Cookie_ x.pdf"),
        ("\u202efdp.exe", "fdp.exe"),
        ("a\0b", "ab"),
        ("...", "attachment"),
        ("", "attachment"),
        (" . .", "attachment"),
        ("x" * 500 + ".pdf", "x" * (MAX_NAME - 4) + ".pdf"),
        ("x" * 500, "x" * MAX_NAME),
    ],
)
def test_a_name_is_only_a_name(given, safe) -> None:
    assert safe_name(given) == safe


@pytest.mark.parametrize("name", ["Bản vẽ 100%.pdf", "漢字;x=y.txt", 'q"uote', "a\r\nb", "đơn\u0301.pdf"])
def test_the_header_holds_the_name_in_both_spellings(name) -> None:
    header = disposition(name)
    plain, _, extended = header.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
    assert header.isascii()
    assert header.isprintable()
    assert not set('"\\;%') & set(plain)
    assert unquote(extended) == safe_name(name)
