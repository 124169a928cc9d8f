"""Keys in a real soft token: they sign as keys in files do, and whatever goes wrong has its reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, Hash

from envelopes import xml
from envelopes.signature.sign import sign
from envelopes.signature.verify import Place, verify
from exchange.keys import device
from exchange.keys.opening import open_bare, open_key
from trust_store.enrol import Holder, create_authority
from trust_store.enrol import issue as certify
from trust_store.errors import Misuse, Refused
from trust_store.identity import PartyKind
from trust_store.keys import HeldKey, write_key, write_pkcs12

PIN, WRONG = "2468013579", "9753108642"
DOCUMENT = b'<Letter xmlns="urn:test"><Text>xin ch\xc3\xa0o</Text></Letter>'


def refused(call, *arguments, **named) -> Refused:
    with pytest.raises(Refused) as found:
        call(*arguments, **named)
    for secret in (PIN, WRONG):
        assert secret not in f"{found.value!r} {found.value.text} {found.value.__cause__!r}"
    return found.value


def code(call, *arguments, **named) -> str:
    return refused(call, *arguments, **named).reason.code


def test_a_document_is_signed_in_the_token_and_verified_by_us(token, held: HeldKey) -> None:
    token.put(held, "ký số", "0a", with_certificate=True)
    key = open_key(token.name("k%C3%BD%20s%E1%BB%91"), secret=PIN)
    assert key.in_device
    assert key.certificate == held.certificate
    signed = verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)
    assert signed.chain[0].fingerprint == held.certificate.fingerprint


@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed: 4 cases left out")
def test_xmlsec1_verifies_it(token, held: HeldKey, authority: HeldKey, tmp_path: Path) -> None:
    token.put(held, "k", "0a")
    (tmp_path / "ca.pem").write_bytes(authority.certificate.pem)
    (tmp_path / "signed.xml").write_bytes(
        sign(DOCUMENT, open_key(token.name("k"), certificates=held.certificate.pem, secret=PIN))
    )
    command = ("xmlsec1", "--verify", "--enabled-key-data", "x509", "--trusted-pem", str(tmp_path / "ca.pem"))
    token.run(*command, str(tmp_path / "signed.xml"))
    (tmp_path / "signed.xml").write_bytes((tmp_path / "signed.xml").read_bytes().replace(b"xin ch", b"xin ph"))
    assert subprocess.run([*command, str(tmp_path / "signed.xml")], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("algorithm", [SHA256(), SHA384(), SHA512()], ids=lambda each: each.name)
def test_it_answers_the_calls_of_the_library(token, held: HeldKey, algorithm) -> None:
    token.put(held, "k", "0a")
    key = open_bare(token.name("k"), secret=PIN)
    assert key.public_key() == held.private_key.public_key()
    assert key.key_size == held.private_key.key_size
    digest = Hash(algorithm)
    digest.update(b"data")
    if isinstance(key, rsa.RSAPrivateKey):
        for data, how in ((b"data", algorithm), (digest.finalize(), Prehashed(algorithm))):
            key.public_key().verify(key.sign(data, padding.PKCS1v15(), how), b"data", padding.PKCS1v15(), algorithm)
        pss = padding.PSS(padding.MGF1(algorithm), 32)
        with pytest.raises(Misuse):
            key.sign(b"data", pss, algorithm)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        for data, how in ((b"data", algorithm), (digest.finalize(), Prehashed(algorithm))):
            key.public_key().verify(key.sign(data, ec.ECDSA(how)), b"data", ec.ECDSA(algorithm))


def test_the_key_of_an_authority_may_be_in_a_token(token, held: HeldKey, authority: HeldKey) -> None:
    token.put(held, "k", "0a")
    key = open_key(token.name("k"), certificates=held.certificate.pem, secret=PIN)
    holder = Holder(kind=PartyKind.AGENCY, common_name="B", organisation="B", code="000.00.12.H56")
    made = certify(
        key, holder, token.issue(authority).private_key.public_key(), serial=7, at=held.certificate.not_before, days=9
    )
    made.x509.verify_directly_issued_by(held.certificate.x509)


def test_the_key_does_not_leave(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    key = open_key(token.name("k"), certificates=one.certificate.pem, secret=PIN)
    assert code(write_key, key) == "key-stays"
    assert code(write_pkcs12, key, b"x") == "key-stays"
    assert code(key.private_key.private_numbers) == "key-stays"
    for text in (repr(key), repr(key.private_key), repr(vars(key.private_key))):
        assert PIN not in text


def test_the_certificate_in_the_token_is_found_by_id_and_else_by_label(token, authority: HeldKey) -> None:
    first, second = token.issue(authority), token.issue(authority)
    token.put(first, "a", "0a", with_certificate=True)
    token.put(second, "b", "0b")
    assert open_key(token.name("a"), secret=PIN).certificate == first.certificate
    assert open_key(token.name(id="%0a"), secret=PIN).certificate == first.certificate
    assert code(open_key, token.name("b"), secret=PIN) == "key-certificate-missing"
    assert code(open_key, token.name("b"), certificates=first.certificate.pem, secret=PIN) == "key-mismatch"


def test_what_is_not_there_or_not_clear(token, authority: HeldKey, tmp_path: Path) -> None:
    token.put(token.issue(authority), "a", "0a")
    token.put(token.issue(authority), "b", "0b")
    assert code(open_bare, token.name("c"), secret=PIN) == "key-not-in-device"
    assert code(open_bare, token.name(), secret=PIN) == "key-ambiguous"
    assert code(open_bare, token.name("a").replace(token.label, "another"), secret=PIN) == "key-device-missing"
    assert code(open_bare, token.name("a", serial="00"), secret=PIN) == "key-device-missing"
    assert code(open_bare, f"pkcs11:object=a?module-path={tmp_path}/none.so", secret=PIN) == "key-driver-unusable"
    library = Path("/usr/lib/x86_64-linux-gnu/libz.so.1")
    if library.exists():
        assert code(open_bare, f"pkcs11:object=a?module-path={library}", secret=PIN) == "key-driver-unusable"


def test_where_the_pin_comes_from(token, one: HeldKey, tmp_path: Path) -> None:
    token.put(one, "k", "0a")
    (tmp_path / "pin").write_text(PIN + "\n")
    (tmp_path / "bad").write_text(WRONG)
    named = token.name("k", pin_source=tmp_path / "pin")
    assert open_bare(named, secret=WRONG, environment={"CONGVAN_PIN": WRONG}).key_size == 256
    assert open_bare(token.name("k"), environment={"CONGVAN_PIN": PIN}).key_size == 256


def _in_a_process(script: str, *arguments: str, **environment: str) -> str:
    """Run in a process that has not logged in yet."""
    environment = {name: value for name, value in os.environ.items() if name != "CONGVAN_PIN"} | environment
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True, text=True, timeout=60, check=False, env=environment, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    for secret in (PIN, WRONG):
        assert secret not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout


TRY = """
import sys, time
from exchange.keys.opening import open_bare
from trust_store.errors import Refused
for secret in sys.argv[2:]:
    try:
        print(open_bare(sys.argv[1], secret=secret or None, environment={}).key_size)
    except Refused as refusal:
        print(refusal.reason.code)
