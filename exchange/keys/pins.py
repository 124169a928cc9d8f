"""Find the PIN of a device or the password of a key file: in a file or in the environment, never in an argument."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trust_store.errors import Refused, reason

UNREADABLE = reason(
    "key-password-unreadable",
    "The file with the PIN or the password cannot be read",
    "Check the path, and that this user may read the file",
)
PIN: Final = "CONGVAN_PIN"
_LARGEST: Final = 1024


def read_secret_file(path: str | Path) -> str:
    """Read a PIN or a password from a file, without the line end behind it.

    Raises:
        Refused: `key-password-unreadable`.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(_LARGEST).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
        raise Refused(UNREADABLE, f"It cannot be read: {why}", where=str(path)) from None


def find_pin(source: str, given: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Find a PIN: where the name of the key says, or what was given, or in the environment; None for nowhere.

    Raises:
        Refused: `key-password-unreadable`.
    """
    if source:
        return read_secret_file(source)
    return given or environment.get(PIN) or None
