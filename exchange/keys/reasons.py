"""Why a key in a security device cannot be used, and what the vendor's driver means by its errors."""

from __future__ import annotations

from typing import Final

from trust_store.errors import Reason, reason

UNSUPPORTED = reason(
    "key-support-missing",
    "This installation cannot use security devices",
    "Install the extra: pip install 'congvan[hsm]'",
)
DRIVER = reason(
    "key-driver-unusable",
    "The driver of the security device cannot be loaded",
    "Check module-path, and that the driver is made for this machine and this user may read it",
)
ABSENT = reason(
    "key-device-missing",
    "The security device is not there",
    "Plug it in, or correct token and serial in the name of the key; the driver's own tool lists what it sees",
)
AMBIGUOUS = reason(
    "key-ambiguous",
    "Several devices or keys have this name",
    "Name one of them: by token or serial, and by object or id",
)
NO_KEY = reason(
    "key-not-in-device",
    "There is no such private key in the security device",
    "Correct object or id in the name of the key; it must be an RSA or EC key that may sign",
)
NO_PIN = reason(
    "key-pin-missing",
    "The security device asks for a PIN, and none was given",
    "Put it into a file that only you can read and name that (pin-source, --password-file), or into CONGVAN_PIN",
)
PIN = reason("key-pin-wrong", "The PIN is wrong", "Correct it before you try again: a few wrong ones lock the device")
LOCKED = reason(
    "key-pin-locked",
    "The security device does not take a PIN any more, or one try is left, which is not spent here",
    "Unlock the device, or give the right PIN once, with the vendor's own tool",
)
FAILS = reason(
    "key-device-fails",
    "The security device did not sign",
    "It is opened anew at the next attempt; if this goes on, see what the vendor's own tool says of it",
)
MEANINGS: Final[dict[str, Reason]] = {
    "PinIncorrect": PIN,
    "PinInvalid": PIN,
    "PinLenRange": PIN,
    "PinLocked": LOCKED,
    "PinExpired": LOCKED,
    "UserPinNotInitialized": LOCKED,
    "TokenNotPresent": ABSENT,
    "TokenNotRecognised": ABSENT,
    "DeviceRemoved": ABSENT,
    "SlotIDInvalid": ABSENT,
}
"""What errors of the library mean, by the names of their classes; every other one is a failure of the device."""
