"""A few documents that a new sandbox has already exchanged, sent along the same path as every other."""

from __future__ import annotations

from collections.abc import Mapping

from envelopes.drafting import draft_letter, draft_status
from envelopes.edxml import Letter, Organ, StatusCode, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.core.model import Party, PartyId, delivery_key, message_key
from exchange.running import Exchange
from exchange.sandbox.papers import note, page
from exchange.sandbox.province import ENVIRONMENT, FINANCE, HAM_RONG, LAM_SON, LAND, ONE_STOP, PEOPLES_COMMITTEE, TAX
from trust_store.errors import Misuse
from trust_store.keys import HeldKey

Keys = Mapping[PartyId, HeldKey]

_LETTERS = (
    (LAM_SON, (ONE_STOP, ENVIRONMENT), "12", "CV-LS", "V/v đề nghị gia hạn giấy phép môi trường"),
    (ENVIRONMENT, (LAM_SON,), "245", "SNNMT-MT", "V/v bổ sung hồ sơ đề nghị gia hạn giấy phép môi trường"),
    (HAM_RONG, (TAX, LAND), "07", "CV-HR", "V/v xác định nghĩa vụ tài chính về đất đai"),
    (PEOPLES_COMMITTEE, (FINANCE, ENVIRONMENT), "1130", "UBND-KTTC", "V/v báo cáo giải ngân vốn đầu tư công"),
)


async def write_history(exchange: Exchange, keys: Keys) -> None:
    """Send four letters; two are read and answered with status notices, the others wait in their mailboxes."""
    letters = [
        await _send(exchange, keys, sender, receivers, number, notation, subject)
        for sender, receivers, number, notation, subject in _LETTERS
    ]
    for code in (StatusCode.ARRIVED, StatusCode.ACCEPTED, StatusCode.IN_PROGRESS):
        await _report(exchange, keys, letters[0], ENVIRONMENT, code)
    await _report(exchange, keys, letters[2], TAX, StatusCode.ARRIVED)


async def _send(
    exchange: Exchange, keys: Keys, sender: str, receivers: tuple[str, ...], number: str, notation: str, subject: str
) -> Letter:
    writer = await _party(exchange, sender)
    letter = draft_letter(
        sender=_organ(writer),
        receivers=[_organ(await _party(exchange, code)) for code in receivers],
        number=number,
        notation=notation,
        subject=subject,
        at=exchange.hub.clock.now().astimezone(VIETNAM),
        files=[(f"{number}-{notation}.pdf", page(subject)), ("phu-luc.txt", note(subject))],
        place="Thanh Hóa",
    )
    await exchange.hub.submit(writer, sign(build(letter), keys[writer.id]))
    return letter


async def _report(exchange: Exchange, keys: Keys, letter: Letter, receiver: str, code: StatusCode) -> None:
    reader = await _party(exchange, receiver)
    key = delivery_key(message_key(PartyId(letter.sender.organ_id), letter.document_id), reader.id)
    await exchange.hub.acknowledge(reader, key)
    at = exchange.hub.clock.now().astimezone(VIETNAM)
    notice = draft_status(sender=_organ(reader), letter=letter, code=code, at=at)
    await exchange.hub.submit(reader, sign(build(notice), keys[reader.id]))


async def _party(exchange: Exchange, code: str) -> Party:
    (party,) = await exchange.hub.store.directory.resolve([code])
    if party is None:
        raise Misuse(f"the sandbox has no party {code}")
    return party


def _organ(party: Party) -> Organ:
    return Organ(organ_id=party.id, name=party.name)
