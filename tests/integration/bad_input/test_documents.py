"""Every kind of bad document has its own answer over HTTP: status, code, what failed, where, and what to do.

docs/reference/bad-input.md lists them for people; the first test holds the two to each other.
"""

from __future__ import annotations

import base64
import gzip
import inspect
import io
import re
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from envelopes.attachments import unwrap
from envelopes.edxml import Attachment, Reference, build, parse
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from envelopes.xml import parse as parse_xml
from trust_store.errors import Refused

ROOT = Path(__file__).parents[3]
HOUR = timedelta(hours=1)
NAMESPACE = b"http://www.mic.gov.vn/TBT/QCVN_102_2016"
END = b"</edXML:edXMLHeader>"
WRONG = "2899000017"
ROW = re.compile(r"^\| (?P<name>[^|]+?) \| (?P<status>\d{3}|none) \| (?:`(?P<code>[a-z0-9-]+)`|none) \|.*\|$", re.M)
Made = bytes | Awaitable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Say how a bad document is made, and what the hub answers; `told` is in the detail, the place or the advice."""

    make: Callable[[Any], Made]
    status: int = 422
    code: str
    told: tuple[str, ...] = ()
    by: str = "lam_son"
    headers: Mapping[str, str] = field(default_factory=dict)


def second_signature(data: bytes) -> bytes:
    start, end = data.index(b"<ds:Signature"), data.index(END)
    return data[:end] + data[start:end] + data[end:]


def many_references(data: bytes, count: int) -> bytes:
    start, end = data.index(b"<ds:Reference"), data.index(b"</ds:Reference>") + 15
    return data[:start] + data[start:end] * count + data[end:]


def other_digest(data: bytes) -> bytes:
    start = data.index(b"<ds:DigestValue>") + 16
    return data[:start] + base64.b64encode(bytes(32)) + data[data.index(b"</ds:DigestValue>") :]


def attached(shop, *files: tuple[str, bytes], listed: int | None = None, carried: int | None = None, **more: Any):
    """Sign a letter whose manifest lists the first so many files, and which carries the first so many."""
    attachments = tuple(
        Attachment(content_id=f"file-{n}", name=name, content=data, **more) for n, (name, data) in enumerate(files)
    )
    references = tuple(Reference(content_id=each.content_id, name=each.name, **more) for each in attachments)
    letter = replace(shop.letter(), references=references[:listed], attachments=attachments[:carried])
    return shop.signed(letter)


def named(name: str) -> Callable[[Any], bytes]:
    return lambda shop: attached(shop, (name, b"%PDF-1.4"))


def many_files(shop) -> bytes:
    references = tuple(Reference(content_id=f"file-{n}", name=f"{n}.pdf") for n in range(10_000))
    return build(replace(shop.letter(), references=references, attachments=()))


def dated(shop, days: int) -> bytes:
    at = datetime.now(VIETNAM) + timedelta(days=days)
    letter = shop.letter()
    return shop.signed(replace(letter, promulgation=replace(letter.promulgation, date=at.date())))


def written_by(shop, sender: str, signer: str) -> bytes:
    return sign(build(shop.hub.letter(sender, shop.hub.environment)), shop.hub.key(signer))


def to(shop, code: str) -> bytes:
    return sign(build(shop.hub.letter(shop.hub.lam_son, code)), shop.hub.key(shop.hub.lam_son))


async def to_suspended(shop) -> bytes:
    return to(shop, await shop.suspend(shop.hub.one_stop))


async def from_suspended(shop) -> bytes:
    tax = await shop.suspend(shop.hub.tax)
    return written_by(shop, tax, tax)


async def revoked(shop) -> bytes:
    return shop.signed(key=await shop.revoke(shop.certified()))


PATHS = ("../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "C:\\autoexec.bat", "a/../b.pdf", "..")
CASES: dict[str, Case] = {
    "not XML": Case(make=lambda _: b"%PDF-1.7\n", code="xml-malformed", told=("XML parser", "line 1")),
    "wrong namespace": Case(
        make=lambda shop: shop.written(lambda data: data.replace(NAMESPACE, b"http://example.org/other")),
        code="edxml-namespace",
        told=("edXML, line 2", NAMESPACE.decode()),
    ),
    "another kind of document": Case(make=lambda _: b"<html/>", code="edxml-root", told=("html, line 1", "QCVN 102")),
    "DOCTYPE": Case(
        make=lambda shop: shop.spoiled((b"<edXML ", b"<!DOCTYPE edXML><edXML ")), code="xml-doctype", told=("entities",)
    ),
    "truncated": Case(
        make=lambda shop: shop.signed()[:-200], code="xml-malformed", told=("XML parser", "line", "column")
    ),
    "100 MB of nested elements": Case(
        make=lambda _: b"<a>" * 33_333_334, status=413, code="request-too-large", told=("100,000,002", "50,331,648")
    ),
    "45 MB of nested elements": Case(
        make=lambda _: b"<a>" * 15_000_000, code="xml-limits", told=("20,000 elements", "7 MB")
    ),
    "a million attributes": Case(
        make=lambda _: b"<a " + b" ".join(b'b%d=""' % n for n in range(1_000_000)) + b"/>",
        code="xml-limits",
        told=("10,000 attributes",),
    ),
    "10,000 references in the signature": Case(
        make=lambda shop: many_references(shop.signed(), 10_000), code="xml-limits", told=("20,000 elements",)
    ),
    "100 references in the signature": Case(
        make=lambda shop: many_references(shop.signed(), 100),
        code="reference-not-allowed",
        told=("100 References; 3 are allowed", "line"),
    ),
    "10,000 references in the manifest": Case(make=many_files, code="xml-limits", told=("20,000 elements",)),
    "unknown receiver": Case(
        make=lambda shop: to(shop, "000.99.99.H56"), code="receiver-unknown", told=("000.99.99.H56", "To/OrganId")
    ),
    "wrong check digit in a receiver's tax code": Case(
        make=lambda shop: to(shop, WRONG), code="receiver-unknown", told=(WRONG, "To/OrganId")
    ),
    "wrong check digit in the sender's tax code": Case(
        make=lambda shop: written_by(shop, WRONG, shop.hub.lam_son),
        code="sender-mismatch",
        told=(f"{WRONG}, which is no tax code: its check digit is wrong", "From/OrganId"),
    ),
    "wrong check digit in the certificate": Case(
        make=lambda shop: shop.signed(key=shop.certified(tax_code=WRONG)), code="tax-code-invalid", told=("UID=MST",)
    ),
    "suspended receiver": Case(make=to_suspended, code="receiver-suspended", told=("000.00.90.H56", "To/OrganId")),
    "suspended sender": Case(
        make=from_suspended, status=403, code="party-suspended", told=("administrator",), by="tax"
    ),
    "sender not the certificate's holder": Case(
        make=lambda shop: written_by(shop, shop.hub.lam_son, shop.hub.ham_rong),
        code="wrong-holder",
        told=("2899000231", "another party's", "own certificate"),
    ),
    "another's letter, submitted by oneself": Case(
        make=lambda shop: written_by(shop, shop.hub.ham_rong, shop.hub.ham_rong),
        code="wrong-holder",
        told=("2899000231", "another party's"),
    ),
    "in another's name, signed by oneself": Case(
        make=lambda shop: written_by(shop, shop.hub.ham_rong, shop.hub.lam_son),
        code="sender-mismatch",
        told=("The signer is 2899000016; From/OrganId says 2899000231",),
    ),
    "an agency with the certificate of another": Case(
        make=lambda shop: written_by(shop, shop.hub.finance, shop.hub.environment),
        code="wrong-holder",
        told=("not registered for the party",),
        by="finance",
    ),
    "expired certificate": Case(
        make=lambda shop: shop.signed(key=shop.certified(start=datetime.now(VIETNAM) - 9 * HOUR, end=past(HOUR))),
        code="certificate-expired",
        told=("expired at", "UTC; the signature was judged at", "Renew"),
    ),
    "certificate valid in half an hour": Case(
        make=lambda shop: shop.signed(key=shop.certified(start=past(-HOUR / 2))),
        code="certificate-not-yet-valid",
        told=("is valid from", "UTC on; the signature was judged at", "check the clock"),
    ),
    "revoked certificate": Case(make=revoked, code="certificate-revoked", told=("revoked since", "lộ khóa")),
    "certificate of an unknown authority": Case(
        make=lambda shop: shop.signed(key=shop.certified(authority=shop.stranger())),
        code="path-untrusted",
        told=("authority that this hub lists",),
    ),
    "weak key": Case(
        make=lambda shop: shop.signed(key=shop.certified(bits=1024)), code="key-too-weak", told=("1024 bits; 2048",)
    ),
    "weak signature algorithm": Case(
        make=lambda shop: shop.spoiled((b"2001/04/xmldsig-more#ecdsa-sha256", b"2001/04/xmldsig-more#ecdsa-sha1")),
        code="signature-algorithm",
        told=("ecdsa-sha1", "SHA-2"),
    ),
    "weak digest": Case(
        make=lambda shop: shop.spoiled((b"2001/04/xmlenc#sha256", b"2000/09/xmldsig#sha1")),
        code="digest-algorithm",
        told=("xmldsig#sha1", "SHA-256"),
    ),
    "no signature": Case(make=lambda shop: build(shop.letter()), code="signature-missing", told=("Sign the document",)),
    "second signature": Case(
        make=lambda shop: second_signature(shop.signed()), code="signature-several", told=("one signature",)
    ),
    "content changed after signing": Case(
        make=lambda shop: shop.spoiled((b"V/v", b"V-v")), code="content-changed", told=("original file",)
    ),
    "digest mismatch": Case(
        make=lambda shop: other_digest(shop.signed()), code="signature-mismatch", told=("Sign the document again",)
    ),
    "missing attachment": Case(
        make=lambda shop: attached(shop, ("a.pdf", b"%PDF-1.4"), ("b.pdf", b"%PDF-1.4"), carried=1),
        code="attachment-missing",
        told=("“file-1”", "edXMLManifest"),
    ),
    "surplus attachment": Case(
        make=lambda shop: attached(shop, ("a.pdf", b"%PDF-1.4"), ("b.pdf", b"%PDF-1.4"), listed=1),
        code="edxml-manifest",
        told=("lists 1 files, 2 are here", "edXMLManifest"),
    ),
    "zip that is none": Case(
        make=lambda shop: attached(shop, ("a.xls", b"not a zip"), content_type="application/zip"),
        code="edxml-not-zipped",
        told=("a.xls", "ContentType"),
    ),
    "compressed body": Case(
        make=lambda shop: gzip.compress(shop.signed()),
        status=400,
        code="request-malformed",
        told=("Compressed bodies are not taken", "Content-Encoding"),
        headers={"Content-Encoding": "gzip"},
    ),
    **{
        f"path in a file name: `{path}`": Case(make=named(path), code="attachment-name", told=("AttachmentName",))
        for path in PATHS
    },
    "NUL in a file name": Case(
        make=lambda shop: shop.spoiled((b"a.pdf", b"a&#0;.pdf")), code="xml-malformed", told=("line",)
    ),
    "file name that turns its text": Case(
        make=named("phep\u202efdp.exe"), code="attachment-name", told=("\\u202e", "direction marks")
    ),
    "oversized": Case(
        make=lambda _: b" " * (48 * 1024 * 1024 + 1), status=413, code="request-too-large", told=("50,331,648",)
    ),
    "a file of more than 7 MB inside": Case(
        make=lambda shop: build(replace(shop.letter(), content="x")).replace(b"x", b"x" * 10_500_000, 1),
        code="xml-limits",
        told=("7 MB",),
    ),
    "dated tomorrow": Case(
        make=lambda shop: dated(shop, 1), code="edxml-future", told=("by the clock here it is", "check the clock")
    ),
}


def past(span: timedelta) -> datetime:
    return datetime.now(VIETNAM).replace(microsecond=0) - span


def rows() -> dict[str, tuple[str, str]]:
    text = (ROOT / "docs/reference/bad-input.md").read_text("utf-8")
    return {row["name"]: (row["status"], row["code"] or "") for row in ROW.finditer(text.partition("## Elsewhere")[0])}


def test_the_page_lists_what_is_answered() -> None:
    assert rows() == {name: (str(case.status), case.code) for name, case in CASES.items()}


@pytest.mark.parametrize("name", CASES)
async def test_each_has_its_own_answer_and_leaves_nothing(workshop, name) -> None:
    case, hub = CASES[name], workshop.hub
    made = case.make(workshop)
    data = await made if inspect.isawaitable(made) else made
    before = workshop.blobs()
    answer = await hub.ask(
        "POST", "/v1/messages", by=getattr(hub, case.by), data=io.BytesIO(data), headers=case.headers
    )
    problem = answer.problem()
    assert (answer.status, problem["code"]) == (case.status, case.code), problem
    said = " ".join((problem["detail"], problem.get("where", ""), problem["fix"]))
    assert [words for words in case.told if words not in said] == [], said
    assert workshop.blobs() == before
    assert bool(problem.get("evidence")) == (case.status == 422), "what was refused for its content is attested"
    for party in (hub.lam_son, hub.finance):
        assert await (await hub.client(party)).sent() == []
    view = await hub.submit(hub.lam_son, hub.signed(hub.lam_son, hub.environment))
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    assert delivery.message == view.message


async def test_a_wrong_check_digit_is_not_registered(hub) -> None:
    administrator = await hub.give(hub.code, "administer")
    body = b'{"name": "Sai", "kind": "enterprise"}'
    answer = await hub.ask("PUT", f"/v1/parties/{WRONG}", token=administrator, data=body)
    assert (answer.status, answer.problem()["code"]) == (422, "tax-code-malformed")
    assert WRONG in answer.problem()["detail"]
    assert WRONG not in [party.id for party in await hub.exchange.registry.all()]


def bomb(size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.xls", bytes(size))
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["a.zip", "a.xls"])
async def test_a_zip_bomb_is_carried_unopened_and_not_unpacked_by_readers(workshop, name) -> None:
    hub, packed = workshop.hub, bomb(100_000_000)
    assert len(packed) < 200_000
    data = attached(workshop, (name, packed), content_type="application/zip")
    view = await hub.submit(hub.lam_son, data)
    received = await (await hub.client(hub.environment)).content(view.message)
    assert received == data
    (file,) = parse(parse_xml(received).getroot()).attachments
    if name == "a.zip":
        assert unwrap(file).data == packed
        return
    with pytest.raises(Refused) as caught:
        unwrap(file)
    assert caught.value.reason.code == "attachment-bomb"


async def test_a_path_named_at_an_upload_is_nothing_to_the_hub(hub) -> None:
    names = {path for path in hub.folder.rglob("*") if path.is_file()}
    name = base64.b64encode(b"../../escaped").decode()
    digest = base64.b64encode(b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").decode()
    tus = {"Tus-Resumable": "1.0.0"}
    announcing = {**tus, "Upload-Length": "3", "Upload-Metadata": f"filename {name},sha256 {digest}"}
    made = await hub.ask("POST", "/v1/uploads", by=hub.lam_son, headers=announcing)
    sending = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert (
        await hub.ask("PATCH", made.headers["Location"], by=hub.lam_son, headers=sending, data=b"abc")
    ).status == 204
    new = {path.name for path in hub.folder.rglob("*") if path.is_file()} - {path.name for path in names}
    assert {name for name in new if not name.startswith("hub.db")} == {
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }
    for outside in (hub.folder.parent, hub.folder.parent.parent):
        assert not (outside / "escaped").exists()
