"""Tell what files are, wrap them for the way and take them out."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envelopes.attachments import Caps, manifest, sniff, unwrap, wrap
from envelopes.edxml import Attachment, Reference
from trust_store.errors import Refused

OFFICE = "application/vnd.openxmlformats-officedocument"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8)
MAIN = '<Types><Override ContentType="application/{}.main+xml"/></Types>'


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return buffer.getvalue()


def office(main: str) -> bytes:
    return zipped(("[Content_Types].xml", MAIN.format(main).encode()), ("_rels/.rels", b""))


def declared(media_type: bytes) -> bytes:
    return zipped(("mimetype", media_type), ("content.xml", b"<a/>"), method=zipfile.ZIP_STORED)


def attachment(name: str, content: bytes, content_type: str | None = "application/zip") -> Attachment:
    return Attachment(content_id="1", name=name, content=content, content_type=content_type)


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (b"%PDF-1.7\n", "a.txt", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "a", "image/png"),
        (b"\xff\xd8\xff\xe0", "a", "image/jpeg"),
        (b"GIF89a", "a", "image/gif"),
        (b"II*\0", "a", "image/tiff"),
        (b"MM\0*", "a", "image/tiff"),
        (b"{\\rtf1", "a.doc", "application/rtf"),
        (OLE, "a.DOC", "application/msword"),
        (OLE, "a.xls", "application/vnd.ms-excel"),
        (OLE, "a.ppt", "application/vnd.ms-powerpoint"),
        (OLE, "a.msg", "application/vnd.ms-outlook"),
        (OLE, "a.pdf", "application/x-ole-storage"),
        (b'<?xml version="1.0"?><a/>', "a.pdf", "application/xml"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "a", "application/xml"),
        ("Công văn\r\n".encode(), "a.html", "text/plain"),
        (b"a;b\n", "a.csv", "text/csv"),
        (b"caf\xe9", "a.txt", "application/octet-stream"),
        (b"\0\1\2", "a.pdf", "application/octet-stream"),
        (b"\0\1\2", "a.rar", "application/vnd.rar"),
        (b"", "a.pdf", "application/octet-stream"),
        (zipped(("a.txt", b"a")), "a.docx", "application/zip"),
        (zipped(), "a", "application/zip"),
        (b"PK\x03\x04fake", "a.docx", "application/octet-stream"),
        (
            office("vnd.openxmlformats-officedocument.wordprocessingml.document"),
            "a",
            f"{OFFICE}.wordprocessingml.document",
        ),
        (office("vnd.openxmlformats-officedocument.spreadsheetml.sheet"), "a.zip", f"{OFFICE}.spreadsheetml.sheet"),
        (
            office("vnd.openxmlformats-officedocument.presentationml.presentation"),
            "a",
            f"{OFFICE}.presentationml.presentation",
        ),
        (office("vnd.ms-word.document.macroEnabled"), "a.docx", "application/vnd.ms-word.document.macroEnabled.12"),
        (office("x-something"), "a.docx", "application/octet-stream"),
        (declared(b"application/vnd.oasis.opendocument.text"), "a", "application/vnd.oasis.opendocument.text"),
        (declared(b"application/vnd.etsi.asic-e+zip"), "a", "application/vnd.etsi.asic-e+zip"),
        (declared(b"text/html"), "a", "application/zip"),
        (zipped(("[Content_Types].xml", b"x"), method=zipfile.ZIP_BZIP2), "a.docx", "application/octet-stream"),
    ],
)
def test_sniff(data: bytes, name: str, media_type: str) -> None:
    assert sniff(data, name) == media_type


def test_a_damaged_zip_is_octets() -> None:
    data = bytearray(zipped(("a.txt", b"a")))
    data[data.index(b"PK\x01\x02")] = 0
    assert sniff(bytes(data), "a.docx") == "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "content", "content_type", "data"),
    [
        ("a.PDF", zipped(("x.PDF", b"%PDF-")), "application/zip", b"%PDF-"),
        ("a.pdf", zipped(("x.pdf", b"%PDF-")), "application/pdf", b"%PDF-"),
        ("a.doc", zipped(("x.bin", OLE)), "application/zip", OLE),
        ("a.txt", zipped(("dir/", b""), ("dir/x.txt", b"x")), None, b"x"),
        ("a.zip.txt", zipped(("x", b"")), "APPLICATION/ZIP", b""),
        ("a.kmz", zipped(("x.kmz", zipped(("doc.kml", b"x")))), "application/zip", zipped(("doc.kml", b"x"))),
    ],
)
def test_a_wrapped_file_is_taken_out(name: str, content: bytes, content_type: str | None, data: bytes) -> None:
    found = unwrap(attachment(name, content, content_type))
    assert (found.name, found.data, found.wrapped) == (name, data, True)
    assert found.media_type == sniff(data, name)


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("a.pdf", b"%PDF-", "application/pdf"),
        ("a.zip", zipped(("x", b"x")), "application/zip"),
        ("a.docx", office("vnd.openxmlformats-officedocument.wordprocessingml.document"), "application/zip"),
        ("a.odt", declared(b"application/vnd.oasis.opendocument.text"), None),
        ("a.dat", zipped(("x", b"x"), ("y", b"y")), "application/octet-stream"),
        ("a.kmz", zipped(("doc.kml", b"x")), "application/octet-stream"),
        ("a.txt", b"", "application/zip"),
        ("a.dat", zipped(("x", b"PK\x01\x02" * 10_001), method=zipfile.ZIP_STORED), "application/octet-stream"),
        ("a.docx", b"PK\x03\x04fake", "application/docx"),
    ],
)
def test_other_files_are_given_as_they_are(name: str, content: bytes, content_type: str | None) -> None:
    found = unwrap(attachment(name, content, content_type))
    assert (found.data, found.wrapped, found.media_type) == (content, False, sniff(content, name))


def encrypted() -> bytes:
    data = bytearray(zipped(("x.txt", b"x")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def corrupted() -> bytes:
    data = bytearray(zipped(("x.txt", b"abc"), method=zipfile.ZIP_STORED))
    data[data.index(b"abc")] ^= 1
    return bytes(data)


def understated() -> bytes:
    """A bomb that says that it is small."""
    data = bytearray(zipped(("x.txt", bytes(3_000_000))))
    data[22:26] = (10).to_bytes(4, "little")
    start = data.index(b"PK\x01\x02") + 24
    data[start : start + 4] = (10).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Hello", "attachment-not-zip"),
        (b"%PDF-1.4", "attachment-not-zip"),
        (corrupted(), "attachment-not-zip"),
        (understated(), "attachment-not-zip"),
        (zipped(("x.txt", b"x"), method=zipfile.ZIP_BZIP2), "attachment-not-zip"),
        (zipped(), "attachment-entries"),
        (zipped(("x", b"x"), ("y", b"y")), "attachment-entries"),
        (zipped(("x", b"PK\x01\x02" * 10_001)), "attachment-bomb"),
        (zipped(("x", b"PK\x01\x02" * 10_001), method=zipfile.ZIP_STORED), "attachment-entries"),
        (encrypted(), "attachment-encrypted"),
        (zipped(("x", bytes(2_000_000))), "attachment-bomb"),
    ],
)
def test_what_cannot_be_taken_out_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        unwrap(attachment("a.txt", content), Caps(free=30_000))
    assert caught.value.reason.code == code
    assert "a.txt" in caught.value.detail


def test_the_size_cap() -> None:
    content = zipped(("x", b"12345"))
    assert unwrap(attachment("a.txt", content), Caps(size=5)).data == b"12345"
    with pytest.raises(Refused) as caught:
        unwrap(attachment("a.txt", content), Caps(size=4))
    assert caught.value.reason.code == "attachment-bomb"


def test_a_small_file_may_be_as_dense_as_it_likes() -> None:
    content = zipped(("x", bytes(1_000_000)))
    assert len(content) * 200 < 1_000_000
    assert unwrap(attachment("a.bmp", content)).data == bytes(1_000_000)


@pytest.mark.parametrize(
    ("name", "data", "content_type", "raw"),
    [
        ("a.PDF", b"%PDF-", "application/pdf", True),
        ("a.doc", OLE, "application/doc", True),
        ("a.docx", office("vnd.openxmlformats-officedocument.wordprocessingml.document"), "application/docx", True),
        ("a.zip", zipped(("x", b"x")), "application/zip", True),
        ("a.txt", b"x", "application/zip", False),
        ("a.xlsx", b"x", "application/zip", False),
        ("README", b"x", "application/zip", False),
        ("a.pdf", zipped(("x", b"x")), "application/zip", False),
    ],
)
def test_wrap(name: str, data: bytes, content_type: str, raw: bool) -> None:
    made = wrap(name, data, content_id="7", entry="5ccbf32d")
    assert (made.content_id, made.name, made.content_type) == ("7", name, content_type)
    assert (made.content == data) is raw
    assert unwrap(made).data == data


def test_the_wrapped_entry_has_the_given_name_and_no_time() -> None:
    made = wrap("Báo cáo.XLSX", b"x", content_id="7", entry="5ccbf32d")
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        (entry,) = archive.infolist()
    assert (entry.filename, entry.date_time) == ("5ccbf32d.xlsx", (1980, 1, 1, 0, 0, 0))
    assert wrap("Báo cáo.XLSX", b"x", content_id="7", entry="5ccbf32d") == made


def test_what_would_look_like_a_bomb_is_stored() -> None:
    made = wrap("a.bmp", bytes(3_000_000), content_id="7", entry="e")
    assert unwrap(made).data == bytes(3_000_000)


def test_a_false_zip_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        wrap("a.zip", b"Hello", content_id="7", entry="e")
    assert caught.value.reason.code == "attachment-not-zip"


@given(
    st.sampled_from(["a.pdf", "a.doc", "a.docx", "a.txt", "a.xlsx", "a.kmz", "a", ".pdf", "a.b/c", "đơn.PDF"]),
    st.binary(max_size=60) | st.binary(max_size=20).map(lambda data: zipped(("x.txt", data))) | st.just(zipped()),
)
@settings(deadline=None)
def test_what_is_wrapped_is_taken_out_the_same(name: str, data: bytes) -> None:
    made = wrap(name, data, content_id="7", entry="e")
    assert unwrap(made).data == data
    assert made.content_type != "application/zip" or zipfile.is_zipfile(io.BytesIO(made.content))


def test_manifest() -> None:
    made = wrap("a.pdf", b"%PDF-", content_id="7", entry="e")
    expected = Reference(content_id="7", content_type="application/pdf", description="a.pdf", name="a.pdf")
    assert manifest([made]) == (expected,)
