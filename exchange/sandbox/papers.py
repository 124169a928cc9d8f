"""Small real files to attach: a one-page PDF that opens everywhere, and a text."""

from __future__ import annotations

import unicodedata


def page(text: str) -> bytes:
    """Write a one-page PDF with a line of text; accents are dropped, because the built-in fonts have none."""
    plain = unicodedata.normalize("NFD", text.replace("Đ", "D").replace("đ", "d")).encode("ascii", "ignore").decode()
    line = plain.replace("\\", "").replace("(", "[").replace(")", "]")[:90]
    stream = f"BT /F1 12 Tf 60 760 Td ({line}) Tj ET".encode()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def note(text: str) -> bytes:
    """Write a text file."""
    return f"{text}\n\nTệp này thuộc một hệ thống mô phỏng.\n".encode()
