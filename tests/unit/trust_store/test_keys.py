"""Keys in files, there and back."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from trust_store.errors import Refused
from trust_store.keys import (
    load_pem,
    load_pkcs12,
    read_key,
    read_private,
    write_certificates,
    write_key,
    write_pkcs12,
)


def refusal(call, *arguments):
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.reason.code


@pytest.fixture(params=["P-256", "P-384", "ed25519", "2048/65537"])
def held(request, world, key_of):
    key = None if request.param == "P-256" else key_of(request.param)
    return world.pki.make("Holder", world.issuing, key=key)


@pytest.mark.parametrize("password", [None, b"s3cret"])
def test_pem_there_and_back(held, password):
    key = write_key(held, password)
    assert (b"ENCRYPTED" in key) is (password is not None)
    again = load_pem(key, write_certificates(held), password)
    assert (again.certificate, again.chain) == (held.certificate, held.chain)
    assert again.private_key.public_key() == held.private_key.public_key()


def test_pkcs12_there_and_back(held):
    again = load_pkcs12(write_pkcs12(held, b"s3cret", "Văn thư"), b"s3cret")
    assert again.certificate == held.certificate
    assert set(again.chain) == set(held.chain)
    assert again.private_key.public_key() == held.private_key.public_key()


def test_files_are_encrypted_by_aes_256(held):
    aes256 = bytes.fromhex("60864801650304012a")
    assert aes256 in write_pkcs12(held, b"s3cret")
    encrypted = held.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret"))
    assert aes256 in encrypted


def test_wrong_passwords(world):
    signer = world.signer
    plain, closed, certificates = write_key(signer), write_key(signer, b"right"), write_certificates(signer)
    assert refusal(load_pem, closed, certificates, b"wrong") == "key-password"
    assert refusal(load_pem, closed, certificates, None) == "key-password"
    assert refusal(load_pem, plain, certificates, b"needless") == "key-password"
    for wrong in (b"wrong", b"", None):
        assert refusal(load_pkcs12, write_pkcs12(signer, b"right"), wrong) == "key-password"


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"\x30\x03\x02\x01\x03", b"-----BEGIN PRIVATE KEY-----"])
def test_garbage(world, garbage):
    certificates = write_certificates(world.signer)
    assert refusal(load_pem, garbage, certificates, None) == "key-unreadable"
    assert refusal(load_pkcs12, garbage, b"any") in {"key-unreadable", "key-password"}
    assert refusal(load_pem, write_key(world.signer), garbage, None) == "certificate-malformed"


def test_a_key_and_the_certificate_of_another(world):
    certificates = write_certificates(world.issuing)
    assert refusal(load_pem, write_key(world.signer), certificates, None) == "key-mismatch"


def test_a_key_that_signs_nothing(world):
    key = x25519.X25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert refusal(load_pem, pem, write_certificates(world.signer), None) == "key-unreadable"


def test_a_pkcs12_file_without_a_key(world):
    only = serialize_key_and_certificates(
        None, None, world.signer.certificate.x509, None, BestAvailableEncryption(b"right")
    )
    assert refusal(load_pkcs12, only, b"right") == "key-unreadable"


def test_a_key_does_not_show_itself(world):
    assert repr(world.signer) == "HeldKey(CN=Signer)"


OLD = {
    "3DES, RC2-40": ("-legacy",),
    "RC2-40": ("-legacy", "-keypbe", "PBE-SHA1-RC2-40", "-certpbe", "PBE-SHA1-RC2-40"),
    "RC2-128": ("-legacy", "-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-128"),
    "3DES": ("-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES"),
    "2DES": ("-legacy", "-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES"),
    "RC4": ("-legacy", "-keypbe", "PBE-SHA1-RC4-128", "-certpbe", "PBE-SHA1-RC4-128"),
}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: 6 cases left out")
@pytest.mark.parametrize("how", OLD.values(), ids=OLD)
def test_pkcs12_of_older_authorities(world, tmp_path, how):
    (tmp_path / "key.pem").write_bytes(write_key(world.signer))
    (tmp_path / "chain.pem").write_bytes(write_certificates(world.signer))
    command = ["openssl", "pkcs12", "-export", *how, "-inkey", "key.pem", "-in", "chain.pem", "-out", "old.p12"]
    subprocess.run([*command, "-passout", "pass:m1"], cwd=tmp_path, check=True, capture_output=True, timeout=30)
    again = load_pkcs12((tmp_path / "old.p12").read_bytes(), b"m1")
    assert again.certificate == world.signer.certificate
    assert again.private_key.public_key() == world.signer.private_key.public_key()
    assert refusal(load_pkcs12, (tmp_path / "old.p12").read_bytes(), b"m2") == "key-password"


def test_either_kind_of_file_is_read(world):
    signer = world.signer
    both = write_key(signer, b"m") + write_certificates(signer)
    for data, password in ((both, b"m"), (write_pkcs12(signer, b"m"), b"m")):
        assert read_key(data, password).certificate == signer.certificate
        assert read_private(data, password).public_key() == signer.private_key.public_key()
    assert refusal(read_key, write_key(signer)) == "key-certificate-missing"
    assert refusal(read_private, b"garbage") == "key-unreadable"
