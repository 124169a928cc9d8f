"""Put something into a signed document without writing a byte of it anew: every original byte stays, in its order.

Documents here are well-formed and have no DOCTYPE, as `envelopes.xml` saw to; so their markup can be told by its signs alone.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from trust_store.errors import Misuse

_MARKUP: Final = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>", re.S)
_NAME: Final = re.compile(r"<[^\s/>]+")
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """Say what is put in (as text), and where: `at` is a position in the text of the document."""

    at: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """Hold where one element stands in the text: behind its name, and where its end tag begins (None: it is empty)."""

    name_end: int
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Hold a document as text, with what turns it back into the very same bytes."""

    mark: bytes
    encoding: str
    text: str

    @classmethod
    def of(cls, data: bytes) -> Text:
        """Read the bytes of a document that the XML parser has accepted, so in UTF-8 or in UTF-16 with its mark."""
        for mark, encoding in _BOMS:
            if data.startswith(mark):
                return cls(mark=mark, encoding=encoding, text=data[len(mark) :].decode(encoding))
        return cls(mark=b"", encoding="utf-8", text=data.decode())

    def tags(self, element: etree._Element) -> Tags:
        """Find an element of the tree that was read from these bytes: it is the same by its number in document order."""
        number = next(at for at, each in enumerate(element.getroottree().iter(etree.Element)) if each is element)
        count, depth, name_end = -1, 0, 0
        for at, markup in _elements(self.text):
            opens, closes = not markup.startswith("</"), markup.startswith("</") or markup.endswith("/>")
            if opens:
                count += 1
                if count == number:
                    found = _NAME.match(markup)
                    name_end, depth = at + (found.end() if found else 1), 0
            if count < number:
                continue
            depth += opens - closes
            if depth == 0:
                return Tags(name_end=name_end, end=None if opens else at)
        raise Misuse("the element is not in this document")

    def with_insertions(self, insertions: Sequence[Insertion]) -> bytes:
        """Write the document with the insertions made."""
        parts, done = [], 0
        for each in sorted(insertions, key=lambda item: item.at):
            parts += [self.text[done : each.at], each.text]
            done = each.at
        return self.mark + "".join((*parts, self.text[done:])).encode(self.encoding)


def _elements(text: str) -> Iterator[tuple[int, str]]:
    """Give the tags of a document with their positions; comments, CDATA sections and instructions are passed over."""
    for found in _MARKUP.finditer(text):
        markup = found.group()
        if not markup.startswith(("<!", "<?")):
            yield found.start(), markup
