"""What a sandbox tells those who use it: where it is, and who may sign and send there."""

from __future__ import annotations

from pathlib import Path

import msgspec

from exchange.founding import write_secret

FILE = "sandbox.json"


class ReadyParty(msgspec.Struct, frozen=True, kw_only=True):
    """Name a party with the files of its key and its token; paths are absolute in a ready file."""

    id: str
    name: str
    kind: str
    key: str
    cert: str
    p12: str
    p12_password: str
    token: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a running sandbox."""

    url: str
    trust_anchor: str
    parties: list[ReadyParty]

    def party(self, name: str) -> ReadyParty | None:
        """Find a party by its id."""
        return next((party for party in self.parties if party.id == name), None)


def read(path: Path) -> Ready:
    """Read a ready file."""
    return msgspec.json.decode(path.read_bytes(), type=Ready)


def write(path: Path, ready: Ready) -> None:
    """Write a ready file whole: whoever sees it sees all of it. It holds tokens, so only its user can read it."""
    aside = path.with_name(path.name + ".new")
    write_secret(aside, msgspec.json.format(msgspec.json.encode(ready), indent=2))
    aside.replace(path)


def located(ready: Ready, folder: Path, url: str) -> Ready:
    """Give a sandbox's own record, whose paths are relative to its folder, with absolute paths and an address."""

    def place(name: str) -> str:
        return str(folder.resolve() / name)

    parties = [
        msgspec.structs.replace(party, key=place(party.key), cert=place(party.cert), p12=place(party.p12))
        for party in ready.parties
    ]
    return Ready(url=url, trust_anchor=place(ready.trust_anchor), parties=parties)
