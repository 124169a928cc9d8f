"""From parties of the hub to the records of the agencies' categories; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from exchange.client import PartyView

LEVELS: Final = tuple(f"qlvanbandieuhanhcap{level}" for level in (1, 2, 3, 4))
_CODE: Final = re.compile(r"(\d{3})\.(\d{2})\.(\d{2})\.([A-Z]\d{2})")


def to_records(parties: Iterable[PartyView]) -> Mapping[str, list[dict[str, str | None]]]:
    """Put the active agencies with a code of QCVN 102:2016 into the categories of their levels; all four are given."""
    found: dict[str, list[dict[str, str | None]]] = {category: [] for category in LEVELS}
    for party in parties:
        code = next((code for code in (party.id, *party.codes) if _CODE.fullmatch(code)), "")
        if code and party.kind == "agency" and party.status == "active":
            level = level_of(code)
            record: dict[str, str | None] = {f"MaDinhDanhCap{level}": code, "TenDonVi": party.name}
            if level > 1:
                record[f"MaDinhDanhCap{level - 1}"] = above(code)
            found[LEVELS[level - 1]].append(record)
    return found


def level_of(code: str) -> int:
    """Tell the level of a code: 1 for a ministry or a province, one more for each group of digits that is not zero."""
    return 1 + sum(1 for group in _groups(code) if int(group))


def above(code: str) -> str:
    """Give the code of the level above: the leftmost group that is not zero becomes zero."""
    groups = _groups(code)
    index = next(index for index, group in enumerate(groups) if int(group))
    groups[index] = "0" * len(groups[index])
    return ".".join([*groups, code.rpartition(".")[2]])


def _groups(code: str) -> list[str]:
    return code.split(".")[:3]
