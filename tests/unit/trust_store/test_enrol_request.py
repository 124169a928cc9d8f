"""Requests are read in full or not at all, and nothing that they ask for is granted unseen."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from trust_store.certificate import load
from trust_store.enrol import Holder, create_authority, enrol, issue, new_key, new_rsa_key
from trust_store.enrol_proof import check_proof, holding_statement, prove, renewal_statement
from trust_store.enrol_request import MAX_SIZE, examine, make_request, read_request, write_private_key
from trust_store.errors import Refused
from trust_store.identity import Identity, PartyKind
from trust_store.policy import ALGORITHMS, AlgorithmRule, Policy

ENTERPRISE = Identity(kind=PartyKind.ENTERPRISE, codes=frozenset({"0100107370"}), tax_code="0100107370")
AGENCY = Identity(kind=PartyKind.AGENCY, codes=frozenset({"000.00.12.H56", "H56.12"}))
KINDS = {"EC": new_key, "RSA": new_rsa_key, "Ed25519": ed25519.Ed25519PrivateKey.generate}


def _named(*parts, key=None, digest=None) -> bytes:
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key or new_key(), digest or SHA256()).public_bytes(Encoding.PEM)


def _failing(data: bytes, now, party=ENTERPRISE, policy=Policy()) -> set[str]:
    return {each.reason.code for each in examine(read_request(data), policy, now, party) if each.reason}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_what_is_made_here_is_accepted(make, now) -> None:
    key = make()
    written = make_request(key, "0100107370", "Công ty A")
    request = read_request(written)
    assert _failing(written, now) == set()
    assert request.public_key == key.public_key()
    assert read_request(request.der).digest == request.digest == read_request(b"\r\n" + written).digest
    assert load_pem_private_key(write_private_key(key, b"secret"), b"secret").public_key() == key.public_key()
    assert b"ENCRYPTED" in write_private_key(key, b"secret")


@pytest.mark.parametrize(
    ("parts", "party", "good"),
    [
        ([(NameOID.USER_ID, "MST:0100107370")], ENTERPRISE, True),
        ([(NameOID.USER_ID, "mst:0100107370")], ENTERPRISE, True),
        ([(NameOID.COMMON_NAME, "020100107370")], ENTERPRISE, True),
        ([(NameOID.ORGANIZATION_IDENTIFIER, "h56.12")], AGENCY, True),
        ([(NameOID.COMMON_NAME, "Người khác"), (NameOID.USER_ID, "MST:0100107370")], ENTERPRISE, True),
        ([(NameOID.COMMON_NAME, "0100107370"), (NameOID.USER_ID, "MST:2899000016")], ENTERPRISE, False),
        ([(NameOID.USER_ID, "MST:0100107370"), (NameOID.USER_ID, "MST:2899000016")], ENTERPRISE, False),
        ([(NameOID.USER_ID, "MST:0100107370"), (NameOID.ORGANIZATION_IDENTIFIER, "H56.12")], ENTERPRISE, False),
        ([(NameOID.COMMON_NAME, "0100107370-001")], ENTERPRISE, False),
        ([(NameOID.COMMON_NAME, "0100107370"), (NameOID.COMMON_NAME, "H56.12")], ENTERPRISE, False),
        ([(NameOID.COMMON_NAME, "0100107370\n")], ENTERPRISE, True),
        ([(NameOID.COMMON_NAME, "0100107370,UID=MST:2899000016")], ENTERPRISE, False),
        ([(NameOID.ORGANIZATION_NAME, "0100107370")], ENTERPRISE, False),
        ([], ENTERPRISE, False),
    ],
)
def test_the_subject_names_the_party_and_no_other(parts, party, good, now) -> None:
    assert _failing(_named(*parts), now, party) == (set() if good else {"csr-subject"})


def test_the_policy_decides_which_keys_and_digests_are_good(now) -> None:
    code = (NameOID.COMMON_NAME, "0100107370")
    for key in (
        ec.generate_private_key(ec.SECP224R1()),
        rsa.generate_private_key(65537, 1024),
        rsa.generate_private_key(3, 2048),
    ):
        assert _failing(_named(code, key=key), now) == {"csr-key"}
    rules = tuple(replace(each, until=now) if each.name == "EC P-256" else each for each in ALGORITHMS)
    assert _failing(_named(code), now, policy=Policy(algorithms=rules)) == {"csr-key"}
    only = Policy(algorithms=(AlgorithmRule(name="EC P-256"), AlgorithmRule(name="SHA-512")))
    assert _failing(_named(code), now, policy=only) == {"csr-key"}


def test_a_request_that_was_changed_is_not_proven(now) -> None:
    der = read_request(_named((NameOID.COMMON_NAME, "0100107370"))).der
    changed = der.replace(b"0100107370", b"0100107371")
    assert _failing(changed, now) >= {"csr-unproven"}
    spoiled = bytearray(der)
    spoiled[-4] ^= 1
    assert _failing(bytes(spoiled), now) == {"csr-unproven"}


def test_to_become_an_authority_is_refused_and_everything_else_ignored(now) -> None:
    code = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "0100107370")])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    for extension, wrong in (
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=False, **usage), True),
        (x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=True, **usage), True),
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (x509.SubjectAlternativeName([x509.RFC822Name("a@example.vn")]), False),
    ):
        builder = x509.CertificateSigningRequestBuilder().subject_name(code).add_extension(extension, critical=True)
        data = builder.sign(new_key(), SHA256()).public_bytes(Encoding.DER)
        assert _failing(data, now) == ({"csr-authority"} if wrong else set())
        assert extension.oid.dotted_string in read_request(data).asks


@given(data=st.binary(max_size=400))
def test_bytes_that_are_no_request_are_refused(data) -> None:
    for each in (data, b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.b64encode(data) + b"\n-----END"):
        with pytest.raises(Refused) as refusal:
            read_request(each)
        assert refusal.value.reason.code == "csr-malformed"


SOUND = x509.load_pem_x509_csr(_named((NameOID.COMMON_NAME, "0100107370"))).public_bytes(Encoding.DER)


@given(place=st.integers(0, len(SOUND) - 1), value=st.integers(0, 255), cut=st.integers(0, len(SOUND)))
def test_a_damaged_request_is_refused_or_judged_and_never_fails(place, value, cut, now) -> None:
    changed = SOUND[:place] + bytes([value]) + SOUND[place + 1 :]
    for data in (changed, SOUND[:cut], SOUND + bytes([value])):
        try:
            found = examine(read_request(data), Policy(), now, ENTERPRISE)
        except Refused as refusal:
            assert refusal.reason.code == "csr-malformed"
            continue
        assert data == SOUND or any(each.reason for each in found)


def test_what_is_too_large_is_not_read() -> None:
    with pytest.raises(Refused) as refusal:
        read_request(b"0" * (2 * MAX_SIZE + 1))
    assert refusal.value.reason.code == "csr-malformed"


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_proof_is_over_one_statement_by_one_key(make, now) -> None:
    authority = create_authority("CA", serial=1, at=now, years=1)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code="0100107370")
    held, other = (enrol(authority, holder, serial=n, at=now, days=9, generate=make) for n in (2, 3))
    statement = holding_statement("HUB", "0100107370", held.certificate.fingerprint, "ab")
    proof = prove(held, statement)
    assert check_proof(held.certificate, proof, statement).reason is None
    for certificate, signature, text in (
        (other.certificate, proof, statement),
        (held.certificate, proof[:-1], statement),
        (held.certificate, b"", statement),
        (held.certificate, proof, statement.replace("ab", "ac")),
        (held.certificate, proof, renewal_statement("HUB", "0100107370", held.certificate.fingerprint, "ab")),
    ):
        with pytest.raises(Refused) as refusal:
            check_proof(certificate, signature, text)
        assert refusal.value.reason.code == "proof-wrong"


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_the_same_content_is_always_signed_to_the_same_certificate(make, now) -> None:
    authority = create_authority("CA", serial=1, at=now, years=1, generate=make)
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code="0100107370")
    key = new_key().public_key()
    once, again = (issue(authority, holder, key, serial=5, at=now, days=9) for _ in range(2))
    assert once == again
    assert load(once.der).serial == 5
