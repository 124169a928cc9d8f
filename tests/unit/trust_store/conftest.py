"""A small public key infrastructure for every test of trust."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest
from cryptography import x509

from tests.authority.certificates import NOW, Pki, shared_key
from trust_store.certificate import Certificate
from trust_store.evidence import Evidence
from trust_store.keys import HeldKey


@dataclass(frozen=True)
class World:
    """A root, an issuing authority below it, a signer, and the evidence that trusts the root and knows the issuer."""

    pki: Pki
    root: HeldKey
    issuing: HeldKey
    signer: HeldKey

    @property
    def evidence(self) -> Evidence:
        return Evidence(anchors=(self.root.certificate,), intermediates=(self.issuing.certificate,))

    def leaf(self, subject: x509.Name | str = "Signer", **more: object) -> Certificate:
        return self.pki.make(subject, self.issuing, **more).certificate  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def world() -> World:
    pki = Pki()
    root = pki.authority("Root")
    issuing = pki.authority("Issuing", root, pathlen=0)
    return World(pki=pki, root=root, issuing=issuing, signer=pki.make("Signer", issuing))


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def key_of() -> object:
    return shared_key
