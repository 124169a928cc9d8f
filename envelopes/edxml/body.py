"""Read the manifest inside the envelope and the files beside it (edXMLBody, AttachmentEncoded)."""

from __future__ import annotations

import base64
import binascii

from envelopes.edxml.element import Element
from envelopes.edxml.model import Attachment, Reference
from envelopes.edxml.syntax import MISSING
from trust_store.errors import Refused, reason

BASE64 = reason("edxml-base64", "A file is not in base64", "Encode the file in base64 (RFC 4648, section 4)")

_WHITE_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


def read_references(envelope: Element) -> tuple[Reference, ...]:
    """Read the manifest; an envelope without one lists nothing."""
    body = envelope.one("edXMLBody")
    manifest = body.one("edXMLManifest", "Manifest") if body else None
    return tuple(_read_reference(element) for element in manifest.all("Reference")) if manifest else ()


def read_attachments(root: Element) -> tuple[Attachment, ...]:
    """Read the files that travel beside the envelope; there may be none."""
    encoded = root.one("AttachmentEncoded")
    return tuple(_read_attachment(element) for element in encoded.all("Attachment")) if encoded else ()


def _read_reference(element: Element) -> Reference:
    return Reference(
        content_id=_content_id(element, element.optional_text("ContentId") or _href(element)),
        content_type=element.optional_text("ContentType"),
        description=element.optional_text("Description"),
        name=element.optional_text("AttachmentName"),
    )


def _read_attachment(element: Element) -> Attachment:
    return Attachment(
        content_id=_content_id(element, element.optional_text("ContentId")),
        name=element.required_text("AttachmentName"),
        description=element.optional_text("Description"),
        field_name=element.optional_text("FieldName"),
        mime_type=element.optional_text("MimeType"),
        content_type=element.optional_text("ContentType"),
        content=_decoded(element.required("ContentTransferEncoded")),
    )


def _content_id(element: Element, text: str | None) -> str:
    """Remove every leading `cid:`: parsing and building again with the common library adds one each time."""
    bare = text or ""
    while bare.startswith("cid:"):
        bare = bare.removeprefix("cid:").strip()
    if not bare:
        raise Refused(MISSING, "ContentId is missing or empty", where=element.where)
    return bare


def _href(element: Element) -> str | None:
    """Find `xlink:href`, with which some systems name the file; the prefix may be undeclared."""
    named = (
        value for name, value in element.node.items() if name in ("{http://www.w3.org/1999/xlink}href", "xlink:href")
    )
    return next(named, "").strip()


def _decoded(element: Element) -> bytes:
    text = (element.text or "").translate(_WHITE_SPACE)
    try:
        if len(text) % 4:
            raise binascii.Error
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Refused(BASE64, f"{element.name} is not base64", where=element.where) from None
