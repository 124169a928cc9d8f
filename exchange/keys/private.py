"""Keys in a device as the cryptography library knows keys: they sign, and nothing else of them comes out."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import HashAlgorithm

from exchange.keys.device import Device
from trust_store.errors import Misuse, Refused
from trust_store.keys import KEY_STAYS

_PREFIXES: Final = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before the digest in a DigestInfo (RFC 8017, 9.2, note 1)."""


class DeviceRsaKey(rsa.RSAPrivateKey):
    """Sign by an RSA key in a device, with PKCS #1 v1.5 and SHA-256, SHA-384 or SHA-512."""

    def __init__(self, device: Device, public: rsa.RSAPublicKey) -> None:
        self._device, self._public = device, public

    @property
    def key_size(self) -> int:
        """Return the size of the modulus in bits."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public key."""
        return self._public

    def sign(self, data: Any, padding: AsymmetricPadding, algorithm: Prehashed | HashAlgorithm | NoDigestInfo) -> bytes:
        """Sign data, or with `Prehashed` its digest; `Refused` with a reason of `exchange.keys.reasons` when that fails."""
        if padding.name != "EMSA-PKCS1-v1_5" or isinstance(algorithm, NoDigestInfo):
            raise Misuse("keys in devices sign with PKCS #1 v1.5 and a digest")
        name, digest = _digest(bytes(data), algorithm)
        return self._device.use(lambda _session, key: _sign(key, _PREFIXES[name] + digest, "RSA_PKCS"))

    def decrypt(self, ciphertext: Any, padding: AsymmetricPadding) -> bytes:
        """Refuse: keys are used for signing only."""
        raise Misuse("keys in devices are used for signing only")

    def private_numbers(self) -> NoReturn:
        """Refuse: the key stays where it is."""
        raise Refused(KEY_STAYS)

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002
        """Refuse: the key stays where it is."""
        raise Refused(KEY_STAYS)

    def __copy__(self) -> DeviceRsaKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> DeviceRsaKey:
        return self


class DeviceEcKey(ec.EllipticCurvePrivateKey):
    """Sign by an EC key in a device, with ECDSA; the device draws its own random number for each signature."""

    def __init__(self, device: Device, public: ec.EllipticCurvePublicKey) -> None:
        self._device, self._public = device, public

    @property
    def curve(self) -> ec.EllipticCurve:
        """Return the curve."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Return the size of the curve in bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public key."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign data, or with `Prehashed` its digest, and return r and s in DER (RFC 3279, 2.2.3).

        A signature that is asked to be deterministic is as good, and not the same again.
        """
        _, digest = _digest(bytes(data), signature_algorithm.algorithm)
        size = (self.key_size + 7) // 8
        raw = self._device.use(lambda _session, key: _sign(key, digest[:size], "ECDSA"))
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        """Refuse: keys are used for signing only."""
        raise Misuse("keys in devices are used for signing only")

    def private_numbers(self) -> NoReturn:
        """Refuse: the key stays where it is."""
        raise Refused(KEY_STAYS)

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002
        """Refuse: the key stays where it is."""
        raise Refused(KEY_STAYS)

    def __copy__(self) -> DeviceEcKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> DeviceEcKey:
        return self


def _digest(data: bytes, algorithm: Prehashed | HashAlgorithm) -> tuple[str, bytes]:
    """Digest on this side: every device signs digests, and few digest themselves."""
    if isinstance(algorithm, Prehashed):
        name = next((each for each in _PREFIXES if hashlib.new(each).digest_size == len(data)), "")
    else:
        name = algorithm.name
    if name not in _PREFIXES:
        raise Misuse("keys in devices sign SHA-256, SHA-384 and SHA-512")
    return name, data if isinstance(algorithm, Prehashed) else hashlib.new(name, data).digest()


def _sign(key: Any, data: bytes, mechanism: str) -> bytes:
    from pkcs11 import Mechanism  # noqa: PLC0415 - the extra `hsm`

    return bytes(key.sign(data, mechanism=Mechanism[mechanism]))
