"""A real mail server on a free port, with TLS and a password, that can also be slow, refuse, drop and put off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

USER, PASSWORD = "congvan", "mật khẩu rất dài".encode().hex()


@dataclass
class Inbox:
    """Take mail in; `answers` are given to the next recipients instead, `data_answers` to the next messages."""

    answers: list[str] = field(default_factory=list)
    data_answers: list[str] = field(default_factory=list)
    arrived: list[tuple[list[str], bytes]] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802 - the server's name
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - the server's name
        if self.data_answers:
            return self.data_answers.pop(0)
        self.arrived.append((list(envelope.rcpt_tos), envelope.original_content))
        self.secure.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(data, policy=default) for _, data in self.arrived]


@dataclass(frozen=True)
class Office:
    """Hold a mail server's place, its certificate, and what it took in."""

    port: int
    ca: Path
    inbox: Inbox


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(days=1), now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "mail.cert.pem", folder / "mail.key.pem"
    cert.write_bytes(built.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, secret)
    return cert, context


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _authenticate(server, session, envelope, mechanism, given) -> AuthResult:
    good = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@pytest.fixture
def office(tmp_path):
    """Open mail servers: `starttls` or `tls` with a password, or `none`."""
    with contextlib.ExitStack() as stack:

        def open_office(security: str) -> Office:
            ca, context = _certificate(tmp_path)
            inbox, port = Inbox(), _free_port()
            locked = {"authenticator": _authenticate, "auth_required": True}
            kinds = {
                "starttls": {"tls_context": context, "require_starttls": True, **locked},
                "tls": {"ssl_context": context, "authenticator": _authenticate, "auth_require_tls": False},
                "none": {},
            }
            controller = Controller(inbox, hostname="127.0.0.1", port=port, **kinds[security])
            controller.start()
            stack.callback(controller.stop)
            return Office(port=port, ca=ca, inbox=inbox)

        yield open_office


@pytest.fixture
async def broken():
    """Open servers that misbehave from the first byte on, each as the callback does."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_broken(behave: Callable) -> int:
            tasks: set[asyncio.Task] = set()

            async def serve(reader, writer) -> None:
                tasks.add(asyncio.current_task())
                try:
                    with contextlib.suppress(ConnectionError):
                        await behave(reader, writer)
                finally:
                    writer.transport.abort()
                    with contextlib.suppress(ConnectionError):
                        await writer.wait_closed()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)

            async def stop() -> None:
                server.close()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

            stack.push_async_callback(stop)
            return server.sockets[0].getsockname()[1]

        yield open_broken
