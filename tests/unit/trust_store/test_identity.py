"""Tax codes, identification codes, and whose certificate it is."""

from __future__ import annotations

import pytest

from trust_store.errors import Refused
from trust_store.identity import (
    Identity,
    PartyKind,
    belongs,
    doubt,
    holder_tax_code,
    names,
    normalise,
    same_code,
    tax_code,
)

CORRECT = ["0100109106", "0100107370", "0100681592", "0101243150", "0300588569"]


@pytest.fixture
def carrying(world):
    def make(*values: str, organisation: str = "Công ty"):
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        parts = [x509.NameAttribute(NameOID.COMMON_NAME, organisation)]
        return world.leaf(x509.Name([*parts, *(x509.NameAttribute(NameOID.USER_ID, each) for each in values)]))

    return make


@pytest.mark.parametrize("code", CORRECT)
def test_correct_tax_codes(code):
    assert tax_code(code) == code
    assert tax_code(f" {code} ") == code
    assert tax_code(f"{code}001") == tax_code(f"{code}-001") == f"{code}-001"


@pytest.mark.parametrize("code", CORRECT)
@pytest.mark.parametrize("place", range(10))
def test_every_other_digit_anywhere_is_found(code, place):
    others = {f"{code[:place]}{digit}{code[place + 1 :]}" for digit in "0123456789"} - {code}
    assert [each for each in sorted(others) if tax_code(each)] == []


def test_a_remainder_of_zero_has_no_check_digit():
    assert [each for each in range(10) if tax_code(f"000000000{each}")] == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "010010737", "01001073700", "0100107370-", "0100107370-01", "0100107370-0001", "0100107370--001"),
        *("010010737O", "MST:0100107370", "0100107370 001", "٠١٠٠١٠٧٣٧٠", "0100107370\n-001"),
    ],
)
def test_what_is_no_tax_code(text):
    assert tax_code(text) is None


@pytest.mark.parametrize(
    ("code", "form"),
    [
        ("0100107370", "0100107370"),
        ("020100107370", "0100107370"),
        ("0100107370001", "0100107370-001"),
        ("0100107370-001", "0100107370-001"),
        ("020100107370001", "0100107370-001"),
        ("020100107370-001", "0100107370-001"),
        ("030100107370", "030100107370"),
        ("000.00.12.h56", "000.00.12.H56"),
        (" H37.DN.001 ", "H37.DN.001"),
        ("0200000000", "0200000000"),
    ],
)
def test_codes_have_one_form(code, form):
    assert normalise(code) == form
    assert normalise(form) == form


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0100107370", "020100107370", True),
        ("020100107370-002", "0100107370002", True),
        ("0100107370", "0100107370-001", False),
        ("0100107370-001", "0100107370-002", False),
        ("0100107370", "0100681592", False),
        ("g12", "G12", True),
        ("000.00.00.G12", "G12", False),
    ],
)
def test_same_code(one, other, same):
    assert same_code(one, other) is same
    assert same_code(other, one) is same


@pytest.mark.parametrize(
    ("code", "named"),
    [
        *(("0100107370", True), ("020100107370", True), ("000.00.00.g12", True), ("G12", True), ("alias.one", True)),
        *(("0100107370-001", False), ("G13", False), ("", False), ("02", False)),
    ],
)
def test_what_names_a_party(code, named):
    codes = frozenset({"000.00.00.G12", "G12", "alias.one", ""})
    assert names(Identity(kind=PartyKind.ENTERPRISE, codes=codes, tax_code="020100107370"), code) is named


def test_a_party_without_codes_has_no_name():
    assert not names(Identity(kind=PartyKind.AGENCY), "")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (("MST:0100107370",), "0100107370"),
        (("mst: 0100107370-001",), "0100107370-001"),
        (("CMND:012345678", "MST:0100681592"), "0100681592"),
        (("CMND:012345678",), None),
        ((), None),
    ],
)
def test_the_tax_code_in_a_certificate(carrying, values, code):
    assert holder_tax_code(carrying(*values)) == code


@pytest.mark.parametrize(
    "values",
    [
        *(("MST:0100107371",), ("MST:",), ("MST:0100107370", "MST:0100681592"), ("MST:0100107370", "MST:0100107370")),
        ("MST:020100107370",),
    ],
)
def test_a_wrong_tax_code_in_a_certificate(carrying, values):
    certificate = carrying(*values)
    with pytest.raises(Refused) as refusal:
        holder_tax_code(certificate)
    assert refusal.value.reason.code == "tax-code-invalid"
    check = belongs(certificate, Identity(kind=PartyKind.ENTERPRISE, tax_code="0100107370"))
    assert check.reason is not None
    assert check.reason.code == "tax-code-invalid"


def reason_code(check):
    return check.reason and check.reason.code


@pytest.mark.parametrize(
    ("carried", "own", "registered", "expected"),
    [
        ("0100107370", "0100107370", False, None),
        ("0100107370001", "0100107370-001", False, None),
        ("0100107370", "0100681592", False, "wrong-holder"),
        ("0100107370", "0100681592", True, "wrong-holder"),
        ("0100107370-001", "0100107370", False, "wrong-holder"),
        ("0100107370-001", "0100107370", True, "wrong-holder"),
        ("0100107370", None, True, "wrong-holder"),
        (None, "0100107370", False, "wrong-holder"),
        (None, "0100107370", True, None),
        (None, None, False, "wrong-holder"),
    ],
)
def test_the_certificate_of_an_enterprise(carrying, carried, own, registered, expected):
    certificate = carrying(f"MST:{carried}") if carried else carrying()
    fingerprints = frozenset({certificate.fingerprint}) if registered else frozenset()
    check = belongs(certificate, Identity(kind=PartyKind.ENTERPRISE, tax_code=own, fingerprints=fingerprints))
    assert reason_code(check) == expected


@pytest.mark.parametrize("values", [(), ("MST:0100107370",), ("MST:wrong",)])
def test_the_certificate_of_an_agency_is_the_registered_one(carrying, world, values):
    certificate = carrying(*values)
    own = Identity(kind=PartyKind.AGENCY, tax_code="0100107370", fingerprints=frozenset({certificate.fingerprint}))
    assert reason_code(belongs(certificate, own)) is None
    assert reason_code(belongs(world.signer.certificate, own)) == "wrong-holder"
    unregistered = Identity(kind=PartyKind.AGENCY, tax_code="0100107370")
    assert reason_code(belongs(certificate, unregistered)) == "wrong-holder"


@pytest.mark.parametrize("code", ["0100107371", "0100107371-001", "0100107371001", "020100107371", "0200000000"])
def test_a_wrong_check_digit_is_told(code):
    assert "check digit" in doubt(code)


@pytest.mark.parametrize("code", ["0100107370", "020100107370", "0100107370-001", "000.00.12.H56", "H56", "", "12345"])
def test_nothing_is_told_of_a_tax_code_or_of_what_looks_like_none(code):
    assert doubt(code) == ""
