"""A soft token of SoftHSM2 in a folder of its own, with keys and certificates put in as people put them in."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from trust_store.enrol import Holder, create_authority, enrol, new_key, new_rsa_key
from trust_store.identity import PartyKind
from trust_store.keys import HeldKey, PrivateKey, write_key

PIN, WRONG = "2468013579", "9753108642"
DRIVERS = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
_NUMBERS = itertools.count(1)


def p384() -> PrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def p521() -> PrivateKey:
    return ec.generate_private_key(ec.SECP521R1())


KINDS: dict[str, Callable[[], PrivateKey]] = {"p256": new_key, "p384": p384, "p521": p521, "rsa3072": new_rsa_key}


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def issue(authority: HeldKey, generate: Callable[[], PrivateKey] = new_key) -> HeldKey:
    holder = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code="2899000016")
    return enrol(authority, holder, serial=next(_NUMBERS) + 1000, at=AT, days=365, generate=generate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Know a token: its driver, its label, and the folder of all tokens."""

    driver: str
    label: str
    tokens: Path
    run, issue = staticmethod(run), staticmethod(issue)

    def name(self, label: str = "", *, pin_source: Path | None = None, **more: str) -> str:
        """Name a key in it."""
        asked = {"token": self.label} | ({"object": label} if label else {}) | more
        path = ";".join(f"{key}={value}" for key, value in asked.items())
        source = f"&pin-source={pin_source}" if pin_source else ""
        return f"pkcs11:{path}?module-path={self.driver}{source}"

    def put(self, held: HeldKey, label: str, key_id: str, *, with_certificate: bool = False) -> None:
        """Put a key into the token, and its certificate beside it."""
        folder = self.tokens.parent / f"{self.label}-{label}"
        folder.mkdir()
        (folder / "key.pem").write_bytes(write_key(held))
        (folder / "cert.pem").write_bytes(held.certificate.pem)
        command = ["softhsm2-util", "--import", str(folder / "key.pem"), "--token", self.label, "--label", label]
        run(*command, "--id", key_id, "--pin", PIN)
        if with_certificate:
            script = Path(__file__).with_name("put_certificate.py")
            arguments = (self.driver, self.label, PIN, key_id, label, str(folder / "cert.pem"))
            run(sys.executable, str(script), *arguments)
        shutil.rmtree(folder)

    @property
    def place(self) -> Path:
        """Find the folder that SoftHSM keeps this token in."""
        marked = self.label.encode()
        return next(path.parent for path in self.tokens.glob("*/token.object") if marked in path.read_bytes())


@pytest.fixture(scope="session")
def driver() -> str:
    found = next((path for path in DRIVERS if Path(path).exists()), None)
    if shutil.which("softhsm2-util") is None or found is None:
        pytest.skip(
            "softhsm2-util is not installed: the cases of tests/integration/devices that need a token are left out"
        )
    return found


@pytest.fixture(scope="session")
def tokens(driver: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give SoftHSM a folder of its own for as long as the tests run; the driver reads this when it is loaded."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        yield folder / "tokens"


@pytest.fixture
def token(driver: str, tokens: Path) -> Token:
    return _make(driver, tokens)


@pytest.fixture
def another(driver: str, tokens: Path) -> Token:
    return _make(driver, tokens)


def _make(driver: str, tokens: Path) -> Token:
    label = f"token{next(_NUMBERS)}-{os.getpid()}"
    run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345678")
    return Token(driver=driver, label=label, tokens=tokens)


@pytest.fixture(scope="session")
def authority() -> HeldKey:
    return create_authority("Test CA", serial=1, at=AT, years=5)


@pytest.fixture(params=KINDS)
def held(request: pytest.FixtureRequest, authority: HeldKey) -> HeldKey:
    return issue(authority, KINDS[request.param])


@pytest.fixture
def one(authority: HeldKey) -> HeldKey:
    """Give a key where its kind does not matter."""
    return issue(authority)
