"""Notices go by mail over TLS, in two languages, through servers that are slow, refuse, drop or put off; nothing else waits."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from exchange.config import Home, Settings
from exchange.core import compromise
from exchange.core.model import Party, PartyId
from exchange.core.notices import Mail, Notice, NoticeKind, Wording, notice_id
from exchange.core.particulars import Contact
from exchange.core.quarantine import Declaration
from exchange.delivery.mail import TRIES, Courier, addresses_of, compose, pause, postman_of
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from exchange.server import serve
from exchange.storage.directory import DirectoryStore
from exchange.storage.migration import migrate
from exchange.storage.notices import NoticeStore
from exchange.storage.sqlite import open_database
from exchange.wiring import open_exchange
from tests.integration.mail.conftest import PASSWORD, USER, _free_port
from trust_store.errors import Refused
from trust_store.identity import PartyKind

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
PARTY = PartyId("000.00.12.H56")
ADDRESS = "van-thu@so.example"


@dataclass
class Hand:
    """Tell the time that a test sets."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def settings(port: int, **more) -> Settings:
    values = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_from": "truc@hub.example", "smtp_seconds": 2}
    return Settings(name="Trục thử", code="HUB", administrator_emails="admin@hub.example", **(values | more))


def notice(number: int = 1, **more) -> Notice:
    usual = {
        "party": PARTY,
        "id": notice_id(NoticeKind.CERTIFICATE_ENDING, str(number), "", PARTY),
        "kind": NoticeKind.KEY_COMPROMISED,
        "subject": f"{number}",
        "at": NOW,
        "title": Wording(vi=f"Lộ khóa {number}", en=f"Key compromised {number}"),
        "text": Wording(vi="Văn bản tạm giữ: số 12/CV-LS, Đường Hạc Thành", en="Documents held back: 12/CV-LS"),
    }
    return Notice(**(usual | more))


@pytest.fixture
async def shelf(tmp_path):
    """A store of notices with one party that has a contact; the path of its database beside it."""
    migrate(tmp_path / "hub.db")
    async with open_database(tmp_path / "hub.db") as database:
        contact = Contact(name="Văn thư", email=ADDRESS)
        await DirectoryStore(database).put(
            Party(id=PARTY, name="Sở", kind=PartyKind.AGENCY, codes=frozenset({PARTY}), contacts=(contact,))
        )
        yield NoticeStore(database, addresses_of(settings(1)))


def courier(shelf, clock, configured: Settings, tmp_path) -> Courier:
    postman = postman_of(configured, tmp_path)
    assert postman is not None
    return Courier(notices=shelf, clock=clock, postman=postman)


def states(tmp_path) -> list[tuple]:
    with sqlite3.connect(tmp_path / "hub.db") as connection:
        found = connection.execute("SELECT state, tries, error FROM mails ORDER BY notice").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_notice_arrives_over_tls_with_a_password_in_both_languages(shelf, office, tmp_path, security) -> None:
    place = office(security)
    (tmp_path / "smtp-password").write_text(PASSWORD + "\n")
    configured = settings(
        place.port, smtp_security=security, smtp_ca=str(place.ca), smtp_user=USER, smtp_password_file="smtp-password"
    )
    await shelf.add([notice(at=NOW - timedelta(seconds=1)), notice(2)])
    assert await courier(shelf, Hand(), configured, tmp_path).carry() == 1
    ((recipients, raw),), (mail,) = place.inbox.arrived, place.inbox.mails
    assert (recipients, place.inbox.secure) == ([ADDRESS], [True])
    assert raw.isascii()
    assert mail["Subject"] == "[Trục thử] Lộ khóa 1 / Key compromised 1 (+1)"
    assert (mail["From"], mail["To"], mail["Auto-Submitted"]) == (
        "Trục thử <truc@hub.example>",
        ADDRESS,
        "auto-generated",
    )
    text = mail.get_content()
    for part in ("Lộ khóa 1", "Lộ khóa 2", "Đường Hạc Thành", "Key compromised 2", "Documents held back"):
        assert part in text
    assert mail.get_content_charset() == "utf-8"
    assert states(tmp_path) == [("sent", 1, "")] * 2
    assert await courier(shelf, Hand(NOW + timedelta(days=9)), configured, tmp_path).carry() == 0


async def test_a_certificate_that_is_not_trusted_gets_neither_password_nor_mail(shelf, office, tmp_path) -> None:
    place = office("starttls")
    await shelf.add([notice()])
    configured = settings(place.port, smtp_user=USER, smtp_password=PASSWORD)
    await courier(shelf, Hand(), configured, tmp_path).carry()
    assert place.inbox.arrived == []
    ((state, tries, error),) = states(tmp_path)
    assert (state, tries) == ("waiting", 1)
    assert "certificate" in error.lower()


async def test_a_server_without_starttls_gets_no_mail_where_tls_is_wanted(shelf, office, tmp_path) -> None:
    place = office("none")
    await shelf.add([notice()])
    await courier(shelf, Hand(), settings(place.port), tmp_path).carry()
    assert place.inbox.arrived == []
    assert states(tmp_path)[0][:2] == ("waiting", 1)


