"""Make a sandbox once: a hub, its parties with their keys and tokens, and a few documents exchanged."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from exchange.auth import systems
from exchange.config import Home
from exchange.core.model import Party, PartyId
from exchange.core.systems import Link, describe_system
from exchange.enrolment import give_token, issue_key
from exchange.founding import found, save_key, write_secret
from exchange.machine import SystemClock, SystemEntropy
from exchange.running import Exchange
from exchange.sandbox import ready
from exchange.sandbox.history import write_history
from exchange.sandbox.province import HUB_CODE, HUB_NAME, SYSTEMS, parties
from exchange.wiring import open_exchange
from trust_store.errors import Refused, reason
from trust_store.keys import HeldKey, write_pkcs12

NOT_A_SANDBOX = reason(
    "sandbox-folder", "This folder holds something that is not a sandbox", "Give an empty or new folder"
)
PASSWORD = "sandbox"  # noqa: S105 - printed on the tin: these keys open nothing real


async def make(folder: Path, *, history: bool = True) -> ready.Ready:
    """Make the sandbox in a folder unless it is there; return its record, with paths relative to the folder.

    It is made aside and moved into place, so a crash leaves no half of it.

    Raises:
        Refused: `sandbox-folder`.
    """
    record = folder / ready.FILE
    if record.exists():
        return ready.read(record)
    if folder.exists() and any(folder.iterdir()):
        raise Refused(NOT_A_SANDBOX, f"{folder} is not empty and holds no {ready.FILE}")
    aside = folder.with_name(folder.name + ".making")
    shutil.rmtree(aside, ignore_errors=True)
    await _make(aside, history=history)
    if folder.exists():
        folder.rmdir()
    aside.replace(folder)
    return ready.read(record)


async def _make(folder: Path, *, history: bool) -> None:
    home, clock, entropy = Home(folder), SystemClock(), SystemEntropy()
    authority = found(home, name=HUB_NAME, code=HUB_CODE, clock=clock, entropy=entropy)
    (folder / "parties").mkdir()
    async with open_exchange(home) as exchange:
        await exchange.trust.trust(authority.certificate, "anchor", clock.now(), exchange.author())
        keys = {party.id: await _enrol(exchange, authority, party) for party in parties()}
        listed = [await _list(exchange, folder, party, keys[party.id]) for party in parties()]
        if history:
            await write_history(exchange, keys)
        dialect = ready.ReadyDialect(endpoint="", systems=[await _connect(exchange, *each) for each in SYSTEMS])
    record = ready.Ready(url="", trust_anchor=home.anchor.name, parties=listed, ngsp=dialect)
    ready.write(folder / ready.FILE, record)


async def _connect(exchange: Exchange, systemid: str, name: str, agencies: Sequence[str]) -> ready.ReadySystem:
    links = [Link(party=PartyId(code)) for code in agencies]
    system = describe_system(systemid, f"{name} (mô phỏng)", links, unsigned=True)
    secret = await systems.connect(exchange.systems, exchange.entropy, exchange.author(), system)
    config = f"ngsp/{systemid}.properties"
    return ready.ReadySystem(systemid=systemid, secret=secret, agencies=list(agencies), config=config)


async def _enrol(exchange: Exchange, authority: HeldKey, party: Party) -> HeldKey:
    await exchange.registry.put(party, exchange.author())
    return await issue_key(exchange, authority, party)


async def _list(exchange: Exchange, folder: Path, party: Party, key: HeldKey) -> ready.ReadyParty:
    stem = folder / "parties" / party.id
    save_key(stem, key)
    write_secret(folder / "parties" / f"{party.id}.p12", write_pkcs12(key, PASSWORD.encode(), party.id))
    return ready.ReadyParty(
        id=party.id,
        name=party.name,
        kind=party.kind,
        key=f"parties/{party.id}.key.pem",
        cert=f"parties/{party.id}.cert.pem",
        p12=f"parties/{party.id}.p12",
        p12_password=PASSWORD,
        token=await give_token(exchange, party, "sandbox"),
    )
