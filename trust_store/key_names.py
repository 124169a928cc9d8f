"""How a key is named everywhere: a file, or an object in a security device by its PKCS#11 URI (RFC 7512).

A name is written into settings, command lines and logs, so it never holds a PIN: `pin-value` is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from trust_store.errors import Refused, reason

NAME = reason(
    "key-name-malformed",
    "The name of the key cannot be read",
    "Give a file, or an object in a device as pkcs11:token=LABEL;object=LABEL?module-path=/path/of/driver.so (RFC 7512)",
)
SCHEME: Final = "pkcs11:"
_FILE: Final = "file:"
_PATH: Final = frozenset({"token", "manufacturer", "model", "serial", "object", "id", "type"})
_QUERY: Final = frozenset({"module-path", "pin-source"})
_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceName:
    """Name a private key in a device; what is None or empty is not asked for.

    `module` is the path of the vendor's driver, `pin_source` that of the file with the PIN. `token`, `manufacturer`,
    `model` and `serial` choose the device, `label` and `id` the key in it.
    """

    module: str
    pin_source: str = ""
    token: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    label: str | None = None
    id: bytes | None = None


def is_device(name: str) -> bool:
    """Tell the name of an object in a device from that of a file."""
    return name[: len(SCHEME)].lower() == SCHEME


def parse_name(name: str) -> DeviceName:
    """Read the name of a key in a device (RFC 7512, 2.3).

    Raises:
        Refused: `key-name-malformed`; a value is never repeated in it, for it may be a PIN that does not belong there.
    """
    if not is_device(name):
        raise Refused(NAME, f"It does not begin with {SCHEME}")
    path, _, query = name[len(SCHEME) :].partition("?")
    found, asked = _read(path, ";", _PATH), _read(query, "&", _QUERY)
    if "module-path" not in asked:
        raise Refused(NAME, "It does not say which driver to use: ?module-path=/path/of/driver.so")
    if found.get("type", b"private") != b"private":
        raise Refused(NAME, "Only private keys are named here", where="type")
    text = {key: _text(key, value) for key, value in (found | asked).items() if key not in {"id", "type"}}
    return DeviceName(
        module=text["module-path"],
        pin_source=_local(text.get("pin-source", "")),
        token=text.get("token"),
        manufacturer=text.get("manufacturer"),
        model=text.get("model"),
        serial=text.get("serial"),
        label=text.get("object"),
        id=found.get("id"),
    )


def _read(text: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    """Read attributes, each once; what is not known might choose another object, so it is refused."""
    found: dict[str, bytes] = {}
    for part in filter(None, text.split(separator)):
        key, mark, value = part.partition("=")
        if key == "pin-value":
            raise Refused(NAME, "A PIN does not belong into a name: use pin-source, or CONGVAN_PIN", where=key)
        if not mark or key not in known or key in found:
            raise Refused(NAME, "An attribute is unknown here, or is given twice", where=key if key in known else "")
        if _PERCENT.search(value.encode()):
            raise Refused(NAME, "A percent sign is not followed by two hexadecimal digits", where=key)
        found[key] = unquote_to_bytes(value)
    return found


def _text(key: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Refused(NAME, "A value is not in UTF-8", where=key) from None
    if "\0" in text:
        raise Refused(NAME, "A value holds a zero byte", where=key)
    return text


def _local(source: str) -> str:
    """Read where the PIN is: an absolute path, bare or as `file:`; neither programs nor addresses are asked for one."""
    path = source[len(_FILE) :] if source.lower().startswith(_FILE) else source
    path = path.removeprefix("//") if source.lower().startswith(_FILE) else path
    if path and not path.startswith("/"):
        raise Refused(
            NAME, "Only a file on this machine, by its whole path, can be asked for the PIN", where="pin-source"
        )
    return path
