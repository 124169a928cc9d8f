"""One element of a message and the path that leads to it: children by name, values by kind, refusals that say where.

Names are compared without their namespace prefix, because old systems write prefixes that they never declare. Elements
of other namespaces are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeVar

from lxml import etree

from envelopes.edxml.syntax import (
    MISSING,
    NAMESPACE,
    read_date,
    read_flag,
    read_moment,
    read_number,
    read_organ_code,
)
from trust_store.errors import Refused, reason

AMBIGUOUS = reason(
    "edxml-twice", "An element that may occur once occurs more than once", "Keep the right one and send again"
)
NOT_TEXT = reason("edxml-not-text", "An element that holds text has other elements in it", "Write plain text there")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Block = TypeVar("Block", bound="DataclassInstance")
Value = TypeVar("Value")


class Element:
    """Read one element; every method raises Refused, naming the element and the line, when a value cannot be read.

    The children are found by name at the first look-up: there are many look-ups for every child, and most are for its text.
    """

    __slots__ = ("_children", "_parent", "name", "node")

    def __init__(self, node: etree._Element, name: str, parent: Element | None = None) -> None:
        self.node, self.name = node, name
        self._parent, self._children = parent, None

    _children: dict[str, list[etree._Element]] | None

    @property
    def path(self) -> str:
        """Tell the way from the root to this element."""
        return self.name if self._parent is None else f"{self._parent.path}/{self.name}"

    @property
    def where(self) -> str:
        """Tell the way to this element and its line."""
        return f"{self.path}, line {self.node.sourceline}"

    @property
    def text(self) -> str | None:
        """Give the whole text without outer white space, or None when there is none."""
        if not len(self.node):
            return _plain(self.node)
        if next(self.node.iterchildren("*"), None) is not None:
            raise Refused(NOT_TEXT, where=self.where)
        return "".join(_texts(self.node)).strip() or None

    @property
    def blank(self) -> bool:
        """Tell whether there is no text here, however deep: an element without any counts as absent."""
        return not "".join(self.node.itertext()).strip()

    def all(self, *names: str) -> tuple[Element, ...]:
        """Give the children with one of these names, name by name, in order."""
        return tuple(self._child(node) for node in self._named(names))

    def some(self, name: str) -> tuple[Element, ...]:
        """Give the children with this name, of which there must be one."""
        return self.all(name) or (self.required(name),)

    def one(self, *names: str) -> Element | None:
        """Give the only child with one of these names, or None."""
        node = self._only(names)
        return None if node is None else self._child(node)

    def required(self, *names: str) -> Element:
        """Give the only child with one of these names."""
        found = self.one(*names)
        if found is None:
            raise Refused(MISSING, f"{names[0]} is missing", where=self.where)
        return found

    def read(self, read: Callable[[Element], Block], *names: str) -> Block | None:
        """Read an optional block; one that says nothing is None."""
        block = self.one(*names)
        value = None if block is None or block.blank else read(block)
        return value if value is not None and says_something(value) else None

    def read_all(self, read: Callable[[Element], Block], name: str) -> tuple[Block, ...]:
        """Read every block with this name that says something."""
        values = (read(block) for block in self.all(name) if not block.blank)
        return tuple(value for value in values if says_something(value))

    def optional_text(self, *names: str) -> str | None:
        """Read the text of a child, or None."""
        node = self._only(names)
        if node is None:
            return None
        return self._child(node).text if len(node) else _plain(node)

    def required_text(self, *names: str) -> str:
        """Read the text of a child that must have one."""
        child = self.required(*names)
        text = child.text
        if text is None:
            raise Refused(MISSING, f"{names[0]} is empty", where=child.where)
        return text

    def texts(self, name: str) -> tuple[str, ...]:
        """Read the texts of all children with this name that have one."""
        return tuple(child.text for child in self.all(name) if child.text)

    def organ_code(self) -> str | None:
        """Read an organisation code, or None."""
        return self._value(read_organ_code, "OrganId")

    def organ_codes(self) -> tuple[str, ...]:
        """Read all organisation codes."""
        return tuple(read_organ_code(child.text, child.where) for child in self.all("OrganId") if child.text)

    def required_organ_code(self) -> str:
        """Read the organisation code that must be there."""
        return read_organ_code(self.required_text("OrganId"), self.required("OrganId").where)

    def number(self, *names: str) -> int | None:
        """Read a whole number, or None."""
        return self._value(read_number, *names)

    def flag(self, *names: str) -> bool | None:
        """Read a yes or no, or None."""
        return self._value(read_flag, *names)

    def date(self, *names: str) -> date | None:
        """Read a date, or None."""
        return self._value(read_date, *names)

    def moment(self, *names: str) -> datetime | None:
        """Read a local date and time, or None."""
        return self._value(read_moment, *names)

    def _only(self, names: Sequence[str]) -> etree._Element | None:
        found = self._named(names)
        if len(found) > 1:
            twice = self._child(found[1])
            raise Refused(AMBIGUOUS, f"There is more than one {twice.name}", where=twice.where)
        return found[0] if found else None

    def _child(self, node: etree._Element) -> Element:
        return Element(node, _own_name(str(node.tag)), self)

    def _named(self, names: Sequence[str]) -> Sequence[etree._Element]:
        children = self._find_children() if self._children is None else self._children
        if len(names) == 1:
            return children.get(names[0], ())
        return [child for name in names for child in children.get(name, ())]

    def _find_children(self) -> dict[str, list[etree._Element]]:
        found: dict[str, list[etree._Element]] = {}
        for node in self.node.iterchildren("*"):
            name = _own_name(str(node.tag))
            if name:
                found.setdefault(name, []).append(node)
        self._children = found
        return found

    def _value(self, read: Callable[[str, str], Value], *names: str) -> Value | None:
        child = self.one(*names)
        text = None if child is None else child.text
        return None if child is None or text is None else read(text, child.where)


def says_something(block: DataclassInstance) -> bool:
    """Tell whether any field of a block has a value."""
    return any(getattr(block, name) not in (None, ()) for name in _names(type(block)))


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def local_name(node: etree._Element) -> str:
    """Give the name of an element without its namespace and without a prefix that nobody declared."""
    return str(node.tag).rpartition("}")[2].rpartition(":")[2]


def namespace(node: etree._Element) -> str:
    """Give the namespace of an element, or an empty text."""
    return str(node.tag).partition("}")[0].lstrip("{") if str(node.tag).startswith("{") else ""


@lru_cache(maxsize=1024)
def _own_name(tag: str) -> str:
    """Give the local name of an element of edXML, or of one with an undeclared prefix; nothing for all others."""
    if tag.startswith(_OWN):
        return tag[len(_OWN) :] if ":" not in tag[len(_OWN) :] else tag.rpartition(":")[2]
    return tag.rpartition(":")[2] if ":" in tag and not tag.startswith("{") else ""


_OWN = f"{{{NAMESPACE}}}"


def _plain(node: etree._Element) -> str | None:
    """Give the text of an element that has nothing else in it."""
    return (node.text or "").strip() or None


def _texts(node: etree._Element) -> Iterator[str]:
    yield node.text or ""
    yield from (child.tail or "" for child in node)