async def test_a_wrong_password_is_tried_again_because_the_settings_can_be_mended(shelf, office, tmp_path) -> None:
    place, clock = office("starttls"), Hand()
    await shelf.add([notice()])
    configured = settings(place.port, smtp_ca=str(place.ca), smtp_user=USER, smtp_password="wrong")
    await courier(shelf, clock, configured, tmp_path).carry()
    ((state, _, error),) = states(tmp_path)
    assert state == "waiting"
    assert "535" in error or "Authentication" in error
    assert "wrong" not in error
    clock.moment += timedelta(minutes=1)
    good = settings(place.port, smtp_ca=str(place.ca), smtp_user=USER, smtp_password=PASSWORD)
    await courier(shelf, clock, good, tmp_path).carry()
    assert len(place.inbox.arrived) == 1


@pytest.mark.parametrize("where", ["answers", "data_answers"], ids=["recipient", "message"])
async def test_what_is_put_off_comes_again_later_and_then_arrives(shelf, office, tmp_path, where) -> None:
    place, clock = office("none"), Hand()
    getattr(place.inbox, where).extend(["450 greylisted, come again", "451 later"])
    await shelf.add([notice()])
    carrying = courier(shelf, clock, settings(place.port, smtp_security="none"), tmp_path)
    await carrying.carry()
    assert states(tmp_path)[0][:2] == ("waiting", 1)
    assert "450 greylisted" in states(tmp_path)[0][2] or "450" in states(tmp_path)[0][2]
    assert await carrying.carry() == 0, "not before the pause is over"
    clock.moment += pause(0)
    await carrying.carry()
    clock.moment += pause(1)
    await carrying.carry()
    assert states(tmp_path) == [("sent", 3, "")]
    assert len(place.inbox.arrived) == 1


@pytest.mark.parametrize("where", ["answers", "data_answers"], ids=["recipient", "message"])
async def test_what_is_refused_for_good_is_given_up_at_once(shelf, office, tmp_path, where) -> None:
    place = office("none")
    getattr(place.inbox, where).append("550 nobody here")
    await shelf.add([notice()])
    await courier(shelf, Hand(), settings(place.port, smtp_security="none"), tmp_path).carry()
    assert states(tmp_path) == [("failed", 1, "550 nobody here")]


async def silent(reader, writer) -> None:
    await asyncio.sleep(60)


async def dropping(reader, writer) -> None:
    return


