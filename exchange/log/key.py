"""The key of the transparency log: Ed25519, in a file of its own, for checkpoints and nothing else."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from envelopes.log.note import ED25519, Signer, write_note
from exchange.errors import LOG_UNUSABLE
from exchange.founding import write_secret
from trust_store.errors import Refused


class LogKey:
    """Sign checkpoints with the key in a file, which is made where there is none; `kind` is of C2SP signed-note."""

    def __init__(self, path: Path, kind: int = ED25519) -> None:
        self._path, self._kind = path, kind
        self._key = self._open()

    def vkey(self, origin: str) -> str:
        """Return the verifier key of the log with this origin (C2SP signed-note)."""
        return self.signer(origin).verifier.vkey

    def signer(self, origin: str) -> Signer:
        """Return what signs notes of the log with this origin."""
        return Signer(name=origin, key=self._key, kind=self._kind)

    def sign(self, origin: str, text: str) -> str:
        """Return the note: a checkpoint with our signature."""
        return write_note(text, [self.signer(origin).sign(text)])

    def _open(self) -> Ed25519PrivateKey:
        try:
            if not self._path.exists():
                self._make()
            key = load_pem_private_key(self._path.read_bytes(), None)
        except OSError as error:
            raise Refused(LOG_UNUSABLE, f"{self._path.name} cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Refused(LOG_UNUSABLE, f"{self._path.name} is no private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise Refused(LOG_UNUSABLE, f"{self._path.name} is not a key of Ed25519")
        return key

    def _make(self) -> None:
        """Make a key aside and move it into place, so that processes that begin together have one."""
        key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        aside = self._path.with_name(f"{self._path.name}.{id(self):x}")
        write_secret(aside, key)
        try:
            self._path.hardlink_to(aside)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
