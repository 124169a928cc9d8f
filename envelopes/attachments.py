"""The files that travel with a letter: what they are, how they are wrapped for the way, and how they are taken out.

Many document systems zip every file that is not PDF or Word, under its own name; readers take it out again.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from envelopes.edxml.model import Attachment, Reference
from trust_store.errors import Refused, reason

NOT_A_ZIP = reason(
    "attachment-not-zip",
    "A file that should be a zip archive cannot be opened",
    "Ask the sender to send the file again",
)
ENTRIES = reason(
    "attachment-entries",
    "A wrapped file does not hold exactly one file",
    "Put one file into each wrapping, or name the archive .zip",
)
ENCRYPTED = reason("attachment-encrypted", "A wrapped file is encrypted", "Send the file without a password")
BOMB = reason("attachment-bomb", "A wrapped file is too large when unpacked", "Send the file unwrapped, or in parts")

MEBIBYTE = 1024 * 1024
ZIP = "application/zip"
TEXT = "text/plain"
UNKNOWN = "application/octet-stream"

_OFFICE = "application/vnd.openxmlformats-officedocument"
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_TYPES = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "msg": "application/vnd.ms-outlook",
}
_OFFICE_TYPES = (
    (b"wordprocessingml.document.main+xml", f"{_OFFICE}.wordprocessingml.document"),
    (b"spreadsheetml.sheet.main+xml", f"{_OFFICE}.spreadsheetml.sheet"),
    (b"presentationml.presentation.main+xml", f"{_OFFICE}.presentationml.presentation"),
    (b"ms-word.document.macroEnabled.main+xml", "application/vnd.ms-word.document.macroEnabled.12"),
    (b"ms-excel.sheet.macroEnabled.main+xml", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    (b"ms-powerpoint.presentation.macroEnabled.main+xml", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"),
    (b"ms-visio.drawing.main+xml", "application/vnd.ms-visio.drawing"),
)
_NAMED = {
    "7z": "application/x-7z-compressed",
    "bmp": "image/bmp",
    "dwg": "image/vnd.dwg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "p7m": "application/pkcs7-mime",
    "p7s": "application/pkcs7-signature",
    "rar": "application/vnd.rar",
}
_DECLARED = re.compile(rb"application/(vnd\.oasis\.opendocument\.|vnd\.etsi\.asic-|epub\+zip)[a-z.+-]*")
_EXTENSION = re.compile(r".\.([0-9A-Za-z]{1,16})$")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_RAW = frozenset({"pdf", "doc", "docx"})
_ARCHIVES = frozenset({"zip", "jar", "kmz"})
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MANY = 10_000
_UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Bound what unpacking may cost: bytes, and bytes out for each byte in once there are more than `free` bytes."""

    size: int = 64 * MEBIBYTE
    ratio: int = 200
    free: int = MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Hold a file as a person reads it; `wrapped` says that it was taken out of a zip made for the way."""

    name: str
    media_type: str
    data: bytes
    wrapped: bool


def sniff(data: bytes, name: str) -> str:
    """Tell the media type from the bytes; the name only refines it, or speaks for formats without a known beginning.

    A name never makes bytes something that they are not: bytes named .pdf that are no PDF are octets.
    """
    found = next((media_type for magic, media_type in _MAGIC if data.startswith(magic)), None)
    if found:
        return found
    if data.startswith(_OLE):
        return _OLE_TYPES.get(_extension(name), "application/x-ole-storage")
    if _is_zip(data):
        return _sniff_zip(data)
    return _sniff_text(data, name) or _NAMED.get(_extension(name), UNKNOWN)


def unwrap(attachment: Attachment, caps: Caps = Caps()) -> Content:
    """Take a file out of the zip that was put around it for the way; give every other file as it is.

    A ContentType of application/zip announces such a zip, unless the name ends in .zip or the bytes are an office
    document. A zip of one file under another name and type is such a zip as well.

    Raises:
        Refused: announced as wrapped but not a zip, not exactly one file in it, encrypted, or too large unpacked.
    """
    data, name = attachment.content, attachment.name
    media_type = sniff(data, name)
    if not _is_wrapped(attachment, media_type):
        return Content(name=name, media_type=media_type, data=data, wrapped=False)
    inner = _take_out(data, name, caps)
    return Content(name=name, media_type=sniff(inner, name), data=inner, wrapped=True)


def wrap(name: str, data: bytes, *, content_id: str, entry: str) -> Attachment:
    """Prepare a file for the way as the common library does: PDF, Word and zip as they are, all else zipped.

    `entry` names the zipped file, without its extension; a UUID is usual. Equal input gives equal bytes, and `unwrap`
    gives back what was put in, up to its size cap. Raw bytes are never announced as a zip that they are not.

    Raises:
        Refused: the file is named .zip and is none.
    """
    extension = _extension(name)
    is_zip = sniff(data, name) == ZIP
    if extension == "zip" and not is_zip:
        raise Refused(NOT_A_ZIP, f"“{name}” is not a zip archive")
    if extension == "zip" or (extension in _RAW and not is_zip):
        content_type, content = f"application/{extension}", data
    else:
        content_type, content = ZIP, _put_in(data, f"{entry}.{extension}" if extension else entry)
    return Attachment(content_id=content_id, name=name, description=name, content_type=content_type, content=content)


def manifest(attachments: Iterable[Attachment]) -> tuple[Reference, ...]:
    """List the files for the manifest, in order."""
    return tuple(
        Reference(
            content_id=attachment.content_id,
            content_type=attachment.content_type,
            description=attachment.description,
            name=attachment.name,
        )
        for attachment in attachments
    )


def _extension(name: str) -> str:
    found = _EXTENSION.search(name)
    return found[1].lower() if found else ""


def _sniff_text(data: bytes, name: str) -> str | None:
    if not data or _CONTROL.search(data):
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if text.lstrip().startswith("<?xml"):
        return "application/xml"
    return "text/csv" if _extension(name) == "csv" else TEXT


def _is_zip(data: bytes) -> bool:
    return data.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(data))


def _has_many_entries(data: bytes) -> bool:
    """Count without opening, because opening builds an object for every entry."""
    return data.count(b"PK\x01\x02") > _MANY


def _sniff_zip(data: bytes) -> str:
    if _has_many_entries(data):
        return ZIP
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _package_type(archive) or ZIP
    except _UNREADABLE:
        return UNKNOWN


def _package_type(archive: zipfile.ZipFile) -> str | None:
    """Tell which format based on zip this is: by its first entry `mimetype`, or by [Content_Types].xml."""
    names = archive.namelist()
    if names[:1] == ["mimetype"]:
        declared = _DECLARED.fullmatch(_beginning(archive, "mimetype").strip())
        return declared[0].decode("ascii") if declared else None
    if "[Content_Types].xml" in names:
        types = _beginning(archive, "[Content_Types].xml")
        return next((media_type for part, media_type in _OFFICE_TYPES if part in types), UNKNOWN)
    return None


def _beginning(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).compress_type not in _METHODS:
        return b""
    with archive.open(name) as entry:
        return entry.read(MEBIBYTE)


def _is_wrapped(attachment: Attachment, media_type: str) -> bool:
    data, extension = attachment.content, _extension(attachment.name)
    if not data or extension == "zip":
        return False
    if (attachment.content_type or "").lower() == ZIP:
        return media_type in (ZIP, UNKNOWN) or not _is_zip(data)
    return media_type == ZIP and extension not in _ARCHIVES and _has_one_file(data)


def _has_one_file(data: bytes) -> bool:
    if _has_many_entries(data):
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return len(_files(archive)) == 1


def _files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [entry for entry in archive.infolist() if not entry.is_dir()]


def _take_out(data: bytes, name: str, caps: Caps) -> bytes:
    if _has_many_entries(data):
        raise Refused(ENTRIES, f"“{name}” is wrapped together with more than {_MANY:,} others")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = _files(archive)
            if len(files) != 1:
                raise Refused(ENTRIES, f"“{name}” is wrapped in an archive of {len(files)} files")
            _check_entry(files[0], name, caps)
            with archive.open(files[0]) as entry:
                return entry.read(files[0].file_size + 1)
    except _UNREADABLE:
        raise Refused(NOT_A_ZIP, f"“{name}” is announced as zipped, and cannot be unpacked") from None


def _check_entry(entry: zipfile.ZipInfo, name: str, caps: Caps) -> None:
    """Look at what the entry says of itself; the reader unpacks no more than the size that it states."""
    if entry.flag_bits & 0x1:
        raise Refused(ENCRYPTED, f"“{name}” is encrypted in its wrapping")
    if entry.compress_type not in _METHODS:
        raise Refused(NOT_A_ZIP, f"“{name}” is compressed in an unusual way")
    if entry.file_size > caps.size or _is_too_dense(entry, caps):
        raise Refused(BOMB, f"“{name}” has {entry.file_size:,} bytes when unpacked")


def _is_too_dense(entry: zipfile.ZipInfo, caps: Caps) -> bool:
    return entry.file_size > caps.free and entry.file_size > caps.ratio * entry.compress_size


def _put_in(data: bytes, entry: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Zip one file with a fixed time; what deflates so well that a reader would suspect a bomb is stored as it is."""
    info = zipfile.ZipInfo(entry, (1980, 1, 1, 0, 0, 0))
    info.compress_type, info.create_system = method, 0
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, data)
    return _put_in(data, entry, zipfile.ZIP_STORED) if _is_too_dense(info, Caps()) else buffer.getvalue()
