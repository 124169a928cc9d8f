"""The written forms of edXML values: names, codes, dates, numbers and texts."""

from __future__ import annotations

import re
from datetime import date, datetime, time

from trust_store.errors import Misuse, Refused, reason

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
MISSING = reason(
    "edxml-missing", "A required element is missing or empty", "Fill in the element that is named and send again"
)
DATE = reason(
    "edxml-date", "A date cannot be read", "Write dates as yyyy/MM/dd and moments as yyyy/MM/dd HH:mm:ss, local time"
)
NUMBER = reason("edxml-number", "A number cannot be read", "Write a whole number in digits")
FLAG = reason("edxml-flag", "A yes-or-no value cannot be read", "Write 0 or 1, or false or true")
ORGAN_CODE = reason(
    "edxml-organ-code",
    "An organisation code is not well formed",
    "Write the registered code: one to five groups of letters and digits, with dots between, as in 000.00.12.H56",
)

_ORGAN_CODE = re.compile(r"[0-9A-Za-z]{1,20}(\.[0-9A-Za-z]{1,20}){0,4}")
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})([/-])(?P<month>\d{1,2})\2(?P<day>\d{1,2})", re.ASCII)
_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})", re.ASCII)
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
_FLAGS = {"0": False, "false": False, "1": True, "true": True}


def read_organ_code(text: str, where: str) -> str:
    """Check that a code has a form that some register gives out (both the 2016 and the 2020 notation).

    Raises:
        Refused: it has not, or is longer than 50 characters.
    """
    if len(text) > 50 or not _ORGAN_CODE.fullmatch(text):
        raise Refused(ORGAN_CODE, f"{_shown(text)} is not an organisation code", where=where)
    return text


def read_date(text: str, where: str) -> date:
    """Read `yyyy/MM/dd`, `yyyy-MM-dd` or `dd/MM/yyyy`.

    Raises:
        Refused: the text has another form, or there is no such day.
    """
    found = _YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    if not found:
        raise Refused(DATE, f"{_shown(text)} is not a date", where=where)
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        raise Refused(DATE, f"There is no day {_shown(text)}", where=where) from None


def read_moment(text: str, where: str) -> datetime:
    """Read a date and `HH:mm:ss`, local time without a zone.

    Raises:
        Refused: the text has another form, or there is no such moment.
    """
    day, _, clock = text.partition(" ")
    found = _CLOCK.fullmatch(clock.strip())
    if not found:
        raise Refused(DATE, f"{_shown(text)} is not a date and time", where=where)
    try:
        return datetime.combine(read_date(day, where), time(int(found[1]), int(found[2]), int(found[3])))
    except ValueError:
        raise Refused(DATE, f"There is no moment {_shown(text)}", where=where) from None


def read_number(text: str, where: str) -> int:
    """Read a whole number of up to nine digits.

    Raises:
        Refused: it is none.
    """
    if not WHOLE_NUMBER.fullmatch(text):
        raise Refused(NUMBER, f"{_shown(text)} is not a whole number", where=where)
    return int(text)


def read_flag(text: str, where: str) -> bool:
    """Read 0 or 1, false or true.

    Raises:
        Refused: it is neither.
    """
    if text.lower() not in _FLAGS:
        raise Refused(FLAG, f"{_shown(text)} is neither 0 nor 1", where=where)
    return _FLAGS[text.lower()]


def written(value: date | datetime) -> str:
    """Write a date as `yyyy/MM/dd` and a moment, which must be local and without a zone, as `yyyy/MM/dd HH:mm:ss`.

    Raises:
        Misuse: the moment has a zone.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        raise Misuse("edXML moments are local time without a zone")
    text = value.isoformat(" ", "seconds") if isinstance(value, datetime) else value.isoformat()
    return text.replace("-", "/")


def _shown(text: str) -> str:
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"
