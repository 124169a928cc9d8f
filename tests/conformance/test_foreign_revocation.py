"""Lists and answers made by openssl are understood here, and requests made here are understood there."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.authority.certificates import Pki
from tests.authority.telling import names_place
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.keys import HeldKey
from trust_store.policy import Policy
from trust_store.revocation.answers import load_answer, request
from trust_store.revocation.lists import load_list

OPENSSL = shutil.which("openssl")
CONFIG = """
[ca]
default_ca = ours
[ours]
database = {folder}/index.txt
crlnumber = {folder}/number
default_md = sha256
default_crl_days = 7
crl_extensions = told
[told]
authorityKeyIdentifier = keyid
"""


def run(*words: str) -> str:
    assert OPENSSL
    done = subprocess.run([OPENSSL, *words], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """An authority that openssl runs, with a good signer and a revoked one."""
    folder = tmp_path_factory.mktemp("office")
    pki = Pki()
    root = pki.authority("Openssl's authority")
    responder = pki.make("Responder", root, purposes=("1.3.6.1.5.5.7.3.9",), extra=((x509.OCSPNoCheck(), False),))
    good, bad = (pki.make(name, root, extra=(names_place(),)) for name in ("Good", "Bad"))
    rows = [
        f"{state}\t440101000000Z\t{since}\t{held.certificate.serial:02X}\tunknown\t/CN={name}"
        for state, since, held, name in (("V", "", good, "Good"), ("R", "250101000000Z,keyCompromise", bad, "Bad"))
    ]
    (folder / "index.txt").write_text("\n".join(rows) + "\n")
    (folder / "number").write_text("0A\n")
    (folder / "config").write_text(CONFIG.format(folder=folder))
    for stem, held in (("root", root), ("responder", responder), ("good", good), ("bad", bad)):
        write(folder / stem, held)
    return folder, root, responder, good.certificate, bad.certificate


def write(stem: Path, held: HeldKey) -> None:
    stem.with_suffix(".pem").write_bytes(held.certificate.pem)
    key = held.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    stem.with_suffix(".key").write_bytes(key)


@pytest.fixture
def tools(capsys):
    """Say that openssl is missing, where it is."""
    if OPENSSL is None:
        with capsys.disabled():
            print("\nLEFT OUT: openssl is not installed; its lists and answers were not tried")
    return OPENSSL


def code(certificate, evidence, at) -> str:
    verdict = judge([certificate], evidence, Policy(), at)
    return verdict.reason.code if verdict.reason else "valid"


def test_lists_of_openssl(tools, office):
    if not tools:
        return
    folder, root, _, good, bad = office
    out = folder / "list.pem"
    run(
        "ca",
        "-config",
        f"{folder}/config",
        "-gencrl",
        "-cert",
        f"{folder}/root.pem",
        "-keyfile",
        f"{folder}/root.key",
        "-out",
        str(out),
    )
    listed, now = load_list(out.read_bytes()), datetime.now(UTC)
    assert (listed.number, listed.next_update - listed.this_update) == (10, timedelta(days=7))
    evidence = Evidence(anchors=(root.certificate,), lists=(listed,))
    assert [code(each, evidence, now) for each in (good, bad)] == ["valid", "certificate-revoked"]
    assert code(bad, evidence, datetime(2024, 12, 31, tzinfo=UTC)) == "valid"


@pytest.mark.parametrize("by", ["root", "responder"])
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_answers_of_openssl_to_our_requests(tools, office, by, digest):
    if not tools:
        return
    folder, root, _, good, bad = office
    evidence, nonce = Evidence(anchors=(root.certificate,)), bytes(range(16))
    answers = []
    for certificate in (good, bad):
        asked, said = folder / "request.der", folder / "answer.der"
        if digest == "sha1":
            asked.write_bytes(request(certificate, root.certificate, nonce))
        else:
            stem = "good" if certificate is good else "bad"
            run(
                "ocsp",
                "-sha256",
                "-issuer",
                f"{folder}/root.pem",
                "-cert",
                f"{folder}/{stem}.pem",
                "-reqout",
                str(asked),
            )
        responder = ("-rsigner", f"{folder}/{by}.pem", "-rkey", f"{folder}/{by}.key", "-ndays", "1")
        run(
            *("ocsp", "-index", f"{folder}/index.txt", "-CA", f"{folder}/root.pem", *responder),
            *("-reqin", str(asked), "-respout", str(said)),
        )
        answers.append(load_answer(said.read_bytes()))
    assert digest == "sha256" or [each.nonce for each in answers] == [nonce, nonce]
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert [code(each, evidence, now) for each in (good, bad)] == ["revocation-not-known"] * 2
    informed = replace(evidence, answers=tuple(answers))
    assert [code(each, informed, now) for each in (good, bad)] == ["valid", "certificate-revoked"]
