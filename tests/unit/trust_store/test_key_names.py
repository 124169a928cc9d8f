"""One way to name a key: a file, or a PKCS#11 URI after RFC 7512."""

from __future__ import annotations

import pytest

from trust_store.errors import Refused
from trust_store.key_names import DeviceName, is_device, parse_name

DRIVER = "module-path=/usr/lib/d.so"


def test_files_and_devices_are_told_apart() -> None:
    assert [is_device(name) for name in ("pkcs11:token=a", "PKCS11:", "key.p12", "./pkcs11:a", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"pkcs11:?{DRIVER}", DeviceName(module="/usr/lib/d.so")),
        (
            f"pkcs11:token=V%C4%83n%20th%C6%B0;object=k;id=%0A%ff;serial=1;model=m;manufacturer=x;type=private?{DRIVER}",
            DeviceName(module="/usr/lib/d.so", token="Văn thư", label="k", id=b"\x0a\xff", serial="1", model="m", manufacturer="x"),
        ),
        (f"pkcs11:object=a%3Bb?{DRIVER}&pin-source=/run/pin", DeviceName(module="/usr/lib/d.so", label="a;b", pin_source="/run/pin")),
        (f"pkcs11:object=a?pin-source=file:/run/p%20n&{DRIVER}", DeviceName(module="/usr/lib/d.so", label="a", pin_source="/run/p n")),
        (f"pkcs11:object=a?pin-source=file:///run/pin&{DRIVER}", DeviceName(module="/usr/lib/d.so", label="a", pin_source="/run/pin")),
    ],
)  # fmt: skip
def test_names(name: str, expected: DeviceName) -> None:
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "key.pem",
        "pkcs11:token=a",
        f"pkcs11:token=a;token=b?{DRIVER}",
        f"pkcs11:colour=red?{DRIVER}",
        f"pkcs11:slot-id=1?{DRIVER}",
        f"pkcs11:token?{DRIVER}",
        f"pkcs11:token=%?{DRIVER}",
        f"pkcs11:token=%zz?{DRIVER}",
        f"pkcs11:token=%ff?{DRIVER}",
        f"pkcs11:token=a%00?{DRIVER}",
        f"pkcs11:token=a;type=cert?{DRIVER}",
        f"pkcs11:token=a?{DRIVER}&pin-source=|/bin/sh",
        f"pkcs11:token=a?{DRIVER}&pin-source=https://example/pin",
        f"pkcs11:token=a?{DRIVER}&pin-source=pin",
        f"pkcs11:token=a?{DRIVER}&x-other=1",
    ],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Refused, match="key-name-malformed"):
        parse_name(name)


@pytest.mark.parametrize(
    "where", ["pkcs11:token=a;pin-value=13579?" + DRIVER, f"pkcs11:token=a?{DRIVER}&pin-value=13579"]
)
def test_a_pin_in_a_name_is_refused_and_not_repeated(where: str) -> None:
    with pytest.raises(Refused, match="pin-source") as refused:
        parse_name(where)
    assert "13579" not in str(refused.value) + refused.value.text
