"""Open a key by its name: a file (PKCS#12, PEM), or an object in a security device by its PKCS#11 URI."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from exchange.keys.device import Device
from exchange.keys.pins import find_pin
from exchange.keys.private import DeviceEcKey, DeviceRsaKey
from exchange.keys.reasons import NO_KEY
from trust_store.certificate import Certificate, load, load_many
from trust_store.errors import Refused
from trust_store.key_names import is_device, parse_name
from trust_store.keys import KEY_MISMATCH, KEY_UNREADABLE, KeyHolder, PrivateKey, read_key, read_private

DevicePublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_PROBE: Final = b"congvan: is this the key of that certificate?"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """Hold a key that stays in a device, with its certificate; see `trust_store.keys.KeyHolder`."""

    certificate: Certificate
    private_key: PrivateKey
    chain: tuple[Certificate, ...] = ()

    @property
    def in_device(self) -> bool:
        """Say that a device signs."""
        return True

    def __repr__(self) -> str:
        return f"DeviceKey({self.certificate.subject})"


def open_key(
    name: str,
    *,
    certificates: bytes | None = None,
    secret: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> KeyHolder:
    """Open the key with this name: the path of a file, or a PKCS#11 URI.

    `certificates` are those of the key, its own first, in PEM or DER; without them they are looked for in the file or in the
    device. `secret` is the password of the file or the PIN of the device; where the name has a `pin-source`, that counts, and
    where nothing was given, CONGVAN_PIN. That key and certificate belong together is tried by a signature.

    Raises:
        Refused: the name, the file, the device or the certificate is not as it must be; never with a secret in it.
    """
    if not is_device(name):
        return read_key(_read(name), secret.encode() if secret else None, certificates)
    device = _reach(name, secret, environment)
    certificate, *chain = load_many(certificates) if certificates else (load(device.certificate()),)
    key = _wrap(device, certificate.public_key)
    _try(key, certificate)
    return DeviceKey(certificate=certificate, private_key=key, chain=tuple(chain))


def open_bare(name: str, *, secret: str | None = None, environment: Mapping[str, str] = os.environ) -> PrivateKey:
    """Open a key that has no certificate yet, in a file or in a device.

    Raises:
        Refused: as `open_key`.
    """
    if not is_device(name):
        return read_private(_read(name), secret.encode() if secret else None)
    device = _reach(name, secret, environment)
    return _wrap(device, device.use(_read_public))


def _reach(name: str, secret: str | None, environment: Mapping[str, str]) -> Device:
    parsed = parse_name(name)
    find: Callable[[], str | None] = partial(find_pin, parsed.pin_source, secret, environment)
    return Device(parsed, find)


def _wrap(device: Device, public: object) -> DeviceRsaKey | DeviceEcKey:
    if isinstance(public, rsa.RSAPublicKey):
        return DeviceRsaKey(device, public)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return DeviceEcKey(device, public)
    raise Refused(NO_KEY, "Only RSA and EC keys sign from a device")


def _try(key: DeviceRsaKey | DeviceEcKey, certificate: Certificate) -> None:
    """Sign something, and verify it by the certificate."""
    try:
        if isinstance(key, DeviceRsaKey):
            signed = key.sign(_PROBE, padding.PKCS1v15(), SHA256())
            key.public_key().verify(signed, _PROBE, padding.PKCS1v15(), SHA256())
        else:
            key.public_key().verify(key.sign(_PROBE, ec.ECDSA(SHA256())), _PROBE, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise Refused(KEY_MISMATCH, f"The key in the device is not that of {certificate.subject}") from None


def _read_public(session: Any, key: Any) -> DevicePublicKey | None:
    """Read the public part: of an RSA key from the private one, of an EC key from the object beside it."""
    from pkcs11 import Attribute, KeyType, ObjectClass  # noqa: PLC0415 - the extra `hsm`
    from pkcs11.util.ec import encode_ec_public_key  # noqa: PLC0415

    if key.key_type == KeyType.RSA:
        exponent, modulus = (int.from_bytes(key[each]) for each in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS))
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    found = list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: key.id}))
    public = load_der_public_key(encode_ec_public_key(found[0])) if key.key_type == KeyType.EC and found else None
    return public if isinstance(public, ec.EllipticCurvePublicKey) else None


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Refused(KEY_UNREADABLE, f"The file of the key cannot be read: {error.strerror}", where=path) from None
