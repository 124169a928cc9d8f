"""The business register as a service behind the gateway knows it: enterprises and dossiers, by the names of the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import msgspec

from adapters.lookups import DATA, MALFORMED
from exchange.client import Refused

LOCAL: Final = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
MAX_DAYS: Final = 5
MAX_LIST: Final = 1000
_WEIGHTS: Final = (31, 29, 23, 19, 17, 13, 7, 5, 3)
_CODE: Final = re.compile(r"([0-9]{10})(-?[0-9]{3})?")
_MOMENT: Final = "%Y-%m-%d %H:%M:%S"


class MainInformation(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What an enterprise is."""

    enterprise_id: str
    enterprise_gdt_code: str
    name: str
    enterprise_status: str
    legal_names: str
    capital_amount: str


class HeadOffice(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"city": "CityID", "district": "DistrictID", "ward": "WardID", "text": "AddressFullText"},
):
    """Where its head office is."""

    city: str
    district: str
    ward: str
    text: str


class Activity(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What it does; the main one has Y."""

    code: str
    name: str
    is_main: str


class Person(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Who represents it, or has part in it."""

    full_name: str


class Enterprise(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "main": "MainInformation",
        "office": "HOAdress",
        "activities": "BusinessActivity",
        "representatives": "Representatives",
        "members": "Member",
    },
):
    """All that the register tells of an enterprise; HOAdress is how the register writes it."""

    main: MainInformation
    office: HeadOffice
    activities: list[Activity] = []
    representatives: list[Person] = []
    members: list[Person] = []


class Dossier(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """A dossier of registration; RECEIPT_DATE is in the time of Vietnam."""

    in_journal_no: str
    enterprise_gdt_code: str
    name: str
    process_status: str
    receipt_date: str

    @property
    def received_at(self) -> datetime:
        """Give the moment that it was received."""
        return datetime.strptime(self.receipt_date, _MOMENT).replace(tzinfo=LOCAL)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the file has."""

    enterprises: list[Enterprise] = []
    dossiers: list[Dossier] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Hold the register: enterprises by their codes, dossiers in the order that they were received."""

    enterprises: Mapping[str, Enterprise] = field(default_factory=dict)
    dossiers: Sequence[Dossier] = ()

    def received(self, since: datetime, until: datetime) -> list[Dossier]:
        """List the dossiers that were received from one moment on, before another."""
        return [item for item in self.dossiers if since <= item.received_at < until]

    def dossier(self, number: str) -> Dossier | None:
        """Find a dossier by its number in the journal."""
        return next((item for item in self.dossiers if item.in_journal_no == number), None)


def read_register(path: Path) -> Register:
    """Read the register from a file.

    Raises:
        Refused: `lookup-data-unusable`.
    """
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=Stored)
        dossiers = sorted(stored.dossiers, key=lambda item: item.received_at)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Refused(DATA, f"The register cannot be read: {error}", where=path.name) from None
    found = {item.main.enterprise_gdt_code: item for item in stored.enterprises}
    wrong = next((code for code in found if not is_code(code)), None)
    if wrong is not None or len(found) != len(stored.enterprises):
        raise Refused(DATA, f"A code is wrong ({wrong}) or there twice", where=path.name)
    return Register(enterprises=found, dossiers=dossiers)


def is_code(text: str) -> bool:
    """Tell whether a text is an enterprise number, which is its tax code: the tenth digit checks the first nine."""
    parts = _CODE.fullmatch(text)
    if parts is None:
        return False
    digits = [int(digit) for digit in parts[1]]
    return digits[9] == 10 - sum(weight * digit for weight, digit in zip(_WEIGHTS, digits, strict=False)) % 11


def code_of(text: str) -> str:
    """Read an enterprise number, or the number of a branch in its form with a hyphen.

    Raises:
        Refused: `lookup-malformed`.
    """
    if not is_code(text):
        raise Refused(
            MALFORMED, "An enterprise number has 10 digits (13 for a branch), the tenth checks them", where="msdn"
        )
    return text if len(text) == 10 else f"{text[:10]}-{text[-3:]}"


def days_of(first: str, last: str) -> tuple[datetime, datetime]:
    """Read two days, both inclusive, as the moments where they begin and are over.

    Raises:
        Refused: `lookup-malformed`; also for more than five days.
    """
    since, until = _day(first, "from"), _day(last, "to")
    if not 0 <= (until - since).days < MAX_DAYS or until.year == date.max.year:
        raise Refused(MALFORMED, f"to is not before from, and both are within {MAX_DAYS} days", where="to")
    begin = datetime(since.year, since.month, since.day, tzinfo=LOCAL)
    return begin, begin + timedelta(days=(until - since).days + 1)


def moments_of(first: str, last: str) -> tuple[datetime, datetime]:
    """Read two moments in seconds since 1970, at most a day apart.

    Raises:
        Refused: `lookup-malformed`.
    """
    since, until = number_of(first, "from_ts", 2**32), number_of(last, "to_ts", 2**32)
    if not 0 <= until - since <= 24 * 60 * 60:
        raise Refused(MALFORMED, "to_ts is not before from_ts, and at most a day after it", where="to_ts")
    return datetime.fromtimestamp(since, LOCAL), datetime.fromtimestamp(until, LOCAL)


def number_of(text: str, name: str, most: int) -> int:
    """Read a number from 0 on.

    Raises:
        Refused: `lookup-malformed`.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 12 and int(text) <= most):
        raise Refused(MALFORMED, f"{name} is a number from 0 to {most}", where=name)
    return int(text)


def _day(text: str, name: str) -> date:
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=LOCAL).date()
        except ValueError:
            continue
    raise Refused(MALFORMED, f"{name} is a day like 2023-03-01 or 01/03/2023", where=name)
