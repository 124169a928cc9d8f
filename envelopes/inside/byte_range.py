"""Hold the byte range of a PDF signature to its form: everything from the first byte on, but for the signature's own hex."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from envelopes.inside.reasons import RANGE
from trust_store.errors import Refused

_HEX: Final = re.compile(rb"<(?:[0-9A-Fa-f]{2})+>")


def check_range(data: bytes, numbers: Sequence[object], contents: bytes) -> None:
    """Check `/ByteRange` against the file and the bytes of `/Contents` (ISO 32000-2, 12.8.1; EN 319 142-1, 5.3).

    Two ranges: the first from the first byte on, the second within the file; between them nothing but this signature's own
    bytes as one hexadecimal string. So nobody can put anything into the gap, and no other gap is possible.

    Raises:
        Refused: `pdf-byte-range`.
    """
    if len(numbers) != 4 or not all(isinstance(each, int) for each in numbers):
        raise Refused(RANGE, "ByteRange is not four whole numbers")
    start, first, second, rest = (int(each) for each in numbers if isinstance(each, int))
    if start != 0 or min(first, second, rest) < 0:
        raise Refused(RANGE, f"ByteRange begins at {start:,}, or has a negative number")
    if not 0 < first < second or second + rest > len(data):
        raise Refused(RANGE, f"ByteRange {first:,}, {second:,}, {rest:,} does not fit a file of {len(data):,} bytes")
    if second - first != 2 * len(contents) + 2:
        raise Refused(
            RANGE, f"The gap of {second - first:,} bytes is not the signature of {len(contents):,} bytes alone"
        )
    gap = data[first:second]
    if not _HEX.fullmatch(gap) or bytes.fromhex(gap[1:-1].decode("ascii")) != contents:
        raise Refused(RANGE, "What is between the two ranges is not the signature")
