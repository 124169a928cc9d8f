"""Other verifiers of paths, asked about the same chains: openssl, cryptography's, and pyhanko-certvalidator by itself."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from asn1crypto import crl as asn1crl
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.x509 import verification
from pyhanko_certvalidator import CertificateValidator, PKIXValidationParams, ValidationContext
from pyhanko_certvalidator.errors import InvalidCertificateError, PathError, ValidationError

from tests.authority.certificates import NOW
from tests.conformance.chains import Chain

OPENSSL = shutil.which("openssl")
NOT_BY_CERTVALIDATOR = {"forty-of-one-name", "cyclic-cross-certificates", "cycle-that-always-fails"}
"""It builds paths by names and tries every order: on these it does not end."""


def by_openssl(chain: Chain, folder: Path) -> bool:
    """`openssl verify`, with lists for the whole path where there are any, for signing mail: the nearest to documents."""
    assert OPENSSL
    files = {"leaf": [chain.leaf], "between": chain.between, "anchors": chain.anchors}
    for stem, ders in files.items():
        (folder / f"{stem}.pem").write_bytes(b"".join(_pem("CERTIFICATE", each) for each in ders))
    told = [
        "-attime",
        str(int(NOW.timestamp())),
        "-purpose",
        "smimesign",
        "-CAfile",
        str(folder / "anchors.pem"),
        "-no-CApath",
    ]
    if chain.between:
        told += ["-untrusted", str(folder / "between.pem")]
    if chain.lists:
        (folder / "lists.pem").write_bytes(b"".join(_pem("X509 CRL", each) for each in chain.lists))
        told += ["-crl_check_all", "-CRLfile", str(folder / "lists.pem")]
    elif chain.required:
        told += ["-crl_check_all"]
    if chain.explicit:
        told += ["-policy_check", "-explicit_policy", *(part for each in chain.policies for part in ("-policy", each))]
    asked = [OPENSSL, "verify", *told, str(folder / "leaf.pem")]
    return subprocess.run(asked, capture_output=True, timeout=10, check=False).returncode == 0


def _pem(label: str, der: bytes) -> bytes:
    import base64

    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def by_cryptography(chain: Chain, _: Path) -> bool:
    """Cryptography's verifier, as lax about ends of paths as it can be told: it knows no lists and no policies."""
    try:
        leaf, between, anchors = (
            [x509.load_der_x509_certificate(each) for each in part]
            for part in ([chain.leaf], chain.between, chain.anchors)
        )
        policy = verification.ExtensionPolicy
        builder = verification.PolicyBuilder().store(verification.Store(anchors)).time(NOW.replace(tzinfo=None))
        builder = builder.max_chain_depth(12).extension_policies(
            ca_policy=policy.webpki_defaults_ca(), ee_policy=policy.permit_all()
        )
        builder.build_client_verifier().verify(leaf[0], between)
    except (verification.VerificationError, ValueError, x509.DuplicateExtension):
        return False
    return True


def by_certvalidator(chain: Chain, _: Path) -> bool:
    """pyhanko-certvalidator with the settings that its own documentation starts with, and no fetching."""
    context = ValidationContext(
        trust_roots=[asn1.Certificate.load(each) for each in chain.anchors],
        other_certs=[asn1.Certificate.load(each) for each in chain.between],
        crls=[asn1crl.CertificateList.load(each) for each in chain.lists],
        moment=NOW,
        allow_fetching=False,
        revocation_mode="require" if chain.required else "soft-fail",
        time_tolerance=timedelta(0),
    )
    given = (
        PKIXValidationParams(user_initial_policy_set=chain.policies, initial_explicit_policy=True)
        if chain.explicit
        else None
    )
    validator = CertificateValidator(asn1.Certificate.load(chain.leaf), validation_context=context, pkix_params=given)
    try:
        asyncio.run(validator.async_validate_path())
    except (ValidationError, PathError, InvalidCertificateError, ValueError, TypeError):
        return False
    return True


VERIFIERS: dict[str, Callable[[Chain, Path], bool]] = {
    "openssl": by_openssl,
    "cryptography": by_cryptography,
    "certvalidator": by_certvalidator,
}


def is_asked(name: str, chain: Chain) -> bool:
    """Tell whether a verifier can be asked about a case."""
    return not (name == "certvalidator" and chain.id in NOT_BY_CERTVALIDATOR)
