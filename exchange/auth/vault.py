"""The key that secrets are locked with: in a file beside the database, never in it, and never in a log.

A secret is encrypted by AES-256-GCM under a fresh nonce of 96 bits; what it is about is authenticated with it, so a locked
secret put into another's row opens nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exchange.core.ports import Entropy
from exchange.errors import STORAGE_FAILING
from trust_store.errors import Refused, reason

VAULT_LOCKED = reason(
    "vault-locked",
    "The secrets of the connected systems cannot be read",
    "Put keys/systems.key back from where the keys are kept, or give every system a new secret: congvan system rotate",
)
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class FileVault:
    """Lock and unlock with a key in a file of mode 0600, which is made when something is locked for the first time."""

    def __init__(self, path: Path, entropy: Entropy) -> None:
        self._path, self._entropy = path, entropy
        self._cipher: AESGCM | None = None

    def lock(self, secret: bytes, about: str) -> bytes:
        """Encrypt a secret and bind it to what it is about."""
        if self._cipher is None and not self._path.exists():
            self._make()
        nonce = self._entropy.draw(_NONCE_BYTES)
        return nonce + self._open().encrypt(nonce, secret, about.encode())

    def unlock(self, locked: bytes, about: str) -> bytes:
        """Give a secret back.

        Raises:
            Refused: `vault-locked`.
        """
        try:
            return self._open().decrypt(locked[:_NONCE_BYTES], locked[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise Refused(VAULT_LOCKED, f"A secret was locked with another key than {self._path.name}") from None

    def _open(self) -> AESGCM:
        if self._cipher is None:
            try:
                key = self._path.read_bytes()
            except OSError as error:
                raise Refused(VAULT_LOCKED, f"{self._path.name}: {error.strerror}") from None
            if len(key) != _KEY_BYTES:
                raise Refused(VAULT_LOCKED, f"{self._path.name} is not a key of {_KEY_BYTES} bytes")
            self._cipher = AESGCM(key)
        return self._cipher

    def _make(self) -> None:
        """Write the key once, durably; of two processes that try at once, both end up with the key of one."""
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._entropy.draw(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            self._put(aside)
        except OSError as error:
            raise Refused(STORAGE_FAILING, f"{self._path.name} cannot be written: {error.strerror}") from None

    def _put(self, aside: Path) -> None:
        """Give the file its name unless another process was faster, and make the name durable."""
        try:
            os.link(aside, self._path)
        except FileExistsError:
            return
        finally:
            aside.unlink()
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
