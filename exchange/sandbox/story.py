"""The whole story of a letter, told line by line against a real hub over HTTP; every line is checked before it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from envelopes.drafting import draft_letter, draft_status
from envelopes.edxml import Letter, Message, Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Event, open_receipt
from envelopes.signature.sign import sign
from exchange.client import Client, HubRefused
from exchange.core.enrolling import draw_serial
from exchange.machine import SystemEntropy
from exchange.sandbox import ready
from exchange.sandbox.papers import note, page
from exchange.sandbox.province import ENVIRONMENT, HAM_RONG, LAM_SON, ONE_STOP
from exchange.verification import examine
from trust_store.certificate import load_many
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.errors import CongvanError
from trust_store.evidence import Evidence
from trust_store.identity import PartyKind
from trust_store.keys import HeldKey, load_pem
from trust_store.policy import Policy

Tell = Callable[[str], None]


class StoryBroken(CongvanError):
    """A line of the story did not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Hold somebody in the story: who they are, their key, and their line to the hub."""

    organ: Organ
    key: HeldKey
    client: Client

    async def send(self, message: Message, key: HeldKey | None = None) -> bytes:
        """Sign a message, send it, and return its receipt."""
        view = await self.client.submit(sign(build(message), key or self.key))
        return view.receipt.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Hold what the acts share."""

    tell: Tell
    evidence: Evidence
    authority: HeldKey
    lam_son: Person
    ham_rong: Person
    environment: Person
    one_stop: Person

    def hold(self, held: bool, line: str) -> None:
        """Tell a line, if it holds.

        Raises:
            StoryBroken: it does not.
        """
        if not held:
            raise StoryBroken(f"this did not hold: {line}")
        self.tell(f"  ✓ {line}")

    def is_valid(self, data: bytes) -> bool:
        """Verify a document offline, with nothing but the hub's trust anchor."""
        return examine(data, self.evidence, Policy(), datetime.now(UTC)).verdict == "valid"


async def tell_story(url: str, sandbox: ready.Ready, authority: HeldKey, tell: Tell) -> None:
    """Tell the story.

    Raises:
        StoryBroken: at the first line that does not hold.
    """
    async with (
        _person(url, sandbox, LAM_SON) as lam_son,
        _person(url, sandbox, HAM_RONG) as ham_rong,
        _person(url, sandbox, ENVIRONMENT) as environment,
        _person(url, sandbox, ONE_STOP) as one_stop,
    ):
        stage = Stage(
            tell=tell,
            evidence=Evidence(anchors=load_many(Path(sandbox.trust_anchor).read_bytes())),
            authority=authority,
            lam_son=_known(sandbox, LAM_SON, lam_son),
            ham_rong=_known(sandbox, HAM_RONG, ham_rong),
            environment=_known(sandbox, ENVIRONMENT, environment),
            one_stop=_known(sandbox, ONE_STOP, one_stop),
        )
        letter, data, key = await _send(stage)
        await _read_and_answer(stage, letter, data)
        await _refuse(stage, letter)
        await _look_back(stage, key)
        await _attack(stage, letter, data)


async def _send(stage: Stage) -> tuple[Letter, bytes, str]:
    stage.tell("1. An enterprise signs a letter with two attachments and sends it to two agencies")
    subject = "V/v đề nghị cấp giấy phép môi trường"
    letter = draft_letter(
        sender=stage.lam_son.organ,
        receivers=[stage.environment.organ, stage.one_stop.organ],
        number="21",
        notation="CV-LS",
        subject=subject,
        at=datetime.now(VIETNAM),
        files=[("don-de-nghi.pdf", page(subject)), ("ke-hoach.txt", note(subject))],
        place="Thanh Hóa",
    )
    data = sign(build(letter), stage.lam_son.key)
    view = await stage.lam_son.client.submit(data)
    receipt = view.receipt.encode()
    stated, _ = open_receipt(receipt)
    stage.hold(stated.event is Event.SUBMISSION_ACCEPTANCE, f"accepted as {view.message}, receipt {stated.id}")
    stage.hold(len(stated.receivers) == 2, "the receipt names both receivers")
    stage.hold(stage.is_valid(receipt), "the receipt verifies offline, with the trust anchor alone")
    again = await stage.lam_son.client.submit(data)
    stage.hold(again.receipt == view.receipt, "sent once more, the very same receipt comes back")
    return letter, data, view.message


async def _read_and_answer(stage: Stage, letter: Letter, data: bytes) -> None:
    stage.tell("2. One agency reads, verifies, acknowledges, reports and answers")
    agency = stage.environment
    (delivery,) = await agency.client.lease()
    stage.hold(not await agency.client.lease(), "while one reader has it, no other reader gets it")
    content = await agency.client.content(delivery.message)
    stage.hold(content == data, "the bytes that arrive are the bytes that were signed")
    stage.hold(stage.is_valid(content), "the signature on them is valid")
    first = await agency.client.acknowledge(delivery.delivery)
    second = await agency.client.acknowledge(delivery.delivery)
    stage.hold(first == second, f"acknowledged; once more gives the same receipt {first.receipt_id}")
    for code in (StatusCode.ARRIVED, StatusCode.ACCEPTED, StatusCode.COMPLETED):
        receipt = await agency.send(_status(agency, letter, code))
        stage.hold(stage.is_valid(receipt), f"status {code} sent, signed by the agency, and receipted")
    answer = draft_letter(
        sender=agency.organ,
        receivers=[letter.sender],
        number="300",
        notation="SNNMT-MT",
        subject="V/v cấp giấy phép môi trường",
        at=datetime.now(VIETNAM),
        files=[("giay-phep.pdf", page("Giay phep"))],
        answers=letter,
    )
    await agency.send(answer)
    (arrived,) = [item for item in await stage.lam_son.client.inbox() if item.kind == "letter"]
    stage.hold(arrived.subject == answer.subject, "the agency's signed answer is in the enterprise's mailbox")


