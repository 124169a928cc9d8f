"""Papers for tests: PDF files written and signed by pyHanko with keys made on the fly, good ones and forged ones."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ExtendedKeyUsage, ObjectIdentifier
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from trust_store.keys import HeldKey

PADES = fields.SigSeedSubFilter.PADES
STAMPING = ((ExtendedKeyUsage([ObjectIdentifier("1.3.6.1.5.5.7.3.8")]), True),)
"""What the certificate of a time-stamping authority has besides."""


def d(**items: Any) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name(f"/{name}"): value for name, value in items.items()})


def page(writer: PdfFileWriter | IncrementalPdfFileWriter, text: str) -> generic.IndirectObject:
    """Add a content stream that shows a line of text."""
    return writer.add_object(generic.StreamObject(stream_data=f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode()))


def plain(text: str = "Cong van so 12", *, fields_: int = 0) -> bytes:
    """Write a PDF of one page, with so many text fields."""
    writer = PdfFileWriter()
    font = d(F1=d(Type=pdf_name("/Font"), Subtype=pdf_name("/Type1"), BaseFont=pdf_name("/Helvetica")))
    made = PageObject(contents=page(writer, text), media_box=(0, 0, 595, 842), resources=d(Font=font))
    ref = writer.insert_page(made)
    if fields_:
        listed = generic.ArrayObject()
        for index in range(fields_):
            box = generic.ArrayObject(map(generic.NumberObject, (72, 600, 300, 620)))
            field = d(
                Type=pdf_name("/Annot"), Subtype=pdf_name("/Widget"), FT=pdf_name("/Tx"), T=pdf_string(f"T{index}"),
                V=pdf_string(""), Rect=box, F=generic.NumberObject(4), P=ref,
            )  # fmt: skip
            listed.append(writer.add_object(field))
        writer.root["/AcroForm"] = writer.add_object(d(Fields=listed))
        ref.get_object()["/Annots"] = generic.ArrayObject(listed)
    return written(writer)


def irregular(key: HeldKey) -> bytes:
    """Sign a PDF that says it has fewer objects than it has: strict readers refuse it, others do not."""
    writer = PdfFileWriter(stream_xrefs=False)
    writer.insert_page(PageObject(contents=page(writer, "Cong van"), media_box=(0, 0, 595, 842), resources=d()))
    data = re.sub(rb"/Size \d", b"/Size 2", sign(written(writer), key), count=1)
    gap = gap_of(data)
    return forge(data, key, (0, gap.start, gap.end, len(data) - gap.end))


def written(writer: Any) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def changed(data: bytes, change: Any) -> bytes:
    """Add a revision in which `change` (a function of the writer) was done."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    change(writer)
    return written(writer)


def first_page(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    return writer.root["/Pages"]["/Kids"][0]


def replace_text(writer: IncrementalPdfFileWriter, text: str = "Cong van so 99") -> None:
    """Replace what the page shows."""
    shown = first_page(writer)
    shown["/Contents"] = page(writer, text)
    writer.update_container(shown)


def overlay(writer: IncrementalPdfFileWriter) -> None:
    """Hide what the page shows under an annotation."""
    shown = first_page(writer)
    box = generic.ArrayObject(map(generic.NumberObject, (0, 0, 595, 842)))
    note = d(Type=pdf_name("/Annot"), Subtype=pdf_name("/Square"), Rect=box, Contents=pdf_string("x"))
    shown["/Annots"] = generic.ArrayObject([writer.add_object(note)])
    writer.update_container(shown)


def swap_page(writer: IncrementalPdfFileWriter) -> None:
    """Put another page in the place of the first."""
    pages = writer.root["/Pages"]
    old = pages["/Kids"][0]
    new = d(Type=pdf_name("/Page"), Parent=old.raw_get("/Parent"), Contents=page(writer, "Khac"))
    new["/MediaBox"], new["/Resources"] = old["/MediaBox"], old["/Resources"]
    pages["/Kids"][0] = writer.add_object(new)
    writer.update_container(pages["/Kids"])


def fill(writer: IncrementalPdfFileWriter) -> None:
    """Fill the first text field in."""
    field = writer.root["/AcroForm"]["/Fields"][0]
    field["/V"] = pdf_string("da dien")
    writer.update_container(field)


def signer(key: HeldKey) -> signers.SimpleSigner:
    private = key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()
    store.register_multiple([x509.Certificate.load(each.der) for each in key.chain])
    return signers.SimpleSigner(
        signing_cert=x509.Certificate.load(key.certificate.der),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=store,
    )


def stamper(key: HeldKey, at: datetime) -> DummyTimeStamper:
    made = signer(key)
    return DummyTimeStamper(
        tsa_cert=made.signing_cert, tsa_key=made.signing_key, certs_to_embed=made.cert_registry, fixed_dt=at
    )


def sign(data: bytes, key: HeldKey, name: str = "S1", *, stamps: Any = None, strict: bool = True, **more: Any) -> bytes:
    """Sign in a new revision, PAdES B-B unless told, B-T with `stamps`."""
    more = {"md_algorithm": "sha256", "subfilter": PADES, **more}
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    meta = signers.PdfSignatureMetadata(field_name=name, **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return signers.sign_pdf(writer, meta, signer=signer(key), timestamper=stamps).getvalue()


def stamp(data: bytes, key: HeldKey, at: datetime, name: str = "T1") -> bytes:
    """Add a document time-stamp."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    made = signers.PdfTimeStamper(stamper(key, at), field_name=name)
    return made.timestamp_pdf(writer, "sha256", validation_context=None).getvalue()


@dataclass(frozen=True)
class Gap:
    """Where in a signed file its last signature stands: the place of its ByteRange text and of its hex string."""

    text: tuple[int, int]
    start: int
    end: int


def gap_of(data: bytes) -> Gap:
    found = list(re.finditer(rb"/ByteRange \[([^\]]*\] *)", data))[-1]
    _, first, second, _ = map(int, found[1].rstrip(b" ]").split())
    return Gap(text=found.span(1), start=first, end=second)


def forge(data: bytes, key: HeldKey, ranges: tuple[int, int, int, int], *, digest: str = "sha256") -> bytes:
    """Sign anew, over any ranges that one states: what a forger with a good certificate could do."""
    gap = gap_of(data)
    width = gap.text[1] - gap.text[0]
    text = (" ".join(map(str, ranges)) + "]").encode().ljust(width)
    assert len(text) == width
    work = bytearray(data)
    work[slice(*gap.text)] = text
    hashed = hashlib.new(digest)
    for start, length in ((ranges[0], ranges[1]), (ranges[2], ranges[3])):
        hashed.update(work[max(start, 0) : max(start, 0) + max(length, 0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        container = asyncio.run(signer(key).async_sign(hashed.digest(), digest, use_pades=True)).dump()
    value = container.hex().encode()
    room = gap.end - gap.start - 2
    assert len(value) <= room
    work[gap.start + 1 : gap.end - 1] = value.ljust(room, b"0")
    return bytes(work)


def now() -> datetime:
    """Tell the time: pyHanko writes it into what it signs."""
    return datetime.now(UTC)
