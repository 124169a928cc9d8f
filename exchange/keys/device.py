"""A private key in a security device: found by its name, used through a session that is opened anew when it was lost.

The PIN is tried once: a wrong one is not tried again, and the last try that the device has left is never spent.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from exchange.keys.driver import driver_at
from exchange.keys.reasons import ABSENT, AMBIGUOUS, FAILS, LOCKED, MEANINGS, NO_KEY, NO_PIN, PIN
from trust_store.errors import Reason
from trust_store.key_names import DeviceName
from trust_store.keys import NO_CERTIFICATE, KeyFails

if TYPE_CHECKING:
    from pkcs11 import Session, Token

T = TypeVar("T")
PAUSE: Final = 1.0
"""Seconds for which a device that failed is not tried again, so that those who wait are answered at once."""


class Device:
    """Reach one key in one device; `find` is asked for the PIN whenever a session is opened."""

    def __init__(self, name: DeviceName, find: Callable[[], str | None]) -> None:
        self._name, self._find, self._driver = name, find, driver_at(name.module)
        self._held: tuple[tuple[int, int], Session, Any] | None = None

    def use(self, work: Callable[[Session, Any], T]) -> T:
        """Do something with a session and the key in it; one thread at a time, whatever the device.

        What fails is tried once more with the driver started anew: a session may be lost, or a device be another by now.
        What still fails is refused, and tried again a second later at the earliest.

        Raises:
            KeyFails: a reason of `exchange.keys.reasons`.
        """
        with self._driver.lock:
            self._driver.library()
            from pkcs11.exceptions import PKCS11Error  # noqa: PLC0415 - the extra `hsm`, which is there now

            with contextlib.suppress(PKCS11Error):
                return self._attempt(work)
            self._driver.restart()
            try:
                return self._attempt(work)
            except PKCS11Error as error:
                raise self._fail(error) from None

    def certificate(self) -> bytes:
        """Read the certificate (DER) that the device keeps under the id, or else the label, of the key.

        Raises:
            KeyFails: `key-certificate-missing`, or what `use` refuses with.
        """
        found = self.use(_read_certificate)
        if found is None:
            raise KeyFails(NO_CERTIFICATE)
        return found

    def _is_open(self) -> bool:
        return self._held is not None and self._held[0] == self._driver.start

    def _attempt(self, work: Callable[[Session, Any], T]) -> T:
        if self._held is None or not self._is_open():
            self._held = None
            self._wait()
            try:
                session, key = self._open()
            except KeyFails as refusal:
                self._driver.failed[self._name] = time.monotonic(), refusal
                self._driver.restart()
                raise
            self._held = self._driver.start, session, key
        return work(self._held[1], self._held[2])

    def _wait(self) -> None:
        since, refusal = self._driver.failed.get(self._name, (float("-inf"), KeyFails(FAILS)))
        if time.monotonic() - since < PAUSE:
            raise KeyFails(refusal.reason, refusal.detail, where=refusal.where)

    def _fail(self, error: Exception) -> KeyFails:
        """Give up for now: a device that is not there, or not well, is looked for anew at the next attempt."""
        self._held = None
        refusal = KeyFails(MEANINGS.get(type(error).__name__, FAILS), f"The device says {type(error).__name__}")
        self._driver.failed[self._name] = time.monotonic(), refusal
        self._driver.restart()
        return refusal

    def _open(self) -> tuple[Session, Any]:
        from pkcs11 import Attribute, ObjectClass  # noqa: PLC0415

        session = self._log_in(self._choose())
        wanted: dict[Any, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        if self._name.label is not None:
            wanted[Attribute.LABEL] = self._name.label
        if self._name.id is not None:
            wanted[Attribute.ID] = self._name.id
        return session, _only(session.get_objects(wanted), NO_KEY)

    def _choose(self) -> Token:
        """Choose the device; many drivers see one that was plugged in only when they are started anew."""
        found = self._look()
        if not found:
            self._driver.restart()
            found = self._look()
        return _only(found, ABSENT)

    def _look(self) -> list[Token]:
        name = self._name
        asked = (("label", name.token), ("manufacturer_id", name.manufacturer), ("model", name.model))
        return [
            token
            for token in self._driver.library().get_tokens()
            if all(value is None or getattr(token, field) == value for field, value in asked)
            and (name.serial is None or token.serial == name.serial.encode())
        ]

    def _log_in(self, token: Token) -> Session:
        """Open a session. All sessions of a process are logged in together, and an early one may be already."""
        from pkcs11 import TokenFlag, exceptions  # noqa: PLC0415

        flags = token.flags
        if flags & (TokenFlag.USER_PIN_LOCKED | TokenFlag.USER_PIN_FINAL_TRY):
            raise KeyFails(LOCKED, "No try is left" if flags & TokenFlag.USER_PIN_LOCKED else "One try is left")
        if not flags & TokenFlag.LOGIN_REQUIRED:
            return token.open()
        pin = self._find()
        if not pin:
            raise KeyFails(NO_PIN)
        digest = hashlib.sha256(pin.encode()).digest()
        if digest == self._driver.wrong.get(token.serial):
            raise KeyFails(PIN, "The device refused this PIN before; it is not tried again")
        try:
            return token.open(user_pin=pin)
        except exceptions.UserAlreadyLoggedIn:
            return token.open()
        except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange):
            self._driver.wrong[token.serial] = digest
            raise KeyFails(PIN, "The device does not take the PIN") from None


def _only(found: Iterable[T], missing: Reason) -> T:
    """Give the one thing that was found."""
    listed = list(found)
    if not listed:
        raise KeyFails(missing)
    if len(listed) > 1:
        raise KeyFails(AMBIGUOUS, f"{len(listed)} have this name")
    return listed[0]


def _read_certificate(session: Session, key: Any) -> bytes | None:
    from pkcs11 import Attribute, CertificateType, ObjectClass  # noqa: PLC0415

    common = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.CERTIFICATE_TYPE: CertificateType.X_509}
    for more in ({Attribute.ID: key.id}, {Attribute.LABEL: key.label}):
        found = list(session.get_objects(common | more)) if all(more.values()) else []
        if len(found) == 1:
            return bytes(found[0][Attribute.VALUE])
    return None
