"""What a message must fulfil beyond being readable, rule by rule (reading of QCVN 102:2016 by its implementers)."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from datetime import date

from envelopes.edxml.lengths import check_lengths
from envelopes.edxml.model import Attachment, BusinessType, Letter, Message, OtherInfo, StatusCode, StatusNotice
from trust_store.errors import Refused, reason

RECEIVER_TWICE = reason("edxml-receiver-twice", "A receiver is named twice", "Name every receiver once")
PRIORITY = reason("edxml-priority", "The priority is out of range", "Write 0 (normal) to 4 (urgent at a set hour)")
AMOUNT = reason("edxml-amount", "An amount is negative", "Write 0 or more")
FUTURE = reason(
    "edxml-future", "The letter is dated in the future", "Send it on or after its date, or correct the date"
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


def check(message: Message, *, today: date) -> None:
    """Hold a message against the rules; `today` is the date in Vietnam.

    Raises:
        Refused: for the first rule that the message breaks.
    """
    check_lengths(message)
    if isinstance(message, StatusNotice):
        _require_grounds(message)
        return
    _refuse_double_receivers(message)
    _refuse_future(message, today)
    _check_other(message.other or OtherInfo())
    _check_business(message)
    _match_manifest(message)
    for attachment in message.attachments:
        _require_zip(attachment)


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
        raise Refused(FUTURE, f"The letter is dated {issued:%d/%m/%Y}, today is {today:%d/%m/%Y}", where=where)


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
    """Match by ContentId; by name as well where an id occurs twice, which real letters do.

    A manifest without any file beside it is legal: the files then travel by another way.
    """
    if not letter.attachments:
        return
    ids = Counter(attachment.content_id for attachment in letter.attachments)
    if ids != Counter(reference.content_id for reference in letter.references):
        detail = f"The manifest lists {len(letter.references)} files, {len(letter.attachments)} are here, or ids differ"
        raise Refused(MANIFEST, detail, where="edXMLBody/edXMLManifest")
    repeated = {content_id for content_id, count in ids.items() if count > 1}
    carried = Counter((one.content_id, one.name) for one in letter.attachments if one.content_id in repeated)
    listed = Counter((one.content_id, one.name) for one in letter.references if one.content_id in repeated)
    if carried != listed or any(count > 1 for count in carried.values()):
        raise Refused(MANIFEST, "Files with the same ContentId cannot be told apart", where="edXMLBody/edXMLManifest")


def _require_zip(attachment: Attachment) -> None:
    """A zip label on other bytes makes common readers drop the whole message; no bytes at all are let through."""
    announced = (attachment.content_type or "").lower() == "application/zip"
    if announced and attachment.content and not zipfile.is_zipfile(io.BytesIO(attachment.content)):
        detail = f"The file “{attachment.name}” is not a zip archive"
        raise Refused(NOT_ZIPPED, detail, where="AttachmentEncoded/Attachment/ContentType")
