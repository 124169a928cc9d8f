"""Read what a letter does to earlier ones, and the stations that it passed (TraceHeaderList).

The business elements are written `Bussiness...` by most systems and `Business...` by some; both are read.
"""

from __future__ import annotations

from envelopes.edxml.element import Element
from envelopes.edxml.header import read_staff
from envelopes.edxml.model import (
    Business,
    BusinessType,
    Change,
    ChangedReceiver,
    Replacement,
    TraceHeader,
)
from trust_store.errors import Refused, reason

BUSINESS_TYPE = reason(
    "edxml-business-type",
    "The business type is not one of the four",
    "Write 0 for a new letter, 1 to revoke, 2 to update, 3 to replace",
)


def read_business(element: Element) -> Business:
    """Read the business block; its type is required, because a revocation must not pass for a new letter."""
    replacements = element.one("ReplacementInfoList")
    return Business(
        business_type=_read_type(element),
        reason=element.optional_text(*_either("DocReason")),
        paper=element.flag("Paper"),
        document_id=element.optional_text("DocumentId"),
        change=element.read(_read_change, *_either("DocumentInfo")),
        replacements=replacements.read_all(_read_replacement, "ReplacementInfo") if replacements else (),
        staff=element.read_all(read_staff, "StaffInfo"),
    )


def read_trace(element: Element) -> TraceHeader:
    """Read one station; the axis writes the word `null` for a station without a code."""
    organ_id = element.optional_text("OrganId")
    return TraceHeader(organ_id=None if organ_id == "null" else organ_id, timestamp=element.moment("Timestamp"))


def _either(rest: str) -> tuple[str, str]:
    return f"Bussiness{rest}", f"Business{rest}"


def _read_type(element: Element) -> BusinessType:
    text, where = element.required_text(*_either("DocType")), element.required(*_either("DocType")).where
    if text not in ("0", "1", "2", "3"):
        raise Refused(BUSINESS_TYPE, f"“{text[:60]}” is not a business type", where=where)
    return BusinessType(int(text))


def _read_change(element: Element) -> Change:
    receivers = element.one("ReceiverList")
    return Change(
        document=element.flag("DocumentInfo"),
        receiver=element.flag("DocumentReceiver"),
        receivers=receivers.read_all(_read_changed_receiver, "Receiver") if receivers else (),
    )


def _read_changed_receiver(element: Element) -> ChangedReceiver:
    return ChangedReceiver(organ_id=element.required_organ_code(), kind=element.number("ReceiverType"))


def _read_replacement(element: Element) -> Replacement:
    organs = element.one("OrganIdList")
    return Replacement(
        document_id=element.required_text("DocumentId"), organ_ids=organs.organ_codes() if organs else ()
    )
