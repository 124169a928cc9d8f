"""Options that several commands share: which hub, as whom, with which key."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import msgspec
import uvloop

from exchange.client import Client
from exchange.keys.opening import open_key
from exchange.keys.pins import PIN, read_secret_file
from exchange.sandbox import ready
from trust_store.errors import Refused, reason
from trust_store.key_names import is_device, parse_name
from trust_store.keys import KeyHolder

NO_CALLER = reason(
    "caller-missing",
    "The command does not know which hub to ask, or as whom",
    "Give --url and --token, or --as PARTY where a sandbox's ready file is",
)
NO_KEY = reason("key-missing", "No key was given to sign with", "Give --key (a file, or pkcs11:...), or --as PARTY")
DEFAULT_READY = ".sandbox/ready.json"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Hold who calls which hub."""

    url: str
    token: str
    sandbox: ready.Ready | None
    party: ready.ReadyParty | None

    def client(self) -> Client:
        """Open a client."""
        if not self.url or not self.token:
            raise Refused(NO_CALLER)
        return Client(self.url, self.token)

    def key(self, named: NamedKey) -> KeyHolder:
        """Open the key to sign with: the one that is named, or else the sandbox party's."""
        if named.name:
            return named.open()
        if self.party is not None:
            return open_key(self.party.key, certificates=Path(self.party.cert).read_bytes())
        raise Refused(NO_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """Hold how a key was named: a file or a PKCS#11 URI, with its certificate, and where its password or PIN is."""

    name: str | None
    cert: Path | None
    password: str | None
    password_file: Path | None

    def open(self) -> KeyHolder:
        """Open it; somebody at a terminal is asked for the PIN of a device where nothing says it."""
        certificates = self.cert.read_bytes() if self.cert else None
        return open_key(self.name or "", certificates=certificates, secret=self._secret())

    def _secret(self) -> str | None:
        if self.password_file:
            return read_secret_file(self.password_file)
        if not is_device(self.name or ""):
            return self.password
        if parse_name(self.name or "").pin_source or os.environ.get(PIN) or not sys.stdin.isatty():
            return None
        pin: str = click.prompt("PIN of the device", hide_input=True, err=True)
        return pin


def caller_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --url, --token, --as and --ready; the command gets a `caller`."""

    @click.option("--url", envvar="CONGVAN_URL", help="Address of the hub.")
    @click.option("--token", envvar="CONGVAN_TOKEN", help="Token of the party; better in the environment.")
    @click.option("--as", "who", envvar="CONGVAN_AS", help="A sandbox's party, by id: takes address, token and key.")
    @click.option(
        "--ready", "ready_file", default=DEFAULT_READY, envvar="CONGVAN_READY", show_default=True, help="Ready file."
    )
    @wraps(command)
    def wrapped(
        *args: Any, url: str | None, token: str | None, who: str | None, ready_file: str, **options: Any
    ) -> Any:
        return command(*args, caller=_caller(url, token, who, Path(ready_file)), **options)

    return wrapped


def key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --key, --cert, --password-file, --p12 and --password; the command gets a `named` key."""

    @click.option(
        "--key", metavar="NAME", help="Key: a file (PKCS#12, PEM), or pkcs11:...?module-path=... in a device."
    )
    @click.option(
        "--cert", type=_FILE, help="Its certificate (PEM), where it is neither in the file nor in the device."
    )
    @click.option("--password-file", type=_FILE, help="File with the password of the file, or the PIN of the device.")
    @click.option("--p12", type=_FILE, help="Key and certificate as PKCS#12; as --key.")
    @click.option("--password", envvar="CONGVAN_PASSWORD", help="Password of the file; better in the environment.")
    @wraps(command)
    def wrapped(
        *args: Any,
        key: str | None,
        cert: Path | None,
        password_file: Path | None,
        p12: Path | None,
        password: str | None,
        **options: Any,
    ) -> Any:
        name = key or (str(p12) if p12 else None)
        named = NamedKey(name=name, cert=cert, password=password, password_file=password_file)
        return command(*args, named=named, **options)

    return wrapped


def run_async(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run an async command."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        return uvloop.run(command(*args, **kwargs))

    return wrapped


def _caller(url: str | None, token: str | None, who: str | None, file: Path) -> Caller:
    known = _ready(file) if file.exists() and (who or not url) else None
    party = known.party(who) if known and who else None
    if who and party is None:
        raise Refused(NO_CALLER, f"There is no party {who} in {file}")
    return Caller(
        url=url or (known.url if known else ""),
        token=token or (party.token if party else ""),
        sandbox=known,
        party=party,
    )


def _ready(file: Path) -> ready.Ready:
    try:
        return ready.read(file)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(NO_CALLER, f"{file} is not a ready file that can be read") from None
