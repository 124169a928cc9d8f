"""HTTP Basic (RFC 7617), for protocols that know nothing else."""

from __future__ import annotations

import base64
import binascii


def read_basic(header: str) -> tuple[str, str]:
    """Read name and password from an Authorization header; both are empty when it holds none that can be read."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, mark, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (name.strip(), secret) if mark and name.strip() else ("", "")
