"""Large files beside letters: upload by tus 1.0.0, list, and download whole or in parts."""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import aclosing
from email.utils import format_datetime
from typing import Final

import structlog
from aiohttp import web

from exchange.api.ranges import Span, disposition, read_range
from exchange.api.routes import Asked, Header, Route, answer
from exchange.api.views import AttachmentView
from exchange.auth.permissions import Action
from exchange.core.model import Attachment, MessageKey
from exchange.core.ports.files import UploadId
from exchange.core.uploads import Standing
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.errors import Refused, reason

TUS: Final = "1.0.0"
OCTETS: Final = "application/offset+octet-stream"
BYTES: Final = "application/octet-stream"
TUS_VERSION = reason("tus-version", "This version of tus is not spoken here", "Send the header 'Tus-Resumable: 1.0.0'")
UPLOAD_TYPE = reason("upload-type", "The body is not a piece of a file", f"Send it with Content-Type: {OCTETS}")
_COUNT: Final = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_VERSION: Final = Header(name="Tus-Resumable", text="The version of tus", rules={"type": "string", "enum": [TUS]})
_LENGTH: Final = Header(name="Upload-Length", text="How many bytes the file has", rules=_COUNT)
_OFFSET: Final = Header(name="Upload-Offset", text="Where in the file the bytes begin", rules=_COUNT)
_METADATA: Final = Header(
    name="Upload-Metadata",
    text="`sha256` and the SHA-256 of the file in hex, and that in base64; other pairs, with commas between, are left alone",
    rules={"type": "string", "format": "upload-metadata"},
)
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_LOG = structlog.get_logger("congvan.api")


async def options(asked: Asked) -> web.StreamResponse:
    """Say what of tus is spoken here."""
    most = asked.reading.hub.uploads.allowance.file_bytes
    headers = {"Tus-Version": TUS, "Tus-Extension": "creation,termination,expiration", "Tus-Max-Size": str(most)}
    return web.Response(status=204, headers=headers)


async def announce(asked: Asked) -> web.StreamResponse:
    """Announce a file; the same file again goes on where it stood."""
    _check_version(asked.request)
    size = _number(asked.request, "Upload-Length")
    standing = await asked.reading.hub.uploads.begin(asked.party.id, _announced_digest(asked.request), size)
    response = _stand(standing, 201)
    response.headers["Location"] = f"/v1/uploads/{standing.upload.id}"
    return response


async def look(asked: Asked) -> web.StreamResponse:
    """Tell how far an upload has come."""
    _check_version(asked.request)
    standing = await asked.reading.hub.uploads.look(asked.party.id, _upload(asked.request))
    response = _stand(standing, 200)
    response.headers["Upload-Length"] = str(standing.upload.size)
    return response


async def write(asked: Asked) -> web.StreamResponse:
    """Take the next bytes of a file; what has come when it breaks off, counts."""
    request = asked.request
    _check_version(request)
    if request.content_type != OCTETS:
        raise Refused(UPLOAD_TYPE, where="header Content-Type")
    offset = _number(request, "Upload-Offset")
    async with aclosing(asked.gate.stream(request, asked.party.id)) as pieces:
        standing = await asked.reading.hub.uploads.append(asked.party.id, _upload(request), offset, pieces)
    return _stand(standing, 204)


async def end(asked: Asked) -> web.StreamResponse:
    """End an upload; its file goes too unless a letter has it."""
    _check_version(asked.request)
    await asked.reading.hub.uploads.end(asked.party.id, _upload(asked.request))
    return web.Response(status=204)


async def attachments(asked: Asked) -> web.StreamResponse:
    """List the files beside a message."""
    filed, _ = await asked.reading.message(asked.party, _message(asked.request))
    return answer([_view(item) for item in await asked.reading.hub.uploads.files.attachments(filed.key)])


async def download(asked: Asked) -> web.StreamResponse:
    """Hand out a file beside a message, or a part of it, piece by piece."""
    request, hub = asked.request, asked.reading.hub
    filed, _ = await asked.reading.readable(asked.party, _message(request))
    ordinal = request.match_info["ordinal"]
    if not re.fullmatch(r"[1-9][0-9]{0,5}", ordinal):
        raise Refused(NOT_FOUND, "The files beside a message are numbered from 1")
    found = await hub.uploads.open(filed, int(ordinal))
    etag = f'"{found.digest}"'
    wanted, condition = request.headers.get("Range", ""), request.headers.get("If-Range", "")
    span = read_range(wanted if request.method == "GET" else "", condition, etag, found.size)
    response = _headed(found, span, etag)
    await response.prepare(request)
    if request.method == "GET":
        await _send(asked, response, found, span)
    return response


async def sign_tus(request: web.Request, response: web.StreamResponse) -> None:
    """Put the version of tus into every answer about uploads."""
    if request.path.startswith("/v1/uploads"):
        response.headers["Tus-Resumable"] = TUS
        if response.status == 412:
            response.headers["Tus-Version"] = TUS


