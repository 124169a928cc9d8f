"""Clocks that are an hour off: the sender's decides nothing, the hub's is told, and nothing is lost by either."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import xmlsec
from lxml import etree

from envelopes.drafting import draft_letter, draft_status
from envelopes.edxml import Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.receipt import open_receipt
from envelopes.signature.sign import sign
from exchange.auth.tokens import issue
from exchange.config import Home
from exchange.core.access import Scope
from exchange.core.model import PartyId
from exchange.founding import authority_of
from exchange.operation import health
from exchange.sandbox.province import ENVIRONMENT, HUB_CODE, LAM_SON
from trust_store.enrol import Holder, enrol
from trust_store.identity import PartyKind
from trust_store.keys import load_pem, write_key

HOUR = timedelta(hours=1)
BOTH = pytest.mark.parametrize("skew", [HOUR, -HOUR], ids=["ahead", "behind"])
HEADER = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}edXMLHeader"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SIGNATURE = f"""<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="s"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>
<ds:Reference URI=""><ds:Transforms>
<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="{EXCLUSIVE}"/>
</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>
<ds:Reference URI="#p" Type="http://uri.etsi.org/01903#SignedProperties">
<ds:Transforms><ds:Transform Algorithm="{EXCLUSIVE}"/></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>
</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo><ds:Object>
<x:QualifyingProperties xmlns:x="{XADES}" Target="#s"><x:SignedProperties Id="p"><x:SignedSignatureProperties>
<x:SigningTime>CLAIMED</x:SigningTime>
</x:SignedSignatureProperties></x:SignedProperties></x:QualifyingProperties></ds:Object></ds:Signature>"""


def _claim(hub, claimed: datetime) -> bytes:
    """Sign with a SigningTime that is chosen, by another engine: this one writes none."""
    key, root = hub.key(hub.lam_son), etree.fromstring(build(hub.letter(hub.lam_son, hub.environment)))
    signature = etree.fromstring(SIGNATURE.replace("CLAIMED", claimed.isoformat(timespec="seconds")))
    next(root.iter(HEADER)).append(signature)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(write_key(key), xmlsec.constants.KeyDataFormatPem)
    context.key.load_cert_from_memory(key.certificate.pem, xmlsec.constants.KeyDataFormatPem)
    context.register_id(next(root.iter(f"{{{XADES}}}SignedProperties")), "Id")
    context.sign(signature)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _near(moment: datetime) -> bool:
    return abs(datetime.now(UTC) - moment) < timedelta(seconds=30)


@BOTH
async def test_the_hours_that_a_sender_writes_are_kept_and_decide_nothing(hub, skew) -> None:
    at = (datetime.now(VIETNAM) + skew).replace(tzinfo=None, microsecond=0)
    letter = hub.letter(hub.lam_son, hub.environment)
    letter = replace(letter, trace=tuple(replace(station, timestamp=at) for station in letter.trace))
    data = sign(build(letter), hub.key(hub.lam_son))
    view = await hub.submit(hub.lam_son, data)
    assert _near(open_receipt(view.receipt.encode())[0].at)
    assert await (await hub.client(hub.environment)).content(view.message) == data
    notice = draft_status(
        sender=Organ(organ_id=hub.environment),
        letter=letter,
        code=StatusCode.ARRIVED,
        at=datetime.now(VIETNAM) + skew,
    )
    await hub.submit(hub.environment, sign(build(notice), hub.key(hub.environment)))
    timeline = await (await hub.client(hub.lam_son)).timeline(view.message)
    assert timeline[-1].what == "01"
    assert all(_near(moment.at) for moment in timeline)


@BOTH
async def test_a_signing_time_is_a_claim_and_decides_nothing(hub, skew) -> None:
    data = _claim(hub, datetime.now(UTC) + skew)
    assert re.search(rb"<[^>]*SigningTime>", data)
    view = await hub.submit(hub.lam_son, data)
    assert _near(open_receipt(view.receipt.encode())[0].at)
    changed = re.sub(rb"SigningTime>20", b"SigningTime>19", data)
    assert changed != data
    refusal = await hub.refused(hub.lam_son, changed)
    assert (refusal.status, refusal.reason.code) == (422, "content-changed")


@pytest.mark.parametrize(("ahead", "status"), [(timedelta(minutes=-30), 422), (timedelta(minutes=30), 201)])
async def test_a_certificate_counts_by_the_clock_of_the_hub(timed, ahead, status) -> None:
    """The authority's clock is right, and the hub's half an hour behind: it tells both times, and takes it later."""
    now = datetime.now(UTC).replace(microsecond=0)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code=LAM_SON)
    key = enrol(authority_of(Home(timed.folder)), holder, serial=7, at=now, days=9)
    timed.clock.ahead = ahead
    answered, body = await timed.ask("POST", "/v1/messages", by=LAM_SON, data=_letter(timed, 1, key))
    assert answered == status, body
    if status == 422:
        judged = now + ahead
        assert body["code"] == "certificate-not-yet-valid"
        assert f"valid from {now:%Y-%m-%d %H:%M:%S} UTC" in body["detail"]
        assert f"judged at {judged:%Y-%m-%d %H:%M}" in body["detail"]
        assert "check the clock" in body["fix"]


def _key(timed, code=LAM_SON):
    stem = f"{timed.folder}/parties/{code}"
    return load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())


def _letter(timed, number: int, key=None) -> bytes:
    at = timed.clock.now().astimezone(VIETNAM) - HOUR
    letter = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=ENVIRONMENT)],
        number=str(number),
        notation="CV-T",
        subject="V/v thử",
        at=at - timedelta(days=1),
    )
    return sign(build(letter), key or _key(timed))


async def _readiness(timed) -> tuple[int, str]:
    status, body = await timed.ask("GET", "/readyz")
    return status, next(item["outcome"] for item in body["checks"] if item["name"] == "clock")


async def _give(timed, party: str, *scopes: Scope) -> tuple[str, str]:
    exchange, code = timed.exchange, PartyId(party)
    secret, token = await issue(
        exchange.tokens, exchange.entropy, exchange.author(), party=code, label="t", scopes=frozenset(scopes)
    )
    return secret, token.id


async def _lease(timed) -> list[dict[str, str]]:
    status, found = await timed.ask("POST", "/v1/inbox/leases", by=ENVIRONMENT, json={"lease_seconds": 60})
    assert status == 200
    return found


async def test_a_clock_of_the_hub_that_goes_back_an_hour_is_told_and_loses_nothing(timed) -> None:
    office, _ = await _give(timed, HUB_CODE, Scope.ADMINISTER, Scope.AUDIT)
    gone, gone_id = await _give(timed, LAM_SON, Scope.SEND)
    ending, ending_id = await _give(timed, LAM_SON, Scope.SEND)
    assert (await timed.ask("POST", "/v1/messages", by=LAM_SON, data=_letter(timed, 1)))[0] == 201
    (first,) = await _lease(timed)
    assert (await timed.ask("DELETE", f"/v1/tokens/{gone_id}", token=office))[0] == 200
    assert await _readiness(timed) == (200, "passed")

    timed.clock.ahead -= HOUR
    await asyncio.sleep(health.FRESH)
    assert await _readiness(timed) == (503, "failed")
    assert (await timed.ask("GET", "/v1/whoami", token=gone))[0] == 401
    status, sent = await timed.ask("POST", "/v1/messages", by=LAM_SON, data=_letter(timed, 2))
    assert status == 201
    (second,) = await _lease(timed)
    assert second["message"] == sent["message"] != first["message"]
    assert (await timed.ask("DELETE", f"/v1/inbox/leases/{first['lease']}", by=ENVIRONMENT))[0] == 200
    (again,) = await _lease(timed)
    assert again["delivery"] == first["delivery"]
    assert (await timed.ask("DELETE", f"/v1/tokens/{ending_id}", token=office))[0] == 200

    _, rows = await timed.ask("GET", "/v1/audit?limit=200", token=office)
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["previous"] for row in rows[1:]] == [row["digest"] for row in rows[:-1]]
    revoked = [row for row in rows if row["event"] == "token-revoked"]
    assert [row["subject"].split()[-1] for row in revoked] == [gone_id, ending_id], "in the order in which it happened"
    assert revoked[1]["at"] < revoked[0]["at"]

    timed.clock.ahead += HOUR
    await asyncio.sleep(health.FRESH)
    assert await _readiness(timed) == (200, "passed")
    assert (await timed.ask("GET", "/v1/whoami", token=ending))[0] == 401
    for item in (second, again):
        path = f"/v1/inbox/{item['delivery']}/acknowledgement"
        assert (await timed.ask("POST", path, by=ENVIRONMENT))[0] == 200
