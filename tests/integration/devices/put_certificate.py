"""Put a certificate into a token, as the tools of vendors do. Arguments: driver, token, PIN, id (hex), label, file (PEM)."""

from __future__ import annotations

import sys
from pathlib import Path

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pkcs11 import Attribute, CertificateType, ObjectClass


def main(driver: str, token: str, pin: str, key_id: str, label: str, file: str) -> None:
    certificate = x509.load_pem_x509_certificate(Path(file).read_bytes())
    session = pkcs11.lib(driver).get_token(token_label=token).open(rw=True, user_pin=pin)
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.CERTIFICATE,
            Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
            Attribute.TOKEN: True,
            Attribute.LABEL: label,
            Attribute.ID: bytes.fromhex(key_id),
            Attribute.SUBJECT: certificate.subject.public_bytes(),
            Attribute.VALUE: certificate.public_bytes(Encoding.DER),
        }
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