async def _send(asked: Asked, response: web.StreamResponse, found: Attachment, span: Span) -> None:
    """Send the bytes; after the headers a failure can only cut the connection, so that nobody takes it for the end."""
    try:
        async with aclosing(asked.reading.hub.blobs.stream(found.digest, span.start, span.end)) as pieces:
            async for piece in pieces:
                await response.write(piece)
        await response.write_eof()
    except (Refused, OSError) as error:
        if isinstance(error, Refused):
            _LOG.error("download cut", code=error.reason.code, digest=found.digest)
        if asked.request.transport is not None:
            asked.request.transport.abort()


def _headed(found: Attachment, span: Span, etag: str) -> web.StreamResponse:
    response = web.StreamResponse(status=206 if span.is_part else 200)
    response.content_type, response.content_length = BYTES, span.end - span.start
    response.headers.update({"ETag": etag, "Accept-Ranges": "bytes", "Content-Disposition": disposition(found.name)})
    if span.is_part:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{found.size}"
    return response


def _stand(standing: Standing, status: int) -> web.Response:
    expires = format_datetime(standing.upload.expires_at, usegmt=True)
    return web.Response(status=status, headers={"Upload-Offset": str(standing.offset), "Upload-Expires": expires})


def _check_version(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable") != TUS:
        raise Refused(TUS_VERSION, where="header Tus-Resumable")


def _number(request: web.Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Refused(REQUEST, f"{name} must be a whole number of bytes", where=f"header {name}")
    return int(text)


def _announced_digest(request: web.Request) -> str:
    """Read `sha256` of Upload-Metadata: in base64, as tus has all values, the digest in hex."""
    where = "header Upload-Metadata"
    pairs = (item.strip().partition(" ") for item in request.headers.get("Upload-Metadata", "").split(","))
    named = [value for key, _, value in pairs if key == "sha256"]
    if len(named) != 1:
        raise Refused(REQUEST, "Upload-Metadata must give sha256 once", where=where)
    try:
        digest = base64.b64decode(named[0], validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(REQUEST, "sha256 is not in base64", where=where) from None
    if not _DIGEST.fullmatch(digest):
        raise Refused(REQUEST, "sha256 must be the SHA-256 of the file in hex, and that in base64", where=where)
    return digest.lower()


def _upload(request: web.Request) -> UploadId:
    key = request.match_info["upload"]
    if not re.fullmatch(r"[a-z2-7]{26}", key):
        raise Refused(NOT_FOUND, "There is no such upload; announce the file again")
    return UploadId(key)


def _message(request: web.Request) -> MessageKey:
    return MessageKey(request.match_info["message"])


def _view(item: Attachment) -> AttachmentView:
    return AttachmentView(
        ordinal=item.ordinal, name=item.name, media_type=item.media_type, size=item.size, digest=item.digest
    )


ROUTES: Final = (
    Route(
        method="OPTIONS",
        path="/v1/uploads",
        name="getUploadOptions",
        action=Action.SUBMIT,
        text="Say which version and extensions of tus are spoken here, and how large a file may be.",
        handler=options,
        gives=None,
        gives_media="",
        status=204,
    ),
    Route(
        method="POST",
        path="/v1/uploads",
        name="announceUpload",
        action=Action.SUBMIT,
        text="Announce a file: Upload-Length, and sha256 in Upload-Metadata. The same file again goes on where it stood.",
        handler=announce,
        headers=(_VERSION, _LENGTH, _METADATA),
        gives=None,
        gives_media="",
        status=201,
        streams=True,
    ),
    Route(
        method="HEAD",
        path="/v1/uploads/{upload}",
        name="getUpload",
        action=Action.SUBMIT,
        text="Tell in Upload-Offset how many bytes of a file have come and are safe.",
        handler=look,
        headers=(_VERSION,),
        gives=None,
        gives_media="",
        streams=True,
    ),
    Route(
        method="PATCH",
        path="/v1/uploads/{upload}",
        name="writeUpload",
        action=Action.SUBMIT,
        text="Send the bytes of a file from Upload-Offset on; whatever has come when it breaks off is kept.",
        handler=write,
        takes_media=OCTETS,
        headers=(_VERSION, _OFFSET),
        gives=None,
        gives_media="",
        status=204,
        streams=True,
    ),
    Route(
        method="DELETE",
        path="/v1/uploads/{upload}",
        name="endUpload",
        action=Action.SUBMIT,
        text="End an upload; its file goes too unless a letter has it.",
        handler=end,
        headers=(_VERSION,),
        gives=None,
        gives_media="",
        status=204,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/attachments",
        name="listAttachments",
        action=Action.LOOK,
        text="List the files beside a message, as its signature covers them.",
        handler=attachments,
        gives=AttachmentView,
        many=True,
    ),
    Route(
        method="GET",
        path="/v1/messages/{message}/attachments/{ordinal}",
        name="downloadAttachment",
        action=Action.LOOK,
        text="Download a file beside a message; Range and If-Range give a part of it.",
        handler=download,
        gives=None,
        gives_media=BYTES,
        streams=True,
    ),
    Route(
        method="HEAD",
        path="/v1/messages/{message}/attachments/{ordinal}",
        name="headAttachment",
        action=Action.LOOK,
        text="Tell the size, the digest (ETag) and the name of a file beside a message.",
        handler=download,
        gives=None,
        gives_media="",
        streams=True,
    ),
)
