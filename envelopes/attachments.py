"""The files that travel with a letter: what they are, how they are wrapped for the way, and how they are taken out.

Many document systems zip every file that is not PDF or Word, under its own name; readers take it out again.
"""

from __future__ import annotations

import io
import re
import zipfile
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
_OOXML_TYPES = (
    (b"wordprocessingml.document.main+xml", f"{_OFFICE}.wordprocessingml.document"),
    (b"spreadsheetml.sheet.main+xml", f"{_OFFICE}.spreadsheetml.sheet"),
    (b"presentationml.presentation.main+xml", f"{_OFFICE}.presentationml.presentation"),
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
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_RAW = frozenset({"pdf", "doc", "docx"})
_ARCHIVES = frozenset({"zip", "jar", "kmz"})
_ENTRIES_LOOKED_AT = 10_000


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
    if zipfile.is_zipfile(io.BytesIO(data)) and data.startswith(b"PK"):
        return _sniff_zip(data)
    return _sniff_text(data, name) or _NAMED.get(_extension(name), UNKNOWN)


def unwrap(attachment: Attachment, caps: Caps = Caps()) -> Content:
    """Take a file out of the zip that was put around it for the way; give every other file as it is.

    Raises:
        Refused: announced as wrapped but not a zip, not exactly one file in it, encrypted, or too large unpacked.
    """
    data, name = attachment.content, attachment.name
    media_type = sniff(data, name)
    announced = (attachment.content_type or "").lower() == ZIP
    if (
        _extension(name) in _ARCHIVES
        or not data
        or not (media_type == ZIP or (announced and not _is_package(media_type)))
    ):
        return Content(name=name, media_type=media_type, data=data, wrapped=False)
    if not announced and len(_entries(data, name)) != 1:
        return Content(name=name, media_type=media_type, data=data, wrapped=False)
    inner = _take_out(data, name, caps)
    return Content(name=name, media_type=sniff(inner, name), data=inner, wrapped=True)


def wrap(name: str, data: bytes, *, content_id: str, entry: str) -> Attachment:
    """Prepare a file for the way as the common library does: PDF, Word and zip as they are, all else zipped.

    `entry` names the zipped file, without its extension; a UUID is usual. `unwrap` gives the same bytes back, and equal
    input gives equal bytes.

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
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if stem and dot else ""


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


def _sniff_zip(data: bytes) -> str: ...
