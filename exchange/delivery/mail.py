"""Notices by electronic mail: one message to one address, over SMTP with TLS, never in the way of anything else.

A mail is taken out of the database for a while, sent, and its outcome recorded; after a crash in between it is sent again
under the same Message-ID.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final

import aiosmtplib
import structlog

from exchange.config import BAD_SETTING, Settings
from exchange.core.model import derive
from exchange.core.notices import Addresses, Mail, Notice
from exchange.core.ports import Clock
from exchange.core.ports.notices import Notices
from trust_store.errors import Refused, shorten

ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,250}")
"""What may stand behind RCPT TO (RFC 5321, 4.1.2, without quotes, literals and other letters)."""
TRIES: Final = 14
"""With the pauses between them, a day and a half."""
FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=6)
CLAIM: Final = timedelta(minutes=30)
"""Longer than one round takes: after it, another process takes up what this one left."""
AT_ONCE, EVERY = 4, 5.0
MAX_ERROR: Final = 200
_SIZES: Final = {"title": 200, "notices": 20}
_LOG = structlog.get_logger("congvan.mail")


class Bounced(Exception):
    """The mail server says that it will never take this mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postman:
    """Hand mails to one server; `context` is None where TLS was switched off, `name` is the hub's."""

    host: str
    port: int
    implicit_tls: bool
    context: ssl.SSLContext | None
    user: str
    password: str = field(repr=False)
    sender: str
    name: str
    seconds: float

    async def send(self, mail: Mail) -> None:
        """Send one mail, within three times `seconds` in all.

        Raises:
            Bounced: it can never be delivered.
            aiosmtplib.SMTPException, OSError: it may be, later.
        """
        if not ADDRESS.fullmatch(mail.address):
            raise Bounced("the address cannot be written to")
        message = compose(mail, self.sender, self.name)
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            timeout=self.seconds,
            use_tls=self.implicit_tls,
            start_tls=self.context is not None and not self.implicit_tls,
            tls_context=self.context,
        )
        try:
            async with asyncio.timeout(3 * self.seconds), client:
                if self.user:
                    await client.login(self.user, self.password)
                await _hand_over(client, message, self.sender, mail.address)
        finally:
            client.close()


