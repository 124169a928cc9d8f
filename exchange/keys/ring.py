"""The ring of the hub's own keys: which one signs follows from the moment, and each is opened when it is needed first."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from exchange.config import Home, Settings
from exchange.core.keys import HubKey, choose
from exchange.keys.opening import open_key
from exchange.keys.pins import read_secret_file
from trust_store.certificate import load_many
from trust_store.errors import Refused
from trust_store.key_names import is_device
from trust_store.keys import KeyHolder, PrivateKey

if TYPE_CHECKING:
    from datetime import datetime

    from exchange.core.audit import Author
    from exchange.core.ports import HubKeys

FRESH: Final = 0.25
"""Seconds for which the list of keys is not asked for again; much less than a key is announced before it signs."""


class RingKey:
    """Hold a key of the hub whose private part is opened when it is used first; see `trust_store.keys.KeyHolder`."""

    def __init__(self, known: HubKey, find: Callable[[HubKey], PrivateKey]) -> None:
        self.certificate, self.chain = known.certificate, known.chain
        self.in_device = is_device(known.place)
        self._known, self._find = known, find
        self._opened: PrivateKey | None = None
        self._lock = threading.Lock()

    @property
    def private_key(self) -> PrivateKey:
        """Open the key, or return it as it was opened.

        Raises:
            Refused: it cannot be opened; the next time it is tried again.
        """
        with self._lock:
            if self._opened is None:
                self._opened = self._find(self._known)
            return self._opened


class Ring:
    """Give the hub's keys to sign with; see `ports.Signers`."""

    def __init__(self, store: HubKeys, home: Home, settings: Settings) -> None:
        self._store, self._home, self._settings = store, home, settings
        self._known: Sequence[HubKey] = ()
        self._asked = float("-inf")
        self._held: dict[tuple[str, str], RingKey] = {}

    async def known(self) -> Sequence[HubKey]:
        """List the hub's keys as they were less than a second ago, in the order in which they sign."""
        if time.monotonic() - self._asked >= FRESH:
            self._known, self._asked = await self._store.known(), time.monotonic()
        return self._known

    async def sealing(self, at: datetime) -> KeyHolder:
        """Give the key that seals what was stated at a moment."""
        return self._hold(choose(await self.known(), at))

    async def begin(self, by: Author, *, needed: bool = True) -> None:
        """Take in the key that the settings name, if it is new, and open the one that signs now if it is in a file.

        Raises:
            Refused: it is `needed`, and there is none or it cannot be opened.
        """
        with contextlib.nullcontext() if needed else contextlib.suppress(Refused):
            await self._adopt(by)
            self._asked = float("-inf")
            holder = await self.sealing(by.at)
            if not holder.in_device:
                _ = holder.private_key

    async def _adopt(self, by: Author) -> None:
        """Make known what was put in place by hand: at first, or with another name or certificate in the settings."""
        place, known = self._settings.signing_key, await self._store.known()
        certificates = read_certificates(self._home, self._settings)
        own = load_many(certificates)[0].fingerprint if certificates else None
        if any(each.place == place and own in {None, each.certificate.fingerprint} for each in known):
            return
        holder = open_place(self._home, self._settings, place, certificates)
        since = by.at if known else min(by.at, holder.certificate.not_before)
        await self._store.adopt(
            HubKey(certificate=holder.certificate, chain=holder.chain, place=place, since=since), by
        )

    def _hold(self, known: HubKey) -> RingKey:
        """Keep one holder for each key, so that its private part stays open."""
        named = known.certificate.fingerprint, known.place
        if named not in self._held:
            self._held[named] = RingKey(known, self._open)
        return self._held[named]

    def _open(self, known: HubKey) -> PrivateKey:
        certificates = b"".join(each.pem for each in (known.certificate, *known.chain))
        return open_place(self._home, self._settings, known.place, certificates).private_key


def open_place(home: Home, settings: Settings, place: str, certificates: bytes | None) -> KeyHolder:
    """Open a key of the hub where it is: a path seen from its folder, or a device.

    Raises:
        Refused: it cannot be opened, or is not the one of the certificate.
    """
    secret = hub_secret(home, settings)
    name = place if is_device(place) else str(home.folder / place)
    return open_key(name, certificates=certificates, secret=secret)


def hub_secret(home: Home, settings: Settings) -> str | None:
    """Read the password or PIN of the hub's keys, where the settings name a file with it.

    Raises:
        Refused: `key-password-unreadable`.
    """
    source = settings.signing_password_file
    return read_secret_file(home.folder / source) if source else None


def read_certificates(home: Home, settings: Settings) -> bytes | None:
    """Read the file with the certificate of the key that the settings name; None where there is none."""
    try:
        return (home.folder / settings.signing_cert).read_bytes() if settings.signing_cert else None
    except OSError:
        return None