"""


def test_a_wrong_pin_and_none(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    command = "import os, sys\nsys.argv += [os.environ['GIVEN']]\n" + TRY
    for given, expected in ((WRONG, "key-pin-wrong"), ("", "key-pin-missing"), ("1", "key-pin-wrong"), (PIN, "256")):
        assert _in_a_process(command, token.name("k"), GIVEN=given).split() == [expected]


KEEPS_TRYING = """
import os, sys, time
from exchange.keys.device import PAUSE, Device
from trust_store.errors import Refused
from trust_store.key_names import parse_name
asked = []
def find():
    asked.append(os.environ["GIVEN"])
    return asked[-1]
device = Device(parse_name(sys.argv[1]), find)
import pkcs11
seen, opened = [], type(next(iter(pkcs11.lib(parse_name(sys.argv[1]).module).get_tokens())))
for _ in range(3):
    try:
        device.use(lambda session, key: None)
    except Refused as refusal:
        seen.append(refusal.detail)
    time.sleep(PAUSE + 0.1)
os.environ["GIVEN"] = os.environ["RIGHT"]
device.use(lambda session, key: None)
print(len(asked), len(set(seen)), *seen, sep="|")
"""


def test_a_wrong_pin_is_tried_once_and_a_corrected_one_is_taken(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    said = _in_a_process(KEEPS_TRYING, token.name("k"), GIVEN=WRONG, RIGHT=PIN).strip().split("|")
    assert said[:2] == ["4", "2"]
    assert said[2:] == [
        "The device does not take the PIN",
        *["The device refused this PIN before; it is not tried again"] * 2,
    ]


TRIES_KEYS = """
import os, sys, time
from exchange.keys.device import PAUSE
from exchange.keys.opening import open_bare
from trust_store.errors import Refused
for _ in range(2):
    try:
        open_bare(sys.argv[1])
    except Refused as refusal:
        print(refusal.detail)
    time.sleep(PAUSE + 0.1)