async def dripping(reader, writer) -> None:
    for _ in range(60):
        writer.write(b"220-wait\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)


async def dropping_late(reader, writer) -> None:
    writer.write(b"220 mail\r\n")
    while line := await reader.readline():
        if line.startswith(b"DATA"):
            return
        writer.write(b"250 ok\r\n")


async def babbling(reader, writer) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("behave", [silent, dropping, dripping, dropping_late, babbling])
async def test_a_server_that_misbehaves_costs_a_bounded_time_and_is_tried_again(
    shelf, broken, tmp_path, behave
) -> None:
    await shelf.add([notice()])
    port, began = await broken(behave), time.monotonic()
    configured = settings(port, smtp_security="none", smtp_seconds=0.5)
    await courier(shelf, Hand(), configured, tmp_path).carry()
    assert time.monotonic() - began < 4
    assert states(tmp_path)[0][:2] == ("waiting", 1)


async def test_a_server_that_is_never_there_is_given_up_after_a_bounded_number_of_tries(shelf, tmp_path) -> None:
    clock, rounds = Hand(), 0
    await shelf.add([notice()])
    carrying = courier(shelf, clock, settings(_free_port(), smtp_security="none"), tmp_path)
    for tries in range(TRIES + 5):
        rounds += await carrying.carry()
        clock.moment += pause(tries)
    assert rounds == TRIES
    ((state, tries, error),) = states(tmp_path)
    assert (state, tries) == ("failed", TRIES)
    assert "Connect" in error
    assert timedelta(days=1) < clock.moment - NOW < timedelta(days=4)


async def test_a_crash_between_sending_and_recording_sends_the_same_message_id_again(shelf, office, tmp_path) -> None:
    place, clock = office("none"), Hand()
    await shelf.add([notice()])
    carrying = courier(shelf, clock, settings(place.port, smtp_security="none"), tmp_path)
    (lost,) = await shelf.claim(clock.now(), clock.now() + timedelta(minutes=30), 10)
    await carrying.postman.send(lost)
    assert await carrying.carry() == 0
    clock.moment += timedelta(minutes=30)
    await carrying.carry()
    first, second = (mail["Message-ID"] for mail in place.inbox.mails)
    assert first == second
    assert states(tmp_path)[0][0] == "sent"


@pytest.mark.parametrize(
    "evil",
    ["x\r\nBcc: victim@example.com", "x\nSubject: other\n\nbody", "\r\n.\r\nMAIL FROM:<a@b>", "a\u2028b\u0085c\x00"],
)
async def test_nothing_that_a_party_wrote_becomes_a_header_or_a_command(shelf, office, tmp_path, evil) -> None:
    place = office("none")
    await shelf.add([notice(title=Wording(vi=evil, en=evil), text=Wording(vi=evil, en=evil))])
    configured = settings(place.port, smtp_security="none")
    await courier(shelf, Hand(), Settings(**{**_values(configured), "name": evil}), tmp_path).carry()
    ((recipients, raw),), (mail,) = place.inbox.arrived, place.inbox.mails
    assert recipients == [ADDRESS]
    assert {name.lower() for name in mail} == {
        *("from", "to", "subject", "date", "message-id", "auto-submitted", "content-language"),
        *("content-type", "content-transfer-encoding", "mime-version"),
    }
    assert len(mail.get_all("Subject")) == 1
    assert b"\r\nbcc" not in raw.lower()


def _values(configured: Settings) -> dict[str, object]:
    return {name: getattr(configured, name) for name in Settings.__struct_fields__}


@pytest.mark.parametrize("address", ["a@b>\r\nRCPT", "a@b,c@d", '"x y"@b', "đ@so.example", "<a@b>", "a@b>,<c"])
async def test_an_address_that_could_be_more_than_one_is_written_to_by_nobody(shelf, office, tmp_path, address) -> None:
    place = office("none")
    postman = postman_of(settings(place.port, smtp_security="none"), tmp_path)
    with pytest.raises(Exception, match="cannot be written to"):
        await postman.send(Mail(address=address, notices=(notice(),), tries=0))
    assert place.inbox.arrived == []


async def test_many_notices_to_one_address_go_together_and_the_rest_are_counted(tmp_path) -> None:
    mail = Mail(address=ADDRESS, notices=tuple(notice(number) for number in range(70)), tries=0)
    message = compose(mail, "truc@hub.example", "Trục")
    assert message["Subject"].endswith("(+69)")
    assert "And 50 more notices" in message.get_content()


async def test_without_a_mail_server_nothing_is_queued(tmp_path) -> None:
    migrate(tmp_path / "hub.db")
    async with open_database(tmp_path / "hub.db") as database:
        silent_store = NoticeStore(
            database, addresses_of(Settings(name="x", code="HUB", administrator_emails="a@b.example"))
        )
        await silent_store.add([notice(party=PartyId("HUB"))])
    assert states(tmp_path) == []
    assert postman_of(Settings(name="x", code="HUB"), tmp_path) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_from": ""},
        {"smtp_from": "x\r\ny@z"},
        {"smtp_security": "none", "smtp_user": "u", "smtp_password": "p"},
        {"smtp_ca": "nowhere.pem"},
        {"smtp_user": "u", "smtp_password_file": "nowhere"},
    ],
    ids=" ".join,
)
def test_settings_that_cannot_work_are_refused_at_the_start(tmp_path, wrong) -> None:
    with pytest.raises(Refused) as refusal:
        postman_of(settings(25, **wrong), tmp_path)
    assert refusal.value.reason.code == "setting-malformed"


def test_a_password_is_in_no_text(tmp_path) -> None:
    postman = postman_of(settings(25, smtp_user="u", smtp_password="geheim"), tmp_path)
    assert "geheim" not in repr(postman)
    assert replace(postman, name="other").password == "geheim"


def test_addresses_of_administrators_are_checked() -> None:
    with pytest.raises(Refused):
        addresses_of(Settings(name="x", code="y", administrator_emails="a@b.example, no address"))


async def test_a_hub_that_serves_mails_what_it_tells(sandbox_template, tmp_path, office) -> None:
    """The whole way: a key is declared lost, and its holder, the receiver and the administrator have mail; all else goes on."""
    folder, place = tmp_path / "hub", office("starttls")
    shutil.copytree(sandbox_template, folder)
    (folder / "smtp-password").write_text(PASSWORD)
    with (folder / "hub.toml").open("a") as file:
        file.write(
            f'smtp_host = "127.0.0.1"\nsmtp_port = {place.port}\nsmtp_from = "truc@hub.example"\nsmtp_ca = "{place.ca}"\n'
            f'smtp_user = "{USER}"\nsmtp_password_file = "smtp-password"\nadministrator_emails = "a@h.example, b@h.example"\n'
        )
    async with open_exchange(Home(folder)) as exchange:
        for code in (LAM_SON, ENVIRONMENT):
            party = await exchange.hub.store.directory.get(PartyId(code))
            await exchange.registry.put(replace(party, contacts=(Contact(name="x", email=f"vt@{code}.example"),)))
        async with serve(exchange, "127.0.0.1", 0):
            (certificate,) = await exchange.registry.certificates(PartyId(LAM_SON))
            wanted = Declaration(certificate=certificate.fingerprint, since=NOW - timedelta(days=300), why="mất khóa")
            await compromise.declare(exchange.hub, wanted, exchange.author())
            for _ in range(300):
                if len(place.inbox.arrived) < 3:
                    await asyncio.sleep(0.1)
    assert sorted(address for recipients, _ in place.inbox.arrived for address in recipients) == [
        "a@h.example",
        "b@h.example",
        f"vt@{LAM_SON}.example",
    ]
    for mail in place.inbox.mails:
        assert "mất khóa" in mail.get_content()
