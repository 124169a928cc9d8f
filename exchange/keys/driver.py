"""The driver of a security device (a PKCS#11 library) in this process, used by one thread at a time.

The library is initialised without locks of its own, which forbids two calls at once (PKCS #11 2.40, 5.4: C_Initialize), so
one lock guards all of it. A process that was forked initialises it for itself. Whatever was opened before the driver was
started anew is gone: its `start` tells.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from exchange.keys.reasons import DRIVER, UNSUPPORTED
from trust_store.key_names import DeviceName
from trust_store.keys import KeyFails

if TYPE_CHECKING:
    from pkcs11._pkcs11 import lib as Library  # noqa: N812 - it is a class, whatever its name


class Driver:
    """Hold a driver; `lock` is to be held around everything that is done with it.

    `wrong` remembers for each device the digest of a PIN that it did not take, `failed` what failed for each key, and when.
    """

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self.wrong: dict[bytes, bytes] = {}
        self.failed: dict[DeviceName, tuple[float, KeyFails]] = {}
        self._path, self._start, self._process = path, 0, 0
        self._library: Library | None = None

    @property
    def start(self) -> tuple[int, int]:
        """Tell in which process, and for which time there, the driver was started last."""
        return os.getpid(), self._start

    def library(self) -> Library:
        """Give the library, started in this process.

        Raises:
            KeyFails: `key-support-missing`, or `key-driver-unusable`.
        """
        if self._library is None:
            self._library = _load(self._path)
        elif self._process != os.getpid():
            self._begin(self._library)
        self._process = os.getpid()
        return self._library

    def restart(self) -> None:
        """Close everything that this process has opened with the driver, so that it looks at its devices anew."""
        if self._library is not None:
            self._begin(self._library)

    def _begin(self, library: Library) -> None:
        from pkcs11.exceptions import PKCS11Error  # noqa: PLC0415

        self._start += 1
        try:
            library.reinitialize()
        except PKCS11Error as error:
            raise KeyFails(DRIVER, f"It does not start: {type(error).__name__}", where=self._path) from None


def driver_at(path: str) -> Driver:
    """Give the one driver of a path in this process: such a library is loaded and started once."""
    with _GUARD:
        return _DRIVERS.setdefault(path, Driver(path))


def _load(path: str) -> Library:
    try:
        import pkcs11  # noqa: PLC0415 - the extra `hsm`, wanted by few
    except ImportError:
        raise KeyFails(UNSUPPORTED, "python-pkcs11 is not installed") from None
    try:
        return pkcs11.lib(path)
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise KeyFails(DRIVER, f"It cannot be loaded: {str(error) or type(error).__name__}", where=path) from None


_GUARD: Final = threading.Lock()
_DRIVERS: Final[dict[str, Driver]] = {}
