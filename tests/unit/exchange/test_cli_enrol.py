"""From a key to a certificate and to its successor on the command line, by the commands that the guide shows."""

from __future__ import annotations

import re
import stat
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from envelopes.signature.sign import sign
from trust_store.certificate import load_many
from trust_store.keys import load_pem

PASSWORD = "secret-enough"
HUB = "000.00.99.H56"


@pytest.fixture
def admin(office):
    """Give two administrators of the sandbox's hub tokens of their own, made on its machine."""
    made = [
        office.run("token", "create", "--dir", office.hub, "--scope", "administer", HUB).stdout.strip()
        for _ in range(2)
    ]
    return [("--url", office.url, "--token", token) for token in made]


@pytest.fixture
def as_party(office):
    token = office.run(
        *("token", "create", "--dir", office.hub, "--scope", "enrol", "--scope", "send", "--scope", "read"),
        office.lam_son,
    ).stdout.strip()
    return ("--url", office.url, "--token", token)


def requested(office, folder, *options):
    """Make a key and a request in a folder; give both."""
    office.run("cert", "request", "--out", folder, "--password", PASSWORD, *options, office.lam_son)
    return folder / f"{office.lam_son}.key.pem", folder / f"{office.lam_son}.csr.pem"


def test_a_code_a_request_an_approval_a_certificate(office, admin, tmp_path) -> None:
    key, request = requested(office, tmp_path / "new", "--name", "Công ty Lam Sơn")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in key.read_bytes()
    assert load_pem_private_key(key.read_bytes(), PASSWORD.encode())
    office.run("cert", "request", "--out", tmp_path / "new", "--password", PASSWORD, office.lam_son, code=2)
    code = office.run("cert", "code", *admin[0], office.lam_son).stdout.strip()
    by_code = ("--url", office.url, "--token", code)
    said = office.run("cert", "apply", *by_code, request).stdout
    application, state, *_ = said.split("\t")
    assert state == "pending"
    print_of_key = re.search(r"key ([0-9a-f]{64})", said)[1]
    assert application in office.run("cert", "applications", *admin[0]).stdout
    shown = office.run("cert", "consider", *admin[0], application).stdout
    assert print_of_key in shown
    assert "check\tvalid\tpossession" in shown
    assert "\tcompleted\t" in office.run("cert", "approve", *admin[0], application).stdout
    out = tmp_path / "new" / "cert.pem"
    office.run("cert", "application", *by_code, "--out", out, application)
    assert load_pem(key.read_bytes(), out.read_bytes(), PASSWORD.encode()).chain
    assert application in office.run("cert", "applications", "--state", "completed", *admin[1]).stdout


def test_renew_rehearse_switch_and_let_the_old_one_go(office, admin, as_party, tmp_path) -> None:
    key, request = requested(office, tmp_path / "first")
    application = office.run("cert", "apply", *as_party, request).stdout.split("\t")[0]
    office.run("cert", "approve", *admin[0], application)
    cert = tmp_path / "first" / "cert.pem"
    office.run("cert", "application", *as_party, "--out", cert, application)
    next_key, next_request = requested(office, tmp_path / "second", "--rsa")
    new = tmp_path / "second" / "cert.pem"
    old_key = ("--key", key, "--cert", cert, "--password", PASSWORD)
    office.run("cert", "apply", *as_party, "--renew", *old_key, "--out", new, next_request)
    first, second = (load_many(path.read_bytes())[0] for path in (cert, new))
    with_key = ("--key", next_key, "--password", PASSWORD)
    told = office.run("cert", "rehearse", *as_party, "--certificate", new, *with_key).stdout
    assert "would verify" in told
    assert "\t[ok] sender: " in told
    assert f"now\t{first.fingerprint}" in told
    late = (second.not_after + timedelta(days=1)).isoformat()
    told = office.run("cert", "rehearse", *as_party, "--certificate", new, "--at", late, code=1).stdout
    assert "would NOT verify" in told
    assert "expired at" in told
    listed = office.run("cert", "own", *as_party).stdout
    assert first.fingerprint in listed
    assert second.fingerprint in listed
    office.run("cert", "let-go", *as_party, first.fingerprint)
    assert first.fingerprint not in office.run("cert", "own", *as_party).stdout
    assert office.fail("cert", "let-go", *as_party, first.fingerprint).startswith("not-found: ")


def test_a_refusal_is_read_and_a_withdrawal_is_final(office, admin, as_party, tmp_path) -> None:
    _, request = requested(office, tmp_path / "a")
    application = office.run("cert", "apply", *as_party, request).stdout.split("\t")[0]
    office.run("cert", "refuse", *admin[0], "--why", "Không ai nhận điện thoại", application)
    assert "Không ai nhận điện thoại" in office.run("cert", "application", *as_party, application).stdout
    assert "refused" in office.run("cert", "consider", *admin[0], application).stdout
    assert office.fail("cert", "approve", *admin[1], application).startswith("application-closed: ")
    _, request = requested(office, tmp_path / "b")
    application = office.run("cert", "apply", *as_party, request).stdout.split("\t")[0]
    assert "withdrawn" in office.run("cert", "application", "--withdraw", *as_party, application).stdout


def test_a_code_can_be_taken_back(office, admin, tmp_path) -> None:
    given = office.run("cert", "code", *admin[0], office.lam_son)
    key = re.search(r"Code ([0-9a-f]{12})", given.stderr)[1]
    office.run("cert", "code", *admin[0], "--revoke", key, office.lam_son)
    _, request = requested(office, tmp_path / "a")
    by_code = ("--url", office.url, "--token", given.stdout.strip())
    assert office.fail("cert", "apply", *by_code, request).startswith("unauthenticated: ")


def test_a_key_is_proven_directly_or_by_other_software(office, as_party, tmp_path) -> None:
    stem = office.folder / office.lam_son
    own = ("--key", f"{stem}.key.pem", "--cert", f"{stem}.cert.pem")
    said = office.run("cert", "prove", *as_party, *own).stdout
    assert "\tpending\t" in said
    office.run("cert", "application", "--withdraw", *as_party, said.split("\t")[0])
    asked, signed = tmp_path / "proof.xml", tmp_path / "proof.signed.xml"
    office.run("cert", "prove", *as_party, "--cert", f"{stem}.cert.pem", "--write", asked)
    holder = load_pem(
        (stem.parent / f"{stem.name}.key.pem").read_bytes(), (stem.parent / f"{stem.name}.cert.pem").read_bytes()
    )
    signed.write_bytes(sign(asked.read_bytes(), holder))
    said = office.run("cert", "prove", *as_party, "--cert", f"{stem}.cert.pem", "--signed", signed).stdout
    assert "\tpending\t" in said
    wrong = office.fail("cert", "prove", *as_party, "--cert", f"{stem}.cert.pem", "--signed", f"{stem}.cert.pem")
    assert wrong.startswith("proof-wrong: ")
    office.run("cert", "prove", *as_party, "--write", asked, code=2)
