"""Read, check and write edXML messages (QCVN 102:2016)."""

from envelopes.edxml.build import build
from envelopes.edxml.model import (
    Attachment,
    Business,
    BusinessType,
    Change,
    ChangedReceiver,
    Code,
    DocumentType,
    Letter,
    Message,
    Organ,
    OtherInfo,
    Promulgation,
    Reference,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    StatusCode,
    StatusNotice,
    TraceHeader,
)
from envelopes.edxml.parse import parse
from envelopes.edxml.root import foreign
from envelopes.edxml.rules import check

__all__ = [
    "Attachment",
    "Business",
    "BusinessType",
    "Change",
    "ChangedReceiver",
    "Code",
    "DocumentType",
    "Letter",
    "Message",
    "Organ",
    "OtherInfo",
    "Promulgation",
    "Reference",
    "Replacement",
    "ResponseFor",
    "Signer",
    "Staff",
    "StatusCode",
    "StatusNotice",
    "TraceHeader",
    "build",
    "check",
    "foreign",
    "parse",
]