"""


def test_a_key_that_is_named_again_tries_no_wrong_pin_again(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    first, second = _in_a_process(TRIES_KEYS, token.name("k"), CONGVAN_PIN=WRONG).splitlines()
    assert first == "The device does not take the PIN"
    assert second == "The device refused this PIN before; it is not tried again"


def _mark(token, flag: int) -> None:
    """Set a flag of the token as the token itself does: in its own file, where it keeps CKA_OS_TOKENFLAGS."""
    path = token.place / "token.object"
    data = bytearray(path.read_bytes())
    kind = (0x8000534B).to_bytes(8, "big")
    at = data.index(kind) + 8 + 8
    flags = int.from_bytes(data[at : at + 8], "big") | flag
    data[at : at + 8] = flags.to_bytes(8, "big")
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("flag", "says"), [(0x40000, "No try is left"), (0x20000, "One try is left")], ids=["locked", "last try"]
)
def test_a_locked_token_is_not_asked(token, one: HeldKey, flag: int, says: str) -> None:
    token.put(one, "k", "0a")
    _mark(token, flag)
    refusal = refused(open_bare, token.name("k"), secret=PIN)
    assert (refusal.reason.code, refusal.detail) == ("key-pin-locked", says)


def test_a_token_that_is_taken_out_and_put_back(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    key = open_key(token.name("k"), certificates=one.certificate.pem, secret=PIN)
    sign(DOCUMENT, key)
    place, away = token.place, token.tokens.parent / f"{token.label}-away"
    place.rename(away)
    assert code(sign, DOCUMENT, key) == "key-device-missing"
    begun = time.monotonic()
    assert code(sign, DOCUMENT, key) == "key-device-missing"
    assert time.monotonic() - begun < 0.1
    away.rename(place)
    time.sleep(device.PAUSE)
    verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)


def test_sessions_that_are_lost_are_opened_anew(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    key = open_key(token.name("k"), certificates=one.certificate.pem, secret=PIN)
    held = key.private_key._device
    held._held[1].close()
    verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)
    held._driver.restart()
    verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)


def test_two_keys_of_two_tokens_lose_nothing_to_each_other(token, authority: HeldKey) -> None:
    one, two = token.issue(authority), token.issue(authority)
    token.put(one, "a", "0a")
    token.put(two, "b", "0b")
    keys = [
        open_key(token.name(label), certificates=each.certificate.pem, secret=PIN)
        for label, each in (("a", one), ("b", two))
    ]
    for key in (*keys, *keys):
        verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)
    keys[0].private_key._device._held[1].close()
    for key in (*keys, *keys):
        verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)


def test_many_threads_sign_at_once(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    key = open_key(token.name("k"), certificates=one.certificate.pem, secret=PIN)
    with ThreadPoolExecutor(8) as pool:
        for signed in pool.map(lambda _: sign(DOCUMENT, key), range(200)):
            verify(xml.parse(signed), Place.ROOT_CHILD)


def test_other_threads_go_on_while_the_token_signs(token, authority: HeldKey) -> None:
    """An RSA key of 4096 bits takes the token milliseconds; the interpreter is let go for that long."""
    held = token.issue(authority, lambda: rsa.generate_private_key(65537, 4096))
    token.put(held, "k", "0a")
    key = open_key(token.name("k"), certificates=held.certificate.pem, secret=PIN).private_key
    assert isinstance(key, rsa.RSAPrivateKey)
    stop, gaps = threading.Event(), []

    def watch() -> None:
        last = time.perf_counter()
        while not stop.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.perf_counter()
    for _ in range(50):
        key.sign(b"data", padding.PKCS1v15(), SHA256())
    spent = time.perf_counter() - begun
    stop.set()
    watcher.join()
    assert len(gaps) > spent / 0.02, (len(gaps), spent)


def test_a_forked_process_opens_its_own_session(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    key = open_key(token.name("k"), certificates=one.certificate.pem, secret=PIN)
    sign(DOCUMENT, key)
    pid = os.fork()
    if pid == 0:
        try:
            verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    verify(xml.parse(sign(DOCUMENT, key)), Place.ROOT_CHILD)


WITHOUT = """
import sys
sys.modules["pkcs11"] = None
from exchange.keys.opening import open_bare
from trust_store.errors import Refused
try:
    open_bare("pkcs11:object=a?module-path=/nowhere.so")
except Refused as refusal:
    print(refusal.reason.code, refusal.text)
"""


def test_without_the_extra_it_says_what_to_install() -> None:
    said = _in_a_process(WITHOUT)
    assert said.startswith("key-support-missing ")
    assert "congvan[hsm]" in said


def test_a_certificate_made_for_a_token_says_whose_it_is(token, one: HeldKey) -> None:
    token.put(one, "k", "0a")
    made = create_authority(
        "In a token",
        serial=3,
        at=one.certificate.not_before,
        years=1,
        generate=lambda: open_bare(token.name("k"), secret=PIN),
    )
    assert isinstance(made.certificate.x509, x509.Certificate)
    made.certificate.x509.verify_directly_issued_by(made.certificate.x509)
