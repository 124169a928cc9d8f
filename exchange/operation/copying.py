"""Copy files so that they survive a power cut, and know what was copied."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 20


def copy_file(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file aside and into place, readable by its user only; return the size and SHA-256 of what was copied."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = target.with_name(f".{target.name}.new")
    hashed, size = hashlib.sha256(), 0
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as written, source.open("rb") as read:
        while piece := read.read(_CHUNK):
            hashed.update(piece)
            size += written.write(piece)
        written.flush()
        os.fsync(written.fileno())
    aside.replace(target)
    return size, hashed.hexdigest()


def link_file(source: Path, target: Path) -> bool:
    """Give a file a second name, if both are on one file system that can; tell whether that was done."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.link(source, target)
    except FileExistsError:
        return True
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        return False
    return True
