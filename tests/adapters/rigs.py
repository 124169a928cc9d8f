"""How each adapter is driven from its local side: what a person or a document system does there, and sees there.

An adapter that is registered under `congvan.adapters` needs one line in RIGS.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from adapters.folder.adapter import Folder


class Rig(Protocol):
    """Drive one adapter's local system, whose data is a folder."""

    def open(self, folder: Path, key: Any, trust: Any) -> AbstractContextManager[Any]: ...
    def options(self, folder: Path) -> list[str]: ...
    def want_to_send(self, folder: Path, name: str, receiver: str, number: int) -> None: ...
    def sent(self, folder: Path) -> dict[str, bytes]: ...
    def failed(self, folder: Path) -> dict[str, str]: ...
    def received(self, folder: Path) -> list[bytes]: ...
    def receipts(self, folder: Path) -> list[bytes]: ...


class FolderRig:
    """Drop sub-folders with a letter.toml, and look into sent, failed and inbox."""

    def open(self, folder: Path, key: Any, trust: Any) -> AbstractContextManager[Folder]:
        return Folder.opened(folder, key, trust, settle=0)

    def options(self, folder: Path) -> list[str]:
        return ["--folder", str(folder), "--settle", "0"]

    def want_to_send(self, folder: Path, name: str, receiver: str, number: int) -> None:
        dropped = folder / "outbox" / name
        dropped.mkdir(parents=True)
        (dropped / "a.pdf").write_bytes(b"%PDF-1.4 " + b"x" * 500)
        text = f'to = ["{receiver}"]\nnumber = "{number}"\nnotation = "CV-T"\nsubject = "V/v thử {number}"\n'
        (dropped / "letter.toml").write_text(text, "utf-8")

    def sent(self, folder: Path) -> dict[str, bytes]:
        return {each.parent.name: each.read_bytes() for each in (folder / "sent").glob("*/receipt.xml")}

    def failed(self, folder: Path) -> dict[str, str]:
        return {each.parent.name: each.read_text("utf-8-sig") for each in (folder / "failed").glob("*/error.txt")}

    def received(self, folder: Path) -> list[bytes]:
        return [each.read_bytes() for each in sorted((folder / "inbox").glob("*/letter.xml"))]

    def receipts(self, folder: Path) -> list[bytes]:
        return [each.read_bytes() for each in sorted((folder / "inbox").glob("*/receipt.xml"))]


RIGS: dict[str, Rig] = {"folder": FolderRig()}
LOOKUPS = {"dmdc", "enterprises"}
"""Adapters that answer look-ups and carry no documents; `test_lookups.py` is their suite."""
