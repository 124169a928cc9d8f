"""An OCSP responder over HTTP, in every manner, and openssl's own as one that nobody here wrote."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import OCSPNonce, ocsp

from tests.servers.authority import Authority
from tests.servers.web import Heard, Manner, giving
from trust_store.certificate import Certificate

KIND = "application/ocsp-response"


def answering(
    authority: Authority,
    known: Sequence[Certificate],
    now: Callable[[], datetime],
    *,
    nonce: bool = True,
    **how: object,
) -> Manner:
    """Answer by the serial number that is asked about; `how` as `Authority.answer`."""
    by_serial = {each.serial: each for each in known}

    async def manner(request: Heard, writer: asyncio.StreamWriter) -> None:
        question = ocsp.load_der_ocsp_request(request.body)
        values = [each.value.nonce for each in question.extensions if isinstance(each.value, OCSPNonce)]
        echoed = values[0] if nonce and values else None
        answer = authority.answer(by_serial[question.serial_number], now(), nonce=echoed, **how)  # type: ignore[arg-type]
        await giving(answer, KIND)(request, writer)

    return manner


def is_openssl_here() -> bool:
    return shutil.which("openssl") is not None


@contextlib.asynccontextmanager
async def openssl_responder(
    folder: Path,
    authority: Authority,
    certificates: Sequence[Certificate],
    revoked: Sequence[Certificate],
    port: int = 0,
) -> AsyncIterator[str]:
    """Run `openssl ocsp` for an authority; gives its address."""
    with socket.create_server(("127.0.0.1", port)) as probe:
        port = probe.getsockname()[1]
    (folder / "ca.pem").write_bytes(authority.certificate.pem)
    (folder / "ca.key").write_bytes(authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    rows = [
        f"{'R' if each in revoked else 'V'}\t{each.not_after:%y%m%d%H%M%SZ}\t"
        f"{f'{authority.at:%y%m%d%H%M%SZ},keyCompromise' if each in revoked else ''}\t{each.serial:04X}\tunknown\t/CN=x\n"
        for each in certificates
    ]
    (folder / "index.txt").write_text("".join(rows))
    process = await asyncio.create_subprocess_exec(
        *("openssl", "ocsp", "-index", "index.txt", "-port", str(port), "-rsigner", "ca.pem", "-rkey", "ca.key"),
        *("-CA", "ca.pem", "-ndays", "1"),
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(10):
            while b"waiting for" not in await process.stderr.readline():
                assert process.returncode is None, "openssl ocsp does not listen"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()
