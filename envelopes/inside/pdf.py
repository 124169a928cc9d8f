"""Look into a PDF file for its signatures: pyHanko reads it and tells what changed; nothing is fetched, nobody is trusted.

Importing this takes a second, so only the program that is kept for it does (`exchange.pdf_process`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from pyhanko.pdf_utils.generic import IndirectObject
from pyhanko.pdf_utils.misc import PdfReadError, PdfStrictReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.general import extract_signer_info
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from envelopes.inside import cms
from envelopes.inside.byte_range import check_range
from envelopes.inside.facts import MAX_MARKS, Change, Cover, Facts, Fault, FileKind, Mark, MarkKind, fault_of, tidy
from envelopes.inside.reasons import (
    CHANGED,
    COSTLY,
    DAMAGED,
    ENCRYPTED,
    FORBIDDEN,
    IRREGULAR,
    KIND,
    MANY,
    RANGE,
    STRUCTURE,
    UNSIGNED,
)
from envelopes.opened import VIETNAM
from trust_store.errors import Refused

DETACHED: Final = frozenset({"/adbe.pkcs7.detached", "/ETSI.CAdES.detached"})
TIME_STAMP: Final = "/ETSI.RFC3161"
_COVERS: Final[dict[object, Cover]] = {
    SignatureCoverageLevel.ENTIRE_FILE: Cover.WHOLE,
    SignatureCoverageLevel.ENTIRE_REVISION: Cover.REVISION,
}
_CHANGES: Final = {
    ModificationLevel.NONE: Change.NONE,
    ModificationLevel.LTA_UPDATES: Change.ARCHIVAL,
    ModificationLevel.FORM_FILLING: Change.FORM,
    ModificationLevel.ANNOTATIONS: Change.NOTES,
    ModificationLevel.OTHER: Change.OTHER,
}


def read_pdf(data: bytes) -> Facts:
    """Tell of every signature in a PDF file who made it, what it covers, what came after it, and its first fault.

    A file that only a lenient reader can read is shown as that reader sees it, and none of its signatures is good: another
    reader may see another document. Never raises: what the file does to the library is a fault of the file.
    """
    try:
        return _read(data, strict=True)
    except PdfReadError as error:
        irregular = Fault(code=IRREGULAR.code, detail=f"{IRREGULAR.title}: {tidy(error)}")
    except Refused as refusal:
        return Facts(kind=FileKind.PDF, fault=fault_of(refusal))
    except Exception as error:
        return Facts(kind=FileKind.PDF, fault=_unreadable(error))
    try:
        facts = _read(data, strict=False)
    except Refused as refusal:
        return Facts(kind=FileKind.PDF, fault=fault_of(refusal))
    except Exception as error:
        return Facts(kind=FileKind.PDF, fault=_unreadable(error))
    return replace(facts, marks=tuple(replace(mark, fault=mark.fault or irregular) for mark in facts.marks))


def _unreadable(error: Exception) -> Fault:
    if isinstance(error, MemoryError):
        return Fault(code=COSTLY.code, detail="Looking into it took more memory than is allowed")
    return Fault(code=DAMAGED.code, detail=f"The PDF file cannot be read: {tidy(error) or type(error).__name__}")


def _read(data: bytes, *, strict: bool) -> Facts:
    reader = PdfFileReader(io.BytesIO(data), strict=strict)
    if reader.encrypted:
        raise Refused(ENCRYPTED)
    fields = list(islice(enumerate_sig_fields(reader, filled_status=True), MAX_MARKS + 1))
    marks = sorted((_look(reader, data, *each) for each in fields[:MAX_MARKS]), key=lambda mark: mark.revision)
    if not marks:
        raise Refused(UNSIGNED)
    many = Fault(code=MANY.code, detail=f"More than {MAX_MARKS} signatures") if len(fields) > MAX_MARKS else None
    return Facts(kind=FileKind.PDF, marks=tuple(marks), fault=many)


def _look(reader: PdfFileReader, data: bytes, name: object, value: Any, field: Any) -> Mark:
    """Look at one signature; what goes wrong with it is a fault of this one alone, unless it is the reader's strictness."""
    mark = Mark(name=tidy(name))
    try:
        for told in _describe(reader, data, mark, value, field):
            mark = told
    except Refused as refusal:
        return replace(mark, fault=mark.fault or fault_of(refusal))
    except PdfStrictReadError:
        raise
    except MemoryError as error:
        return replace(mark, fault=_unreadable(error))
    except Exception as error:
        return replace(mark, fault=Fault(code=STRUCTURE.code, detail=f"{STRUCTURE.title}: {tidy(error)}"))
    return mark


