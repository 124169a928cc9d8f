"""A signed letter and the keys around it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Letter, Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from trust_store.enrol import Holder, create_authority, enrol
from trust_store.identity import Identity, PartyKind
from trust_store.keys import HeldKey

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
CODE = "2899000016"


@pytest.fixture(scope="session")
def authority() -> HeldKey:
    return create_authority("Test CA", serial=1, at=datetime(2026, 1, 1, tzinfo=UTC), years=5)


@pytest.fixture(scope="session")
def key(authority: HeldKey) -> HeldKey:
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code=CODE)
    return enrol(authority, holder, serial=2, at=datetime(2026, 1, 2, tzinfo=UTC), days=1000)


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity(kind=PartyKind.ENTERPRISE, codes=frozenset({CODE}), tax_code=CODE, fingerprints=frozenset())


@pytest.fixture(scope="session")
def letter() -> Letter:
    return draft_letter(
        sender=Organ(organ_id=CODE),
        receivers=[Organ(organ_id="000.00.00.H56")],
        number="5",
        notation="CV-A",
        subject="V/v thử",
        at=datetime(2026, 11, 23, 8, tzinfo=VIETNAM),
        files=[("a.pdf", b"%PDF-1.4 a"), ("b.txt", b"b")],
    )


@pytest.fixture(scope="session")
def unsigned(letter: Letter) -> bytes:
    return build(letter)


@pytest.fixture(scope="session")
def signed(unsigned: bytes, key: HeldKey) -> bytes:
    return sign(unsigned, key)
