"""Write files so that whoever sees one sees all of it, also after a power cut: aside, flushed, renamed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4


def write(path: Path, data: bytes, aside: Path) -> None:
    """Write a file whole or not at all; `aside` is a folder on the same disk for what is not whole yet."""
    part = aside / uuid4().hex
    _write_flushed(part, data)
    move(part, path)


def write_folder(folder: Path, files: Mapping[str, bytes], aside: Path) -> None:
    """Write a folder with its files whole or not at all; one that is there and empty is replaced."""
    part = aside / uuid4().hex
    part.mkdir()
    for name, data in files.items():
        _write_flushed(part / name, data)
    flush(part)
    move(part, folder)


def move(source: Path, target: Path) -> None:
    """Rename, and keep the new name through a power cut."""
    source.rename(target)
    flush(target.parent)
    if source.parent != target.parent:
        flush(source.parent)


def remove(folder: Path) -> None:
    """Remove a folder of files, if it is there, in one step for everybody who looks."""
    for entry in list(folder.iterdir()) if folder.is_dir() else ():
        entry.unlink()
    if folder.is_dir():
        folder.rmdir()


def flush(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_flushed(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