def _describe(reader: PdfFileReader, data: bytes, mark: Mark, value: Any, field: Any) -> Iterator[Mark]:
    """Tell more and more of a signature, until it raises for its first fault or there is nothing more to tell."""
    dictionary = value.get_object()
    filter_ = str(dictionary.get("/SubFilter", ""))
    stamping = filter_ == TIME_STAMP and dictionary.get("/Type") == "/DocTimeStamp"
    if filter_ not in DETACHED and not stamping:
        raise Refused(KIND, f"SubFilter {tidy(filter_) or 'is missing'}")
    found = EmbeddedPdfSignature(reader, field, mark.name)
    signer = extract_signer_info(found.signed_data)
    mark = replace(
        mark,
        kind=MarkKind.TIME_STAMP if stamping else _kind(reader, field),
        chain=cms.chain_of(extract_certs_for_validation(found.signed_data)),
        revision=found.signed_revision + 1,
        claimed_time=None if stamping else _moment(found.self_reported_timestamp),
    )
    yield mark
    check_range(data, found.byte_range, found.pkcs7_content)
    mark = replace(mark, algorithm=cms.check_algorithms(signer))
    if stamping:
        mark = _with_token(found, mark)
    else:
        cms.check_form(found.signed_data, pades="ETSI" in filter_)
        cms.check_value(found.signed_data, found.compute_digest())
        mark = replace(mark, stamps=cms.read_stamps(signer))
    yield mark
    mark = _with_changes(found, mark)
    yield mark
    _check_changes(found, mark)


def _kind(reader: PdfFileReader, field: Any) -> MarkKind:
    """Tell whether the catalog names this signature as the one that certifies the document (ISO 32000-2, 12.8.6)."""
    try:
        certifying = reader.root["/Perms"].raw_get("/DocMDP")
        own = field.get_object().raw_get("/V")
    except (KeyError, AttributeError):
        return MarkKind.SIGNATURE
    same = isinstance(certifying, IndirectObject) and isinstance(own, IndirectObject)
    return MarkKind.CERTIFICATION if same and certifying.reference == own.reference else MarkKind.SIGNATURE


def _moment(claimed: datetime | None) -> datetime | None:
    """Give a stated time in UTC; one without a zone is taken for local time in Vietnam."""
    return None if claimed is None else claimed.replace(tzinfo=claimed.tzinfo or VIETNAM).astimezone(UTC)


def _with_token(found: EmbeddedPdfSignature, mark: Mark) -> Mark:
    token = cms.read_token(found.signed_data, found.compute_digest)
    if token is None:
        raise Refused(STRUCTURE, "The document time-stamp states no time")
    return replace(mark, stamps=(token,), fault=token.fault)


def _with_changes(found: EmbeddedPdfSignature, mark: Mark) -> Mark:
    """Compare the file with what it was when it was signed."""
    found.compute_integrity_info()  # type: ignore[no-untyped-call]
    result: object = found.diff_result
    level: object = found.coverage
    change = _CHANGES[result.modification_level] if isinstance(result, DiffResult) else Change.OTHER
    return replace(mark, cover=_COVERS.get(level, Cover.PART), change=change)


def _check_changes(found: EmbeddedPdfSignature, mark: Mark) -> None:
    if mark.cover is Cover.PART:
        raise Refused(RANGE, "The signature does not cover all that was in the file when it was made")
    if mark.change is Change.OTHER:
        raise Refused(CHANGED, f"{CHANGED.title}: {tidy(found.diff_result)}")
    if not found.summarise_integrity_info()["docmdp_ok"]:
        raise Refused(FORBIDDEN, f"{FORBIDDEN.title}: {mark.change}")
