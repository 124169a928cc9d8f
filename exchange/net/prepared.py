"""Answers that are ready before they are asked for: packed where the client takes that, and not sent twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aiohttp import hdrs, web

_CODING: Final = re.compile(r"\s*([\w.*-]+)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?", re.ASCII)


async def answer_prepared(
    request: web.Request,
    body: Sequence[bytes],
    packed: Sequence[bytes],
    *,
    tag: str,
    changed_at: datetime | None = None,
) -> web.StreamResponse:
    """Answer with JSON that is ready, part by part, or that the client has it already (304).

    A slow client costs the memory of one part. `packed` is `body` in gzip, `tag` a text that is another for another content.
    The dialect of the axis asks for lists by POST, so a client that names what it has is believed whatever the method is.
    """
    is_packed = takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
    own = f'"{tag}-gzip"' if is_packed else f'"{tag}"'
    headers = {hdrs.ETAG: own, hdrs.VARY: hdrs.ACCEPT_ENCODING, hdrs.CACHE_CONTROL: "no-cache"}
    if _has(request.headers.get(hdrs.IF_NONE_MATCH, ""), tag):
        response: web.StreamResponse = web.Response(status=304, headers=headers)
        response.last_modified = changed_at
        return response
    sent = packed if is_packed else body
    response = web.StreamResponse(headers=headers)
    response.content_type, response.content_length = "application/json", sum(map(len, sent))
    response.last_modified = changed_at
    if is_packed:
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for part in sent:
            await response.write(part)
    await response.write_eof()
    return response


def takes_gzip(accepted: str) -> bool:
    """Tell whether a header Accept-Encoding takes gzip: named with more than nothing, or by `*` and not named."""
    found = {}
    for item in accepted.split(","):
        parts = _CODING.fullmatch(item)
        if parts:
            found[parts[1].lower()] = parts[2]
    weight = found.get("gzip", found.get("x-gzip", found.get("*", "0")))
    return weight is None or weight.strip("0.") != ""


def _has(known: str, tag: str) -> bool:
    """Compare what a client has with a tag, packed or not, strong or weak."""
    own = {f'"{tag}"', f'"{tag}-gzip"', "*"}
    return any(item.strip().removeprefix("W/") in own for item in known.split(","))
