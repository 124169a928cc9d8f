"""What a message must fulfil beyond being readable, rule by rule (reading of QCVN 102:2016 by its implementers)."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Collection
from datetime import date

from envelopes.edxml.lengths import check_lengths
from envelopes.edxml.model import Attachment, BusinessType, Letter, Message, OtherInfo, StatusCode, StatusNotice
from trust_store.errors import Refused, reason

RECEIVER_TWICE = reason("edxml-receiver-twice", "A receiver is named twice", "Name every receiver once")
PRIORITY = reason("edxml-priority", "The priority is out of range", "Write 0 (normal) to 4 (urgent at a set hour)")
AMOUNT = reason("edxml-amount", "An amount is negative", "Write 0 or more")
FUTURE = reason(
    "edxml-future",
    "The letter is dated in the future",
    "Send it on or after its date, or correct the date; if it is right, check the clock of the sending machine",
)
REVOKED = reason(
    "edxml-revoke-what", "The letter that is revoked is not named", "Name it in ResponseFor, by DocumentId or Code"
)
UPDATED = reason("edxml-update-what", "The letter that is updated is not named", "Name it in Bussiness/DocumentId")
REPLACED = reason(
    "edxml-replace-what", "The letters that are replaced are not named", "Name them in Bussiness/ReplacementInfoList"
)
GROUNDS = reason("edxml-grounds", "The reason is missing", "Say why in Description")
NOT_ZIPPED = reason(
    "edxml-not-zipped",
    "A file is announced as a zip archive but is none",
    "Zip the file, or write its true type into ContentType",
)
MANIFEST = reason(
    "edxml-manifest",
    "The manifest and the files do not agree",
    "List every file once in edXMLManifest, under the ContentId that it carries",
)
ABSENT = reason(
    "attachment-missing",
    "The manifest lists a file that is neither in the letter nor signed beside it",
    "Put the file into AttachmentEncoded, or sign its digest by a Reference to cid: and its ContentId",
)
UNLISTED = reason(
    "attachment-unlisted",
    "A file is signed beside the letter, and the manifest does not list it as such",
    "List every file that travels beside the letter once in edXMLManifest, under the ContentId that is signed",
)
NAME = reason(
    "attachment-name",
    "The name of a file is a path, or has characters that hide or turn its text",
    "Give the file a plain name, without folders, control characters or direction marks",
)

_MANIFEST = "edXMLBody/edXMLManifest"
_DRIVE = re.compile(r"[A-Za-z]:")
_NOWHERE = frozenset({"", ".", ".."})
_HIDING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def check(message: Message, *, today: date, detached: Collection[str] = ()) -> None:
    """Hold a message against the rules; `today` is the date in Vietnam.

    `detached` are the content ids of the files beside the message whose digests the signature covers, each once.

    Raises:
        Refused: for the first rule that the message breaks.
    """
    check_lengths(message)
    if isinstance(message, StatusNotice):
        _require_grounds(message)
        _refuse_unlisted(detached, ())
        return
    _refuse_double_receivers(message)
    _refuse_future(message, today)
    _check_other(message.other or OtherInfo())
    _check_business(message)
    if message.attachments or detached:
        _match_manifest(message)
        _match_detached(message, detached)
    for attachment in message.attachments:
        _require_zip(attachment)
    for name in (*(one.name for one in message.references), *(one.name for one in message.attachments)):
        _check_name(name)


def _require_grounds(notice: StatusNotice) -> None:
    if notice.status_code in (StatusCode.REFUSED, StatusCode.RECALL_REQUESTED) and not notice.description:
        detail = f"Status {notice.status_code} must say why"
        raise Refused(GROUNDS, detail, where="MessageHeader/Description")


def _refuse_double_receivers(letter: Letter) -> None:
    """Compare the codes as written: which codes name the same unit is for the registry to say."""
    for organ_id, count in Counter(receiver.organ_id.upper() for receiver in letter.receivers).items():
        if count > 1:
            raise Refused(RECEIVER_TWICE, f"The receiver {organ_id} is named {count} times", where="MessageHeader/To")


def _refuse_future(letter: Letter, today: date) -> None:
    issued = letter.promulgation.date if letter.promulgation else None
    if issued is not None and issued > today:
        where = "MessageHeader/PromulgationInfo/PromulgationDate"
        detail = f"The letter is dated {issued:%d/%m/%Y}; by the clock here it is {today:%d/%m/%Y} in Vietnam"
        raise Refused(FUTURE, detail, where=where)


def _check_other(other: OtherInfo) -> None:
    if other.priority is not None and not 0 <= other.priority <= 4:
        raise Refused(PRIORITY, f"The priority is {other.priority}", where="MessageHeader/OtherInfo/Priority")
    for name, amount in (("PromulgationAmount", other.copies), ("PageAmount", other.pages)):
        if amount is not None and amount < 0:
            raise Refused(AMOUNT, f"{name} is {amount}", where=f"MessageHeader/OtherInfo/{name}")


def _check_business(letter: Letter) -> None:
    business, where = letter.business, "TraceHeaderList/Bussiness"
    if business is None:
        return
    named = any(response.document_id or response.code for response in letter.responses)
    if business.business_type is BusinessType.REVOKE and not named:
        raise Refused(REVOKED, where="MessageHeader/ResponseFor")
    if business.business_type is BusinessType.UPDATE and not business.document_id:
        raise Refused(UPDATED, where=f"{where}/DocumentId")
    if business.business_type is BusinessType.REPLACE and not business.replacements:
        raise Refused(REPLACED, where=f"{where}/ReplacementInfoList")


def _match_manifest(letter: Letter) -> None:
    """Match the files that are in the letter by ContentId; by name as well where an id occurs twice, as in real letters.

    A manifest with no file at all, neither here nor signed beside, is legal and does not come to this point: the files
    then travel by another way.
    """
    ids = Counter(attachment.content_id for attachment in letter.attachments)
    if ids != Counter(reference.content_id for reference in letter.references if reference.content_id in ids):
        detail = f"The manifest lists {len(letter.references)} files, {len(letter.attachments)} are here, or ids differ"
        raise Refused(MANIFEST, detail, where=_MANIFEST)
    repeated = {content_id for content_id, count in ids.items() if count > 1}
    carried = Counter((one.content_id, one.name) for one in letter.attachments if one.content_id in repeated)
    listed = Counter((one.content_id, one.name) for one in letter.references if one.content_id in repeated)
    if carried != listed or any(count > 1 for count in carried.values()):
        raise Refused(MANIFEST, "Files with the same ContentId cannot be told apart", where=_MANIFEST)


def _match_detached(letter: Letter, signed: Collection[str]) -> None:
    """Match the files that are listed and not in the letter with those that the signature covers, one to one."""
    listed = [reference.content_id for reference in letter.detached]
    for content_id, count in Counter(listed).items():
        if content_id not in signed:
            raise Refused(
                ABSENT, f"The file “{content_id}” is neither in the letter nor signed beside it", where=_MANIFEST
            )
        if count > 1:
            raise Refused(
                MANIFEST, f"The file “{content_id}” beside the letter is listed {count} times", where=_MANIFEST
            )
    _refuse_unlisted(signed, listed)


def _refuse_unlisted(signed: Collection[str], listed: Collection[str]) -> None:
    for content_id in signed:
        if content_id not in listed:
            raise Refused(
                UNLISTED, f"The signed file “{content_id}” is not listed as one beside the letter", where=_MANIFEST
            )


def _check_name(name: str | None) -> None:
    """Refuse a name that leads out of a folder or reads as another one."""
    if name is not None and (_leads_elsewhere(name) or _HIDING.search(name)):
        raise Refused(NAME, f"{name!a} is not the plain name of a file", where="AttachmentName")


def _leads_elsewhere(name: str) -> bool:
    steps = name.replace("\\", "/").split("/")
    return bool(_DRIVE.match(name)) or not _NOWHERE.isdisjoint(steps)


def _require_zip(attachment: Attachment) -> None:
    """A zip label on other bytes makes common readers drop the whole message; no bytes at all are let through."""
    announced = (attachment.content_type or "").lower() == "application/zip"
    if announced and attachment.content and not zipfile.is_zipfile(io.BytesIO(attachment.content)):
        detail = f"The file “{attachment.name}” is not a zip archive"
        raise Refused(NOT_ZIPPED, detail, where="AttachmentEncoded/Attachment/ContentType")
