"""A hub made by the command line and served by a process of its own, which is ended by its own id."""

from __future__ import annotations

import contextlib
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exchange.cli.main import cli

ROOT = Path(__file__).parents[3]
LAM_SON, ENVIRONMENT, ONE_STOP = "2899000016", "000.00.12.H56", "000.00.90.H56"
PASSWORD = "mật khẩu"


def run(*arguments: object, code: int = 0) -> Result:
    """Run a command in this process; anything but the expected exit code fails with what was said."""
    environment = {
        "CONGVAN_PASSWORD": None,
        "CONGVAN_URL": None,
        "CONGVAN_TOKEN": None,
        "CONGVAN_READY": "no-such-file",
    }
    result = CliRunner().invoke(cli, [str(item) for item in arguments], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def fail(*arguments: object) -> str:
    """Run a command that must be refused: exit code 1 and one clear line; return the line."""
    result = run(*arguments, code=1)
    (line,) = result.stderr.splitlines()
    assert re.match(r"[a-z][a-z0-9-]+: \S", line)
    assert "Traceback" not in line
    return line


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a hub from a process of its own; gives the process and the address."""
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(folder), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        deadline = time.monotonic() + 30
        ready, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
        assert ready, "the hub did not come up"
        line = process.stdout.readline()
        assert line.startswith("The hub answers at http://"), line
        yield process, line.split()[-1]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Hold a served hub, a copy of it that nobody used, and its parties' tokens and keys, as people have them."""

    folder: Path
    hub: Path
    unused: Path
    url: str
    tokens: dict[str, str]

    lam_son, environment, one_stop, password = LAM_SON, ENVIRONMENT, ONE_STOP, PASSWORD
    run, fail, serving = staticmethod(run), staticmethod(fail), staticmethod(serving)

    @property
    def anchor(self) -> Path:
        return self.hub / "trust-anchor.pem"

    def caller(self, code: str) -> tuple[str, ...]:
        return ("--url", self.url, "--token", self.tokens[code])

    def key(self, code: str) -> tuple[str, ...]:
        return ("--p12", str(self.folder / f"{code}.p12"), "--password", PASSWORD)

    def pem(self, code: str) -> tuple[str, ...]:
        return ("--key", str(self.folder / f"{code}.key.pem"), "--cert", str(self.folder / f"{code}.cert.pem"))

    def letter(self, path: Path, *receivers: str, number: int, sender: str = LAM_SON, files: tuple[Path, ...] = ()):
        """Write a letter with the command line; not signed yet."""
        to = [item for code in receivers for item in ("--to", code)]
        attach = [item for file in files for item in ("--attach", str(file))]
        named = ("--number", number, "--notation", "CV-LS", "--subject", "V/v đề nghị")
        run("letter", "--from", sender, *to, *named, *attach, "--out", path)
        return path


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    hub, tokens = folder / "hub", {}
    run("init", "--dir", hub, "--name", "Trục thử nghiệm", "--code", "000.00.99.H56")
    parties = ((LAM_SON, "enterprise", ()), (ENVIRONMENT, "agency", ("--alias", "H56.12")), (ONE_STOP, "agency", ()))
    for code, kind, more in parties:
        said = run("party", "add", "--dir", hub, "--kind", kind, *more, code, f"Đơn vị {code}").stdout
        tokens[code] = re.search(r"cv_[\w-]+", said)[0]
        run("cert", "issue", "--dir", hub, "--out", folder, "--password", PASSWORD, code)
    shutil.copytree(hub, folder / "unused")
    with serving(hub) as (_, url):
        yield Office(folder=folder, hub=hub, unused=folder / "unused", url=url, tokens=tokens)