async def _hand_over(client: aiosmtplib.SMTP, message: EmailMessage, sender: str, address: str) -> None:
    try:
        await client.sendmail(sender, [address], message.as_bytes(policy=SMTP))
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        if refused.code >= 500:
            raise Bounced(f"{refused.code} {refused.message}") from None
        raise
    except aiosmtplib.SMTPResponseException as error:
        # A refused sender is a fault of the settings, and they may be mended.
        if error.code >= 500 and not isinstance(error, aiosmtplib.SMTPSenderRefused):
            raise Bounced(f"{error.code} {error.message}") from None
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Carry the mail that is due, a few at once, and record what came of each."""

    notices: Notices
    clock: Clock
    postman: Postman

    async def carry(self) -> int:
        """Take what is due and send it; return how many mails were taken."""
        now = self.clock.now()
        due = await self.notices.claim(now, now + CLAIM, AT_ONCE)
        await asyncio.gather(*(self._deliver(mail) for mail in due))
        return len(due)

    async def carry_forever(self) -> None:
        """Carry until cancelled; a failure is logged and tried again."""
        while True:
            try:
                taken = await self.carry()
            except Exception:
                _LOG.exception("mail failed")
                taken = 0
            if not taken:
                await asyncio.sleep(EVERY)

    async def _deliver(self, mail: Mail) -> None:
        error, again = "", None
        try:
            await self.postman.send(mail)
        except Bounced as bounced:
            error = _shown(str(bounced))
        except (aiosmtplib.SMTPException, OSError) as failure:
            error = _shown(f"{type(failure).__name__}: {failure}")
            again = self.clock.now() + pause(mail.tries) if mail.tries + 1 < TRIES else None
        await self.notices.settle(mail, error, again)
        if error:
            _LOG.warning("mail not sent", tries=mail.tries + 1, error=error, given_up=again is None)


def pause(tries: int) -> timedelta:
    """Tell how long to wait after so many tries before: a minute, twice as long each time, six hours at most."""
    return min(FIRST * (1 << min(tries, 20)), LONGEST)


def compose(mail: Mail, sender: str, name: str) -> EmailMessage:
    """Write a mail in Vietnamese and English; nothing that a party wrote can become a header or a line of SMTP."""
    message = EmailMessage(policy=SMTP)
    first, others = mail.notices[0], len(mail.notices) - 1
    more = f" (+{others})" if others else ""
    title = shorten(f"[{name}] {first.title.vi} / {first.title.en}", _SIZES["title"])
    message["From"] = Address(display_name=_line(name), addr_spec=sender)
    message["To"] = Address(addr_spec=mail.address)
    message["Subject"] = _line(title) + more
    message["Date"] = first.at
    message["Message-ID"] = f"<{_key(mail.notices, mail.address)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834, 5: nobody's absence is to be answered
    message.set_content(_text(mail.notices), charset="utf-8", cte="base64")
    message["Content-Language"] = "vi, en"
    return message


def _text(notices: Sequence[Notice]) -> str:
    vi = [f"{each.title.vi}\n\n{each.text.vi}" for each in notices[: _SIZES["notices"]]]
    en = [f"{each.title.en}\n\n{each.text.en}" for each in notices[: _SIZES["notices"]]]
    left = len(notices) - len(vi)
    if left:
        vi.append(f"Và {left} thông báo khác: congvan notice list")
        en.append(f"And {left} more notices: congvan notice list")
    return "\n\n".join(vi) + "\n\n-- English --\n\n" + "\n\n".join(en) + "\n"


def _key(notices: Sequence[Notice], address: str) -> str:
    return derive("mail", address, *(each.id for each in notices))


def _line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _shown(text: str) -> str:
    return shorten(_line(text), MAX_ERROR)


def addresses_of(settings: Settings) -> Addresses:
    """Read to whom mail goes.

    Raises:
        Refused: `setting-malformed`.
    """
    given = tuple(part for each in settings.administrator_emails.split(",") if (part := each.strip()))
    for address in given:
        if not ADDRESS.fullmatch(address):
            raise Refused(BAD_SETTING, f"administrator_emails: {_line(address)} is no address")
    return Addresses(hub=settings.code, administrators=given, enabled=bool(settings.smtp_host))


def postman_of(settings: Settings, folder: Path) -> Postman | None:
    """Read how mail is sent; None without `smtp_host`. Paths are seen from the hub's folder.

    Raises:
        Refused: `setting-malformed`: no sender, a password that would go over the line readable, a file that is not there.
    """
    if not settings.smtp_host:
        return None
    if not ADDRESS.fullmatch(settings.smtp_from):
        raise Refused(BAD_SETTING, "smtp_from must be the address that mail comes from")
    if settings.smtp_user and settings.smtp_security == "none":
        raise Refused(BAD_SETTING, "smtp_user needs smtp_security starttls or tls: its password would be readable")
    return Postman(
        host=settings.smtp_host,
        port=settings.smtp_port,
        implicit_tls=settings.smtp_security == "tls",
        context=None if settings.smtp_security == "none" else _context(settings, folder),
        user=settings.smtp_user,
        password=_password(settings, folder),
        sender=settings.smtp_from,
        name=settings.name,
        seconds=settings.smtp_seconds,
    )


def _context(settings: Settings, folder: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=folder / settings.smtp_ca if settings.smtp_ca else None)
    except OSError as error:
        raise Refused(BAD_SETTING, f"smtp_ca cannot be read: {error.strerror}") from None


def _password(settings: Settings, folder: Path) -> str:
    if not settings.smtp_password_file:
        return settings.smtp_password
    try:
        return (folder / settings.smtp_password_file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise Refused(BAD_SETTING, "smtp_password_file cannot be read") from None
