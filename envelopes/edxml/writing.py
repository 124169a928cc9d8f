"""One element that is being written: values by kind, and nothing for what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from lxml import etree

from envelopes.edxml.element import says_something
from envelopes.edxml.syntax import MISSING, NAMESPACE, read_number, read_organ_code, written
from envelopes.xml import UNWRITABLE
from trust_store.errors import Refused, reason

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHARACTER = reason(
    "edxml-character", "A text has a character that XML cannot carry", "Remove control characters from the text"
)

Block = TypeVar("Block", bound="DataclassInstance")
Value = str | int | bool | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Write one element; a refusal names the element by its path."""

    node: etree._Element
    path: str

    def child(self, name: str) -> Writing:
        """Add an element that has the prefix of this one."""
        return Writing(node=etree.SubElement(self.node, f"{{{NAMESPACE}}}{name}"), path=f"{self.path}/{name}")

    def prefixed(self, name: str) -> Writing:
        """Add an element that declares the prefix edXML anew."""
        node = etree.SubElement(self.node, f"{{{NAMESPACE}}}{name}", nsmap={"edXML": NAMESPACE})
        return Writing(node=node, path=f"{self.path}/{name}")

    def put(self, name: str, value: Value) -> None:
        """Add an element with this value, a flag as 0 or 1, a date as yyyy/MM/dd; none for a missing or empty value."""
        text = _text(value, f"{self.path}/{name}")
        if text:
            self.child(name).node.text = text

    def put_required(self, name: str, value: str) -> None:
        """Add an element that must have a text."""
        if not value.strip():
            raise Refused(MISSING, f"{name} is empty", where=f"{self.path}/{name}")
        self.put(name, value)

    def put_organ_code(self, value: str | None) -> None:
        """Add an organisation code, checked, unless it is missing."""
        if value is not None:
            self.put("OrganId", read_organ_code(value.strip(), f"{self.path}/OrganId"))

    def put_block(self, name: str, write: Callable[[Writing, Block], None], block: Block | None) -> None:
        """Add an element for a block of values, unless they are all missing."""
        if block is not None and says_something(block):
            child = self.child(name)
            write(child, block)
            if not len(child.node):
                self.node.remove(child.node)

    def put_blocks(self, name: str, write: Callable[[Writing, Block], None], blocks: Iterable[Block]) -> None:
        """Add an element for each block of values."""
        for block in blocks:
            self.put_block(name, write, block)

    def put_list(self, name: str, item: str, values: Iterable[str]) -> None:
        """Add an element that holds one item for each text, unless there is none."""
        texts = [value for value in values if value.strip()]
        if texts:
            child = self.child(name)
            for text in texts:
                child.put(item, text)


def _text(value: Value, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(read_number(str(value), where))
    text = value.strip() if isinstance(value, str) else written(value)
    found = UNWRITABLE.search(text)
    if found:
        raise Refused(CHARACTER, f"The text has the character U+{ord(found[0]):04X}", where=where)
    return text
