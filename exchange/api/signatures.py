"""Show the signatures inside the files of a message."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from aiohttp import web

from exchange.api.routes import Asked, Route, answer
from exchange.auth.permissions import Action
from exchange.core.inspecting import Inspected, Inspecting
from exchange.core.model import MessageKey
from exchange.inside import Signature
from trust_store.explain import as_record


class SignatureView(msgspec.Struct, frozen=True, kw_only=True):
    """One signature inside a file: `verdict` is valid, invalid or unknown, with a stable `reason` and a sentence.

    `kind` is signature, certification or time-stamp. `covers` is whole, revision, part or nothing, and `parts` names the
    elements of an XML document. `changed` says what came after it: none, archival, form-filling, annotations, other, unknown.
    `claimed_at` is the signer's word, `stamped_at` a believed time-stamp's; `judged_at` is when the signer was judged as of;
    `judgement` is the tree of checks, null where there is nobody to judge.
    """

    kind: str
    name: str
    verdict: str
    reason: str
    text: str
    signer: str
    organisation: str
    unit: str
    certificate: str
    algorithm: str
    claimed_at: datetime | None
    stamped_at: datetime | None
    stamped_by: str
    judged_at: datetime
    covers: str
    parts: list[str]
    changed: str
    later: str
    judgement: msgspec.Raw


class FileSignaturesView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message and the signatures inside it: the first that is not good decides over `verdict`.

    `place` is inside (the letter) or beside (it), `ordinal` counts from 1 in each; `kind` is pdf, xml or other. `verdict` is
    valid, invalid, unknown or unsigned. `unsigned_parts` name what of an XML document no signature covers.
    """

    place: str
    ordinal: int
    name: str
    media_type: str
    size: int
    digest: str
    kind: str
    verdict: str
    reason: str
    text: str
    unsigned_parts: list[str]
    signatures: list[SignatureView]


async def signatures(asked: Asked) -> web.StreamResponse:
    """Tell what signatures there are inside the files of a message."""
    key = MessageKey(asked.request.match_info["message"])
    return answer([_file(item) for item in await Inspecting(reading=asked.reading).files(asked.party, key)])


def _file(item: Inspected) -> FileSignaturesView:
    return FileSignaturesView(
        place=item.place,
        ordinal=item.ordinal,
        name=item.name,
        media_type=item.media_type,
        size=item.size,
        digest=item.digest,
        kind=item.inside.kind,
        verdict=item.inside.verdict,
        reason=item.inside.reason,
        text=item.inside.text,
        unsigned_parts=list(item.inside.bare),
        signatures=[view_signature(each) for each in item.inside.signatures],
    )


def view_signature(found: Signature) -> SignatureView:
    """Show one signature."""
    mark = found.mark
    return SignatureView(
        kind=mark.kind,
        name=mark.name,
        verdict=found.verdict,
        reason=found.reason,
        text=found.text,
        signer=found.signer,
        organisation=found.organisation,
        unit=found.unit,
        certificate=found.certificate,
        algorithm=mark.algorithm,
        claimed_at=mark.claimed_time,
        stamped_at=found.stamped_at,
        stamped_by=found.stamped_by,
        judged_at=found.judged_at,
        covers=mark.cover,
        parts=list(mark.parts),
        changed=mark.change,
        later=found.later,
        judgement=msgspec.Raw(msgspec.json.encode(as_record(found.judgement) if found.judgement else None)),
    )


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/messages/{message}/signatures",
        name="getSignatures",
        action=Action.LOOK,
        text="Tell what signatures there are inside the files of a message, and whether they are believed.",
        handler=signatures,
        gives=FileSignaturesView,
        many=True,
    ),
)
