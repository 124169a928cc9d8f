"""TLS for the hub's own door, and the certificate that a client showed there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from trust_store.errors import Refused, reason

TLS_UNUSABLE = reason(
    "tls-unusable",
    "The certificate or the key for TLS cannot be used",
    "Check --tls-cert, --tls-key and --client-ca: PEM files that belong together and that the hub's user may read",
)
_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: whether a client's certificate is in force is asked at every request, not at the handshake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Name the files in PEM: the server's certificate with its chain, its key, and the authorities of clients."""

    cert: Path
    key: Path
    client_ca: Path | None = None


def build_context(files: TlsFiles) -> ssl.SSLContext:
    """Build the server's side of TLS 1.2 and later; with `client_ca`, clients may show a certificate.

    Raises:
        Refused: `tls-unusable`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.cert, files.key, password=lambda: b"")
        if files.client_ca is not None:
            context.load_verify_locations(files.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    except OSError as error:
        named = f"{files.cert}, {files.key}" + (f", {files.client_ca}" if files.client_ca else "")
        raise Refused(TLS_UNUSABLE, str(getattr(error, "reason", "") or error.strerror or error), where=named) from None
    return context


def peer_certificate(request: web.Request) -> bytes | None:
    """Give the certificate (DER) that the client proved to hold at the handshake, if it showed one."""
    transport = request.transport
    secured = transport.get_extra_info("ssl_object") if transport is not None else None
    return secured.getpeercert(binary_form=True) if secured is not None else None
