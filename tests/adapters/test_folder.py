"""What a clerk and a document system see in the folder."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import pytest

from adapters.base import Desk, Pace
from adapters.courier import Courier
from adapters.folder.adapter import Folder
from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.receipt import Event, open_receipt
from envelopes.signature.sign import sign
from exchange.client import Refused

ROOT = Path(__file__).parents[2]


async def _round(side, **more) -> None:
    with Folder.opened(side.folder, side.key, side.trust, settle=0) as local:
        async with side.client() as client:
            pace = Pace(lease=1, poll=0.2, news=0)
            desk = Desk(client=client, local=local, spool=local.spool, trust=side.trust, pace=pace, **more)
            await Courier(desk=desk).run_once()


def _drop(side, name: str, data: bytes | str) -> None:
    (side.folder / "outbox").mkdir(exist_ok=True)
    (side.folder / "outbox" / name).write_bytes(data.encode() if isinstance(data, str) else data)


def _text(path: Path) -> str:
    return path.read_text("utf-8-sig")


def _names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


async def test_a_signed_file_is_sent_byte_for_byte(hub, side) -> None:
    sender, data = side(hub.lam_son), hub.signed(hub.lam_son, hub.environment)
    _drop(sender, "thu.edxml", data)
    await _round(sender)
    assert {"letter.xml", "receipt.xml", "status.txt", "thu.edxml"} <= set(_names(sender.folder / "sent" / "thu"))
    assert (sender.folder / "sent" / "thu" / "letter.xml").read_bytes() == data
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    assert await (await hub.client(hub.environment)).content(delivery.message) == data


async def test_an_unsigned_file_is_signed_with_the_partys_key(hub, side) -> None:
    sender = side(hub.lam_son)
    _drop(sender, "thu.xml", build(hub.letter(hub.lam_son, hub.environment)))
    await _round(sender)
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    assert (await (await hub.client(hub.lam_son)).message(delivery.message)).signature_class == "valid"


async def test_the_receiver_finds_the_files_and_who_sent_them(hub, side) -> None:
    letter = draft_letter(
        sender=Organ(organ_id=hub.lam_son),
        receivers=[Organ(organ_id=hub.environment)],
        number="7",
        notation="CV-T",
        subject="Dòng một\nNơi gửi / From: kẻ khác",
        at=datetime.now(VIETNAM),
        files=[("sub/x.pdf", b"%PDF-1"), ("X.pdf", b"%PDF-2"), ("CON.txt", b"text"), ("letter.xml", b"<a/>")],
    )
    data = sign(build(letter), hub.key(hub.lam_son))
    await hub.submit(hub.lam_son, data)
    receiver = side(hub.environment)
    await _round(receiver)
    (folder,) = (receiver.folder / "inbox").iterdir()
    assert folder.name.startswith(f"{hub.lam_son}_7_")
    own = ["about.txt", "letter.xml", "receipt.xml"]
    assert _names(folder) == sorted([*own, "x.pdf", "X (2).pdf", "_CON.txt", "letter (2).xml"])
    assert (folder / "letter.xml").read_bytes() == data
    assert (folder / "_CON.txt").read_bytes() == b"text"
    about = _text(folder / "about.txt")
    assert f"Nơi gửi / From: {hub.lam_son}" in about
    assert "Chữ ký / Signature: valid" in about
    assert "_CON.txt  (tên gốc / named by the sender: CON.txt)" in about
    assert [line for line in about.splitlines() if line.startswith("Nơi gửi")] == [f"Nơi gửi / From: {hub.lam_son}"]


async def test_files_that_are_listed_and_not_there_are_told(hub, side) -> None:
    letter = dataclasses.replace(hub.letter(hub.lam_son, hub.environment), attachments=())
    await hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son)))
    receiver = side(hub.environment)
    await _round(receiver)
    (folder,) = (receiver.folder / "inbox").iterdir()
    assert "File beside the letter, not fetched: a.pdf" in _text(folder / "about.txt")


async def test_later_events_and_notices_appear_beside_the_letter(hub, side) -> None:
    sender, receiver = side(hub.lam_son), side(hub.environment)
    letter = hub.letter(hub.lam_son, hub.environment)
    _drop(sender, "thu.xml", build(letter))
    await _round(sender)
    await _round(receiver)
    await hub.submit(hub.environment, hub.notice(hub.environment, letter, "03"))
    await _round(sender)
    await _round(sender)
    folder = sender.folder / "sent" / "thu"
    events = {open_receipt(each.read_bytes())[0].event for each in folder.glob("2*.xml")}
    assert events == {Event.CONTENT_CONSIGNMENT, Event.CONTENT_HANDOVER, Event.CONSIGNMENT_ACCEPTANCE}
    assert len(list(folder.glob("status-03-*.xml"))) == 2
    status = _text(folder / "status.txt")
    assert "Nơi nhận đã nhận được / ContentHandover" in status
    assert "[03] Đã tiếp nhận / accepted" in status
    before = _names(folder), status
    await _round(sender)
    assert (_names(folder), _text(folder / "status.txt")) == before
    assert not (sender.folder / "inbox").exists() or _names(sender.folder / "inbox") == []


async def test_a_notice_about_a_letter_sent_elsewhere_goes_to_the_inbox(hub, side) -> None:
    letter = hub.letter(hub.lam_son, hub.environment)
    await hub.submit(hub.lam_son, sign(build(letter), hub.key(hub.lam_son)))
    await hub.submit(hub.environment, hub.notice(hub.environment, letter, "02", "Sai nơi nhận"))
    sender = side(hub.lam_son)
    await _round(sender)
    (folder,) = (sender.folder / "inbox").iterdir()
    assert "Từ chối tiếp nhận / refused: Sai nơi nhận" in _text(folder / "about.txt")


async def test_a_refused_letter_is_corrected_and_dropped_again(hub, side) -> None:
    sender = side(hub.lam_son)
    dropped = sender.folder / "outbox" / "thu"
    dropped.mkdir(parents=True)
    order = 'to = "{}"\nnumber = "1"\nnotation = "CV"\nsubject = "V/v"\n'
    (dropped / "letter.toml").write_text(order.format("000.99.99.H56"))
    (dropped / "a.pdf").write_bytes(b"%PDF-")
    await _round(sender)
    failed = sender.folder / "failed" / "thu"
    assert _names(failed) == ["a.pdf", "error.txt", "letter.toml", "refused.xml", "rejection.xml"]
    assert open_receipt((failed / "rejection.xml").read_bytes())[0].event is Event.SUBMISSION_REJECTION
    assert _text(failed / "error.txt").startswith("congvan: receiver-unknown")
    (failed / "letter.toml").write_text(order.format(hub.environment))
    failed.rename(dropped)
    await _round(sender)
    sent = set(_names(sender.folder / "sent" / "thu"))
    assert sent >= {"a.pdf", "letter.toml", "letter.xml", "receipt.xml", "status.txt"}
    assert sent.isdisjoint({"error.txt", "refused.xml", "rejection.xml"})
    assert _names(sender.folder / "failed") == []


async def test_hostile_things_fail_one_by_one_and_hold_nothing_up(hub, side) -> None:
    sender = side(hub.lam_son)
    _drop(sender, "leer.xml", b"")
    _drop(sender, "no.xml", b"not xml")
    _drop(sender, "what.exe", b"MZ")
    _drop(sender, "bad.toml", b"to = [")
    _drop(sender, "new\nline.xml", b"<a/>")
    (sender.folder / "outbox" / "link.xml").symlink_to("/etc/passwd")
    (sender.folder / "outbox" / "loop.xml").symlink_to("loop.xml")
    os.mkfifo(sender.folder / "outbox" / "pipe.xml")
    _drop(sender, "zz.xml", build(hub.letter(hub.lam_son, hub.environment)))
    await _round(sender)
    codes = {each.parent.name: _text(each).splitlines()[0] for each in (sender.folder / "failed").glob("*/error.txt")}
    assert codes["leer"] == "congvan: outbox-empty"
    assert codes["what"] == "congvan: outbox-unknown"
    assert codes["bad"] == "congvan: letter-toml-malformed"
    assert {codes[name] for name in ("link", "loop", "pipe")} == {"congvan: outbox-not-a-file"}
    assert {"no", "new_line"} <= codes.keys()
    assert _names(sender.folder / "outbox") == []
    assert _names(sender.folder / "sent") == ["zz"]


async def test_another_letter_under_a_used_name_does_not_replace_the_first(hub, side) -> None:
    sender = side(hub.lam_son)
    for number in (1, 2):
        _drop(sender, "thu.xml", build(hub.letter(hub.lam_son, hub.environment, number=number)))
        await _round(sender)
    assert _names(sender.folder / "sent") == ["thu", "thu-2"]
    assert len(await (await hub.client(hub.environment)).inbox()) == 2


async def test_what_is_told_of_a_letter_never_lands_beside_another_one(hub, side) -> None:
    sender, receiver = side(hub.lam_son), side(hub.environment)
    _drop(sender, "thu.xml", build(hub.letter(hub.lam_son, hub.environment)))
    await _round(sender)
    (sender.folder / "sent" / "thu").rename(sender.folder / "archived")
    _drop(sender, "thu.xml", build(hub.letter(hub.lam_son, hub.finance, number=2)))
    await _round(sender)
    await _round(receiver)
    await _round(sender)
    assert _names(sender.folder / "sent") == ["thu-2"]
    assert hub.environment not in _text(sender.folder / "sent" / "thu-2" / "status.txt")


async def test_news_comes_also_after_a_crash_between_noting_and_watching(hub, side) -> None:
    sender = side(hub.lam_son)
    _drop(sender, "thu.xml", build(hub.letter(hub.lam_son, hub.environment)))
    await _round(sender)
    (delivery,) = await (await hub.client(hub.environment)).inbox()
    with Folder.opened(sender.folder, sender.key, sender.trust, settle=0) as local:
        local.spool.keep("thu", (sender.folder / "sent" / "thu" / "letter.xml").read_bytes())
        local.spool.unwatch(delivery.message_id)
    await (await hub.client(hub.environment)).acknowledge(delivery.delivery)
    await _round(sender)
    assert "ContentHandover" in _text(sender.folder / "sent" / "thu" / "status.txt")
    with Folder.opened(sender.folder, sender.key, sender.trust, settle=0) as local:
        assert (local.spool.kept(), local.spool.watched()) == ([], [])


async def test_trouble_is_told_in_the_folder_and_goes_when_it_is_over(hub, side) -> None:
    sender = side(hub.lam_son)
    _drop(sender, "thu.xml", build(hub.letter(hub.lam_son, hub.environment)))
    wrong = type(sender)(
        url=sender.url, token="wrong", key=sender.key, trust=sender.trust, folder=sender.folder, arguments=[]
    )
    with pytest.raises(Refused):
        await _round(wrong)
    assert _text(sender.folder / "trouble.txt").startswith("congvan: unauthenticated")
    await _round(sender)
    assert not (sender.folder / "trouble.txt").exists()
    assert _names(sender.folder / "sent") == ["thu"]


def test_a_folder_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(Refused) as refusal:
        Folder.opened(tmp_path / "none", None, None).__enter__()
    assert refusal.value.reason.code == "folder-unfit"


async def _command(side, *more: str) -> tuple[int, str]:
    code = "from adapters.folder.command import folder; folder()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *side.arguments, "--folder", str(side.folder), "--settle", "0", *more),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    if not more:
        await _appears(side.folder / "sent" / "thu" / "receipt.xml")
        process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, errors.decode()


async def _appears(path: Path) -> None:
    async with asyncio.timeout(60):
        while not path.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("more", [["--once"], []], ids=["once", "until told to stop"])
async def test_the_command_works_and_ends_well(hub, side, more) -> None:
    sender = side(hub.lam_son)
    _drop(sender, "thu.xml", build(hub.letter(hub.lam_son, hub.environment)))
    code, errors = await _command(sender, *more)
    assert (code, "Traceback" in errors) == (0, False)
    assert _names(sender.folder / "sent") == ["thu"]
