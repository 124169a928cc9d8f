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


class ReadySystem(msgspec.Struct, frozen=True, kw_only=True):
    """Name a connected system with its secret and the agencies that it speaks for; `config` is its client's settings."""

    systemid: str
    secret: str
    agencies: list[str]
    config: str = ""


class ReadyDialect(msgspec.Struct, frozen=True, kw_only=True):
    """Say where connected systems call, and which there are."""

    endpoint: str
    systems: list[ReadySystem]


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a running sandbox."""

    url: str
    trust_anchor: str
    parties: list[ReadyParty]
    ngsp: ReadyDialect | None = None

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


def located(ready: Ready, folder: Path, url: str, endpoint: str = "") -> Ready:
    """Give a sandbox's own record, whose paths are relative to its folder, with absolute paths and addresses."""

    def place(name: str) -> str:
        return str(folder.resolve() / name)

    parties = [
        msgspec.structs.replace(party, key=place(party.key), cert=place(party.cert), p12=place(party.p12))
        for party in ready.parties
    ]
    systems = (
        [msgspec.structs.replace(each, config=place(each.config)) for each in ready.ngsp.systems] if ready.ngsp else []
    )
    dialect = ReadyDialect(endpoint=endpoint, systems=systems) if endpoint else None
    return Ready(url=url, trust_anchor=place(ready.trust_anchor), parties=parties, ngsp=dialect)


def write_configs(ready: Ready) -> None:
    """Write, for each connected system, the settings that the official client reads; they hold its secret."""
    for system in ready.ngsp.systems if ready.ngsp else ():
        path = Path(system.config)
        store = path.with_name(f"{system.systemid}.edoc")
        path.parent.mkdir(exist_ok=True)
        store.mkdir(exist_ok=True)
        settings = {
            "service.endpoint": ready.ngsp.endpoint if ready.ngsp else "",
            "systemid": system.systemid,
            "secret": system.secret,
            "store-path-dir": str(store),
            "client.max-error-retry": "3",
            "client.max-connection": "10",
        }
        write_secret(path, "".join(f"{name}={value}\n" for name, value in settings.items()).encode())
