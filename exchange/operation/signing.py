"""Examine the keys that the hub signs with: those that sign or will, where they are, and what lies about of others."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from exchange.config import Home, Settings
from exchange.core.keys import HubKey, choose
from exchange.keys.ring import open_place
from exchange.operation.findings import Finding, Severity, rule
from exchange.operation.premises import KEY_OPEN
from exchange.storage.hub_keys import read_keys
from exchange.storage.session import Session
from trust_store.errors import Refused
from trust_store.key_names import is_device, parse_name

KEY = rule(
    "key-unusable", Severity.ERROR, "Put the private key back where the hub looks for it, or congvan hub key rotate"
)
NO_KEY = rule("hub-key-missing", Severity.ERROR, "Put key and certificate back from a backup and serve the hub")
HUB_ENDED = rule("hub-certificate-ended", Severity.ERROR, "Change the key: congvan hub key rotate")
HUB_ENDING = rule("hub-certificate-ending", Severity.WARNING, "Announce the next key: congvan hub key rotate")
UNUSED = rule("hub-key-unused", Severity.NOTE, "A change of keys was broken off: destroy the file")
SOON: Final = timedelta(days=30)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def examine_keys(session: Session, home: Home, settings: Settings, at: datetime, *, deep: bool) -> Iterator[Finding]:
    """Look at the key that signs now and those that are announced; a device is asked only with `deep`."""
    known = read_keys(session)
    wanted = [each for each in known if each.retired_at is None and each.since > at]
    try:
        wanted.insert(0, now := choose(known, at))
    except Refused as refusal:
        yield NO_KEY.broken(refusal.detail)
        return
    for each in dict.fromkeys(wanted):
        followed = each is now and any(other.since < each.certificate.not_after for other in wanted if other is not now)
        yield from _examine_dates(each, at, followed=followed)
        yield from _examine_place(each, home, settings, deep=deep)
    yield from _examine_secrets(home, settings, wanted)
    places = {each.place for each in known} | {settings.signing_key}
    for path in sorted(home.keys.glob("hub-*.key.pem")):
        if f"keys/{path.name}" not in places:
            yield UNUSED.broken("The hub does not know this key", f"keys/{path.name}")


def _examine_dates(key: HubKey, at: datetime, *, followed: bool) -> Iterator[Finding]:
    moment, certificate, place = max(at, key.since), key.certificate, key.place
    if certificate.not_after <= moment:
        yield HUB_ENDED.broken(f"{certificate.subject} ended on {certificate.not_after:%Y-%m-%d}", place)
    elif certificate.not_before > moment:
        start = f"{certificate.not_before:%Y-%m-%d}"
        yield HUB_ENDED.broken(f"{certificate.subject} is not in force before {start}", place)
    elif certificate.not_after - moment < SOON and not followed:
        yield HUB_ENDING.broken(f"{certificate.subject} ends on {certificate.not_after:%Y-%m-%d}", place)


def _examine_place(key: HubKey, home: Home, settings: Settings, *, deep: bool) -> Iterator[Finding]:
    try:
        if deep or not is_device(key.place):
            pem = b"".join(each.pem for each in (key.certificate, *key.chain))
            open_place(home, settings, key.place, pem)
        else:
            parse_name(key.place)
    except Refused as refusal:
        yield KEY.broken(str(refusal), key.place)


def _examine_secrets(home: Home, settings: Settings, keys: list[HubKey]) -> Iterator[Finding]:
    """See that nobody else reads files with keys, passwords and PINs; those in `keys` are looked at with the folder."""
    named = {settings.signing_password_file} | {each.place for each in keys if not is_device(each.place)}
    named |= set(_pin_sources(keys))
    for path in sorted(home.folder / name for name in named if name):
        inside = path.parent == home.keys
        if not inside and path.exists() and path.stat().st_mode & _OTHERS:
            yield KEY_OPEN.broken("Other users may read a secret of the hub", _shown(path, home))


def _pin_sources(keys: list[HubKey]) -> Iterator[str]:
    for each in keys:
        if is_device(each.place):
            with contextlib.suppress(Refused):
                yield parse_name(each.place).pin_source


def _shown(path: Path, home: Home) -> str:
    return str(path.relative_to(home.folder)) if path.is_relative_to(home.folder) else str(path)
