"""Between files in folders and letters: pure translation, nothing here touches a disk."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.folder.names import distinct, safe_name
from exchange.client import VIETNAM, DeliveryView, Draft, Letter, MomentView, Refused, Unpacked, reason, unpack

ORDER: Final = "letter.toml"
LETTERS: Final = (".edxml", ".xml")
OWN: Final = ("letter.xml", "about.txt", "receipt.xml", "status.txt", "error.txt", "refused.xml", "rejection.xml")
"""What the adapter itself puts beside the files of others."""
MARK: Final = "congvan: "
"""How an error.txt of the adapter begins, so that a failed folder can be dropped again as it is."""
MAX_FILES: Final = 200

ORDER_MALFORMED = reason(
    "letter-toml-malformed",
    "The file letter.toml cannot be understood",
    "Correct it after docs/howto/connect-a-folder.md and put the folder into outbox again",
)
FILES_DIFFER = reason(
    "letter-toml-files",
    "The attachments are not those that letter.toml names",
    "Name every file in the folder once, or leave `files` out to send all of them",
)
_TEXTS = ("number", "notation", "subject")
_KNOWN = frozenset({"to", *_TEXTS, "place", "due", "from", "files"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Hold what a letter.toml says; `files` is None when it names none."""

    to: tuple[str, ...]
    number: str
    notation: str
    subject: str
    place: str | None = None
    due: date | None = None
    sender: str | None = None
    files: tuple[str, ...] | None = None


def read_order(data: bytes) -> Order:
    """Read a letter.toml.

    Raises:
        Refused: `letter-toml-malformed`, with the key or the line that is wrong.
    """
    try:
        values = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(ORDER_MALFORMED, f"It is not TOML in UTF-8: {error}", where=ORDER) from None
    unknown = sorted(values.keys() - _KNOWN)
    if unknown:
        raise Refused(ORDER_MALFORMED, f"There is no such key: {', '.join(unknown)}", where=ORDER)
    return Order(
        to=_texts(values, "to") or (),
        number=_text(values, "number") or "",
        notation=_text(values, "notation") or "",
        subject=_text(values, "subject") or "",
        place=_text(values, "place", needed=False),
        due=_date(values),
        sender=_text(values, "from", needed=False),
        files=_texts(values, "files", needed=False),
    )


def to_draft(order: Order, files: Mapping[str, bytes]) -> Draft:
    """Put an order and the files beside it together, in the order of `files` or else of their names.

    Raises:
        Refused: `letter-toml-files`.
    """
    names = order.files if order.files is not None else tuple(sorted(files))
    if sorted(names) != sorted(files):
        told = ", ".join(sorted(set(names) ^ files.keys())) or "a name twice"
        raise Refused(FILES_DIFFER, f"These are only on one side: {told}", where=f"{ORDER}: files")
    return Draft(
        receivers=order.to,
        number=order.number,
        notation=order.notation,
        subject=order.subject,
        place=order.place,
        due=order.due,
        files=tuple((name, files[name]) for name in names),
    )


def incoming_names(delivery: DeliveryView) -> tuple[str, str]:
    """Name the folder of a delivery, and the longer name to take when the first is another delivery's."""
    what = safe_name(delivery.number.replace("/", "-"), delivery.kind)
    stem = f"{safe_name(delivery.sender)}_{what[:40]}"
    return f"{stem}_{delivery.delivery[:8]}", f"{stem}_{delivery.delivery}"


def notice_name(delivery: DeliveryView, code: str) -> str:
    """Name the file of a status notice beside its letter."""
    return f"status-{safe_name(code)}-{safe_name(delivery.sender)}-{delivery.delivery[:8]}.xml"


def event_name(moment: MomentView) -> str:
    """Name the file of a receipt beside its letter."""
    at = moment.at.astimezone(VIETNAM)
    return f"{at:%Y%m%d-%H%M%S}-{safe_name(moment.what)}-{safe_name(moment.receiver, 'hub')}.xml"


def lay_out(letter: Letter) -> list[tuple[str, Unpacked]]:
    """Give every attachment a safe name that no other file of the folder has."""
    laid: list[tuple[str, Unpacked]] = []
    used = set(OWN)
    for file in unpack(letter):
        name = distinct(safe_name(file.name), used)
        used.add(name)
        laid.append((name, file))
    return laid


def _text(values: Mapping[str, object], key: str, *, needed: bool = True) -> str | None:
    value = values.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and key == "number":
        value = str(value)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not value.strip():
        raise Refused(ORDER_MALFORMED, f"The key {key} must be a text in quotation marks", where=f"{ORDER}: {key}")
    return value.strip()


def _texts(values: Mapping[str, object], key: str, *, needed: bool = True) -> tuple[str, ...] | None:
    value = values.get(key)
    if value is None and not needed:
        return None
    listed = [value] if isinstance(value, str) else value
    texts = [each for each in listed if isinstance(each, str) and each.strip()] if isinstance(listed, list) else []
    if not isinstance(listed, list) or len(texts) != len(listed) or (needed and not texts):
        raise Refused(ORDER_MALFORMED, f"The key {key} must be a list of texts", where=f"{ORDER}: {key}")
    return tuple(texts)


def _date(values: Mapping[str, object]) -> date | None:
    value = values.get("due")
    if value is not None and type(value) is not date:
        raise Refused(ORDER_MALFORMED, "The key due must be a date such as 2026-12-31", where=f"{ORDER}: due")
    return value if type(value) is date else None
