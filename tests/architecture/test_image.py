"""The container image keeps its promises, as far as its recipe tells without an engine to build it."""

from __future__ import annotations

import configparser
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

import pytest

from exchange.cli.main import COMMANDS
from exchange.net.limits import Limits
from exchange.server import GRACE


@pytest.fixture(scope="module")
def steps(root: Path) -> list[tuple[str, str]]:
    """Read the recipe as pairs of instruction and argument, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (root / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def final(steps: list[tuple[str, str]]) -> dict[str, str]:
    """Take the last stage, which is what runs."""
    start = max(index for index, (word, _) in enumerate(steps) if word == "FROM")
    return dict(steps[start:])


def test_it_runs_as_an_ordinary_user(steps: list[tuple[str, str]]) -> None:
    assert final(steps)["USER"] not in {"root", "0"}


def test_it_says_whether_it_is_well(steps: list[tuple[str, str]]) -> None:
    last = final(steps)
    assert f"127.0.0.1:{last['EXPOSE']}/healthz" in last["HEALTHCHECK"]


def test_it_starts_a_command_that_exists(steps: list[tuple[str, str]]) -> None:
    last = final(steps)
    assert json.loads(last["ENTRYPOINT"]) == ["congvan"]
    started = json.loads(last["CMD"])
    assert started[0] in COMMANDS
    assert started[started.index("--dir") + 1] == last["VOLUME"]
    assert started[started.index("--port") + 1] == last["EXPOSE"]


def test_nothing_is_fetched_but_by_hash(steps: list[tuple[str, str]]) -> None:
    assert [word for word, _ in steps if word == "ADD"] == []
    installing = re.findall(r"pip (?:install|download|wheel)[^&]*", " && ".join(text for _, text in steps))
    assert len(installing) == 4
    assert [command for command in installing if not re.search("--require-hashes|--no-index", command)] == []


def test_what_it_copies_exists_and_is_sent(root: Path, steps: list[tuple[str, str]]) -> None:
    copied = {name for word, text in steps if word == "COPY" and "--from" not in text for name in text.split()[:-1]}
    sent = {line[1:] for line in (root / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied == sent
    assert [name for name in sorted(copied) if not (root / name).exists()] == []


def test_the_user_is_a_number_that_a_cluster_can_compare(steps: list[tuple[str, str]]) -> None:
    assert final(steps)["USER"].isdecimal()
    assert f"--uid {final(steps)['USER']}" in " ".join(text for _, text in steps)


def test_the_composed_service_can_write_nothing_but_its_data(root: Path) -> None:
    text = (root / "compose.yaml").read_text("utf-8")
    assert re.search(r"read_only: true", text)
    assert re.search(r"cap_drop:\s+- ALL", text)
    assert "no-new-privileges:true" in text
    assert re.findall(r"- (\S+):(/\S+)$", text, re.M) == [("data", "/data")]
    assert re.search(r"stop_grace_period: (\d+)s", text)[1] >= "20"


@pytest.fixture(scope="module")
def unit(root: Path) -> Path:
    return root / "exchange" / "operation" / "congvan.service"


def test_the_service_is_hardened(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(unit, "utf-8")
    service = parser["Service"]
    expected = {
        "Type": "notify", "User": "congvan", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
        "PrivateTmp": "yes", "PrivateDevices": "yes", "CapabilityBoundingSet": "", "Restart": "on-failure", "UMask": "0077",
    }  # fmt: skip
    assert {name: service[name] for name in expected} == expected
    assert service["ReadWritePaths"] == f"/var/lib/{service['StateDirectory']}"
    assert f"--dir {service['ReadWritePaths']}" in service["ExecStart"]
    assert service["ExecStart"].split()[1] in COMMANDS
    assert int(service["LimitNOFILE"]) >= Limits().max_connections + 256
    assert float(service["TimeoutStopSec"].removesuffix("s")) > GRACE
    assert parser["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_calls_the_service_hardened(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if "Unknown command verb" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a file")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the source, and install it where only reading is allowed."""
    folder = tmp_path_factory.mktemp("image")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("trust_store", "envelopes", "exchange", "adapters"):
        shutil.copytree(root / name, source / name, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True, timeout=100)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    for path in [folder, *(folder / "site").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder / "site"
    for path in [folder, *(item for item in (folder / "site").rglob("*") if item.is_dir())]:
        path.chmod(0o755)


def test_the_wheel_holds_what_is_no_program(installed: Path) -> None:
    assert (installed / "exchange" / "operation" / "congvan.service").is_file()
    assert list((installed / "exchange" / "storage" / "migrations").rglob("*.mako"))


def test_an_ordinary_user_serves_from_a_tree_that_nobody_can_write(installed: Path) -> None:
    """What the image does, without an engine: another user, nothing writable but the data folder, no bytecode written."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become another user here")
    with tempfile.TemporaryDirectory(prefix="congvan-data-") as name:
        data, user = Path(name), 65534
        os.chown(data, user, user)
        become = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={user}",
            "--clear-groups",
            "--no-new-privs",
            "--bounding-set=-all",
        ]
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(installed),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/",
        }

        def start(*arguments: str) -> subprocess.Popen[str]:
            command = [*become, sys.executable, "-m", "exchange", *arguments, "--dir", str(data / "hub")]
            pipe = subprocess.PIPE
            return subprocess.Popen(command, cwd="/", env=environment, stdout=pipe, stderr=pipe, text=True)

        try_it = [*become, sys.executable, "-c", "import lxml"]
        if subprocess.run(try_it, cwd="/", env=environment, capture_output=True, check=False, timeout=30).returncode:
            pytest.skip("the interpreter of these tests is not for other users")
        made = start("init", "--name", "Trục", "--code", "000.00.99.H56")
        _, errors = made.communicate(timeout=60)
        assert made.returncode == 0, errors
        serving = start("serve", "--port", "0")
        try:
            assert select.select([serving.stdout], [], [], 30)[0], "the hub did not come up"
            url = serving.stdout.readline().split()[-1]
            with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
                assert json.load(answer)["status"] == "ready"
        finally:
            serving.terminate()
            serving.communicate(timeout=30)
        assert serving.returncode == 0
        assert {path.stat().st_uid for path in data.rglob("*")} == {user}
        assert {path.stat().st_mode & 0o077 for path in (data / "hub").glob("*") if path.name == "keys"} == {0}
