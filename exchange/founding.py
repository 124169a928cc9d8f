"""Found a hub in a folder: its settings, its own authority, and the key that seals its receipts."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from exchange.config import Home
from exchange.core.applications import NO_AUTHORITY
from exchange.core.enrolling import draw_serial
from exchange.core.ports import Clock, Entropy
from trust_store.certificate import Certificate, load_many
from trust_store.enrol import MAX_NAME, Holder, create_authority, fit_name, issue, new_key
from trust_store.errors import Refused, reason
from trust_store.identity import DOCUMENT_SIGNING, EVIDENCE_ISSUER, PartyKind
from trust_store.key_names import is_device
from trust_store.keys import HeldKey, KeyHolder, PrivateKey, load_pem, write_certificates, write_key

HUB_EXISTS = reason("hub-exists", "There is a hub in this folder already", "Use another folder, or serve this hub")
AUTHORITY_YEARS: Final = 10
SEAL_DAYS: Final = 5 * 365


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenKey:
    """Say where the key is that a new hub signs with, if it is not to be made, and where its password or PIN is."""

    name: str
    private_key: PrivateKey
    password_file: Path | None = None


def found(
    home: Home, *, name: str, code: str, clock: Clock, entropy: Entropy, given: GivenKey | None = None
) -> HeldKey:
    """Make a hub and return its authority. The settings are written last: without them there is no hub.

    Its signing key is made, unless one is `given`; the certificate over it is issued by the hub's authority.

    Raises:
        Refused: `hub-exists`.
    """
    if home.settings.exists():
        raise Refused(HUB_EXISTS, f"{home.folder} holds a hub")
    home.keys.mkdir(parents=True, exist_ok=True)
    home.keys.chmod(0o700)
    home.folder.chmod(0o700)
    at = clock.now().replace(microsecond=0)
    authority = create_authority(
        f"{fit_name(name, MAX_NAME - 5)} - CA", serial=draw_serial(entropy), at=at, years=AUTHORITY_YEARS
    )
    key = given.private_key if given else new_key()
    certificate = certify(authority, key, name=name, code=code, at=at, entropy=entropy)
    save_key(home.keys / "authority", authority)
    if given is None:
        write_secret(home.keys / "hub.key.pem", write_key(HeldKey(certificate=certificate, private_key=key)))
    (home.keys / "hub.cert.pem").write_bytes(certificate.pem + authority.certificate.pem)
    home.anchor.write_bytes(authority.certificate.pem)
    settings = {"name": name, "code": code} | _placed(given)
    lines = [f"{field} = {json.dumps(value, ensure_ascii=False)}\n" for field, value in settings.items()]
    home.settings.write_text("".join(lines), encoding="utf-8")
    return authority


def certify(
    authority: KeyHolder, key: PrivateKey, *, name: str, code: str, at: datetime, entropy: Entropy
) -> Certificate:
    """Issue the certificate of a hub over its signing key: it marks a hub that issues evidence."""
    holder = Holder(kind=PartyKind.AGENCY, common_name=fit_name(name), organisation=fit_name(name), code=code)
    purposes, serial = (DOCUMENT_SIGNING, EVIDENCE_ISSUER), draw_serial(entropy)
    return issue(authority, holder, key.public_key(), serial=serial, at=at, days=SEAL_DAYS, purposes=purposes)


def _placed(given: GivenKey | None) -> dict[str, str]:
    """Write down where a given key is; a path as it is seen from everywhere."""
    if given is None:
        return {}
    name = given.name if is_device(given.name) else str(Path(given.name).resolve())
    source = {"signing_password_file": str(given.password_file.resolve())} if given.password_file else {}
    return {"signing_key": name} | source


def authority_of(home: Home) -> HeldKey:
    """Read the hub's own authority, which issues certificates for pilots and sandboxes."""
    return load_pem((home.keys / "authority.key.pem").read_bytes(), (home.keys / "authority.cert.pem").read_bytes())


class FileAuthority:
    """Give the hub's own authority from its files, read anew at each use: they may be taken away and put back."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def holder(self) -> HeldKey:
        """Return it; `Refused` (authority-missing) when the files are not there."""
        try:
            return authority_of(self._home)
        except OSError as error:
            raise Refused(NO_AUTHORITY, f"The key of the authority cannot be read: {error.strerror}") from None

    def certificates(self) -> tuple[Certificate, ...]:
        """Return its certificate and those above it; `Refused` (authority-missing) when the file is not there."""
        try:
            return load_many((self._home.keys / "authority.cert.pem").read_bytes())
        except OSError as error:
            raise Refused(NO_AUTHORITY, f"Its certificate cannot be read: {error.strerror}") from None


def save_key(stem: Path, key: HeldKey) -> None:
    """Write `<stem>.key.pem`, readable by its user only, and `<stem>.cert.pem` with the chain."""
    write_secret(stem.with_name(stem.name + ".key.pem"), write_key(key))
    stem.with_name(stem.name + ".cert.pem").write_bytes(write_certificates(key))


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that nobody but its user can read, from its first byte on; its content survives a power cut."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
