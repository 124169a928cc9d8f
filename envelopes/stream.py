"""Read long XML piece by piece: one kind of element after another, each forgotten before the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from lxml import etree

from envelopes.limits import LIMITS
from envelopes.xml import MALFORMED, check_information
from trust_store.errors import Refused

WINDOW: Final = 1024 * 1024
"""How many bytes may come without the end of a wanted element; so much of a document is in memory at most."""


def walk(pieces: Iterable[bytes], name: str, end: str) -> Iterator[etree._Element]:
    """Give the elements with a name, in any namespace, until the end of the element called `end`.

    Each is only good until the next is asked for.

    Raises:
        Refused: not well-formed, a DOCTYPE, another encoding or version, or an element that is too large.
    """
    parser = etree.XMLPullParser(
        ("start", "end"), tag=(f"{{*}}{name}", f"{{*}}{end}"), resolve_entities=False, no_network=True, load_dtd=False
    )
    unseen, is_checked = 0, False
    try:
        for piece in pieces:
            parser.feed(piece)
            unseen += len(piece)
            for event, element in parser.read_events():
                if not is_checked:
                    check_information(element.getroottree().docinfo)
                    is_checked = True
                if event == "end" and etree.QName(element).localname == end:
                    return
                if event == "end":
                    unseen = 0
                    yield element
                    _forget(element)
            if unseen > WINDOW:
                raise Refused(LIMITS, f"More than {WINDOW:,} bytes come without the end of a {name}")
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Refused(MALFORMED, f"XML parser: {error.msg}") from None


def _forget(element: etree._Element) -> None:
    element.clear()
    above = element.getparent()
    while above is not None and element.getprevious() is not None:
        del above[0]
