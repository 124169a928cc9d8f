"""What an office knows of a party besides its name: its further codes with their schemes, and whom to ask there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exchange.errors import CODE_TAKEN, REQUEST
from trust_store.errors import Refused, reason
from trust_store.identity import normalise, tax_code

BAD_TAX_CODE = reason(
    "tax-code-malformed",
    "This is not a tax code",
    "Give the 10 digits (13 for a branch) of the registration certificate",
)
BAD_CODE = reason(
    "code-malformed",
    "This is not a code of its scheme",
    "Correct the code, or give it the scheme that it has: old, qd20, tax, province or other",
)
BAD_CONTACT = reason(
    "contact-malformed",
    "A contact is not well formed",
    "Give a name and, where known, role, email and phone, each on one line; 20 contacts at most",
)
CODE: Final = re.compile(r"\w[\w.-]{0,63}", re.ASCII)
"""What every code of a party looks like, whatever its scheme."""
MAX_NAME: Final = 200
MAX_CONTACTS: Final = 20
MAX_ALIASES: Final = 50
_QD20: Final = re.compile(r"(?=.{1,35}$)[0-9A-Z]+(\.[0-9A-Z]+)*")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_LENGTHS: Final = {"name": MAX_NAME, "role": 100, "email": 100, "phone": 50}


class CodeScheme(StrEnum):
    """Say where a code comes from.

    `old`: from before a renaming or QĐ 20; `qd20`: by QĐ 20/2020/QĐ-TTg; `tax`: a tax code; `province`: a province's own.
    """

    OLD = "old"
    QD20 = "qd20"
    TAX = "tax"
    PROVINCE = "province"
    OTHER = "other"


_SCHEMES: Final = frozenset(CodeScheme)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Name a further code of a party with its scheme."""

    code: str
    scheme: CodeScheme = CodeScheme.OTHER

    def __str__(self) -> str:
        return f"{self.scheme}:{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Name a person or a desk of a party, and how to reach it."""

    name: str
    role: str = ""
    email: str = ""
    phone: str = ""


def read_alias(text: str) -> Alias:
    """Read `scheme:code`; a plain code is of the scheme `other`.

    Raises:
        Refused: `code-malformed`, or `request-malformed` for what is no code at all.
    """
    scheme, mark, code = text.rpartition(":")
    if mark and scheme not in _SCHEMES:
        raise Refused(BAD_CODE, f"There is no scheme {scheme}", where=text)
    return check_alias(Alias(code=code, scheme=CodeScheme(scheme) if mark else CodeScheme.OTHER))


def check_alias(alias: Alias) -> Alias:
    """Hold a code to its scheme.

    Raises:
        Refused: `code-malformed`, `tax-code-malformed`, or `request-malformed` for what is no code at all.
    """
    code = check_code(alias.code)
    if alias.scheme is CodeScheme.QD20 and not _QD20.fullmatch(code):
        text = f"{code} is no code by QĐ 20/2020: 35 at most of 0-9, A-Z and dots between groups, as in H56.01.02"
        raise Refused(BAD_CODE, text, where=str(alias))
    if alias.scheme is CodeScheme.TAX and tax_code(normalise(code)) is None:
        raise Refused(BAD_TAX_CODE, f"{code} is not a tax code", where=str(alias))
    return alias


def check_code(text: str) -> str:
    """Return what looks like a code.

    Raises:
        Refused: `request-malformed`.
    """
    if not CODE.fullmatch(text):
        raise Refused(REQUEST, "A code has 1 to 64 letters, digits, dots and hyphens", where="codes")
    return text


def check_name(text: str) -> str:
    """Return what can be a name.

    Raises:
        Refused: `request-malformed`.
    """
    if not 1 <= len(text) <= MAX_NAME or not text.isprintable():
        raise Refused(REQUEST, f"A name has 1 to {MAX_NAME} printable characters", where="name")
    return text


def check_contacts(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """Return contacts that are well formed, in their order.

    Raises:
        Refused: `contact-malformed`, with the number and the field.
    """
    found = tuple(contacts)
    if len(found) > MAX_CONTACTS:
        raise Refused(BAD_CONTACT, f"There are {len(found)} contacts", where="contacts")
    for number, contact in enumerate(found, start=1):
        for field, longest in _LENGTHS.items():
            text: str = getattr(contact, field)
            if len(text) > longest or not text.isprintable():
                detail = f"The {field} has more than {longest} characters, or some that cannot be printed"
                raise Refused(BAD_CONTACT, detail, where=f"contacts, {number}, {field}")
        if not contact.name.strip():
            raise Refused(BAD_CONTACT, "A contact has a name", where=f"contacts, {number}, name")
        if contact.email and not _EMAIL.fullmatch(contact.email):
            raise Refused(BAD_CONTACT, f"{contact.email} is no address", where=f"contacts, {number}, email")
    return found


def refuse_own_code(codes: Iterable[str], own: str) -> None:
    """Refuse the hub's own code, in whatever form, as the code of anybody else.

    Raises:
        Refused: `code-taken`.
    """
    if own and normalise(own) in {normalise(code) for code in codes}:
        raise Refused(CODE_TAKEN, f"{own} is the hub's own code")