async def _refuse(stage: Stage, letter: Letter) -> None:
    stage.tell("3. The other agency refuses, with a reason")
    agency = stage.one_stop
    (delivery,) = await agency.client.lease()
    await agency.client.acknowledge(delivery.delivery)
    await _expect(
        stage, "edxml-grounds", agency.send(_status(agency, letter, StatusCode.REFUSED)), "a refusal needs one"
    )
    receipt = await agency.send(_status(agency, letter, StatusCode.REFUSED, "Không thuộc thẩm quyền"))
    stage.hold(stage.is_valid(receipt), "status 02 sent and receipted: Không thuộc thẩm quyền")


async def _look_back(stage: Stage, key: str) -> None:
    stage.tell("4. The enterprise sees the timeline, and verifies every receipt offline")
    digest = (await stage.lam_son.client.message(key)).digest
    moments = await stage.lam_son.client.timeline(key)
    for item in moments:
        about = f" · {item.receiver}" if item.receiver else ""
        said = f" · {item.text}" if item.text else ""
        stage.tell(f"    {item.at.astimezone(VIETNAM):%H:%M:%S} {item.what}{about}{said}")
    receipts = [await stage.lam_son.client.evidence(item.evidence) for item in moments if item.evidence]
    events = {open_receipt(receipt)[0].event for receipt in receipts}
    usual = set(Event) - {Event.SUBMISSION_REJECTION, Event.CONTENT_HANDOVER_FAILURE}
    stage.hold(events == usual, "there is a receipt for every step")
    stage.hold(all(stage.is_valid(receipt) for receipt in receipts), f"all {len(receipts)} verify offline")
    same = all(open_receipt(receipt)[0].digest == digest for receipt in receipts)
    stage.hold(same, "all of them are about the bytes that were sent")


async def _attack(stage: Stage, letter: Letter, data: bytes) -> None:
    stage.tell("5. What is not right is refused, with its reason")
    client, other = stage.lam_son.client, replace(letter, document_id=f"{letter.document_id}-2")
    tampered = data.replace("môi trường".encode(), "xây dựng".encode())
    rejection = await _expect(stage, "content-changed", client.submit(tampered), "a tampered copy")
    await _expect(stage, "wrong-holder", stage.lam_son.send(other, stage.ham_rong.key), "another party's certificate")
    await _expect(stage, "sender-mismatch", stage.ham_rong.send(other), "a letter in another party's name")
    await _expect(stage, "path-untrusted", stage.lam_son.send(other, _stranger()), "a stranger's certificate")
    await _expect(stage, "certificate-expired", stage.lam_son.send(other, _expired(stage)), "an expired certificate")
    proof = await client.evidence(rejection.evidence)
    stated, _ = open_receipt(proof)
    told = stated.event is Event.SUBMISSION_REJECTION and stage.is_valid(proof)
    stage.hold(told, "and the refusal itself is attested by the hub (SubmissionRejection)")


async def _expect(stage: Stage, code: str, attempt: Awaitable[object], line: str) -> HubRefused:
    try:
        await attempt
    except HubRefused as refusal:
        stage.hold(refusal.reason.code == code, f"{line}: {refusal.text} [{refusal.reason.code}]")
        return refusal
    raise StoryBroken(f"this was let in: {line}")


def _status(agency: Person, letter: Letter, code: StatusCode, text: str = "") -> Message:
    return draft_status(sender=agency.organ, letter=letter, code=code, at=datetime.now(VIETNAM), text=text)


def _stranger() -> HeldKey:
    """Make a key whose certificate says it is Lam Sơn's, from an authority that nobody trusts."""
    entropy, at = SystemEntropy(), datetime.now(UTC) - timedelta(days=1)
    authority = create_authority("CA lạ", serial=draw_serial(entropy), at=at, years=1)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="Lam Sơn", organisation="Lam Sơn", code=LAM_SON)
    return enrol(authority, holder, serial=draw_serial(entropy), at=at, days=30)


def _expired(stage: Stage) -> HeldKey:
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="Lam Sơn", organisation="Lam Sơn", code=LAM_SON)
    at = datetime.now(UTC) - timedelta(days=30)
    return enrol(stage.authority, holder, serial=draw_serial(SystemEntropy()), at=at, days=10)


def _person(url: str, sandbox: ready.Ready, name: str) -> Client:
    return Client(url, _ready(sandbox, name).token)


def _known(sandbox: ready.Ready, name: str, client: Client) -> Person:
    party = _ready(sandbox, name)
    key = load_pem(Path(party.key).read_bytes(), Path(party.cert).read_bytes())
    return Person(organ=Organ(organ_id=party.id, name=party.name), key=key, client=client)


def _ready(sandbox: ready.Ready, name: str) -> ready.ReadyParty:
    party = sandbox.party(name)
    if party is None:
        raise StoryBroken(f"the sandbox has no party {name}")
    return party
