"""What every adapter's command has in common: which hub, with which key, trusting whom; and running until told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from adapters.base import Desk, Local, Pace
from adapters.courier import Courier
from adapters.spool import Spool
from exchange.client import Client, KeyHolder, Refused, Trust, open_key, reason

FILE = click.Path(dir_okay=False, path_type=Path)
SECRET_UNREADABLE = reason(
    "adapter-file-unreadable",
    "A file that the adapter was given cannot be read",
    "Check the path, and that the user of the adapter may read it",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Hold what links an adapter with its hub."""

    url: str
    token: str
    key: KeyHolder
    trust: Trust
    once: bool

    def run(self, local: Local, spool: Spool, pace: Pace = Pace()) -> None:
        """Run until SIGTERM or SIGINT, or, with --once, until all is done that there is now."""
        asyncio.run(self._run(local, spool, pace))

    async def _run(self, local: Local, spool: Spool, pace: Pace) -> None:
        async with Client(self.url, self.token) as client:
            desk = Desk(client=client, local=local, spool=spool, trust=self.trust, pace=pace)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, desk.stop.set)
            courier = Courier(desk=desk)
            await (courier.run_once() if self.once else courier.run())


def link_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --url, --token-file, --key, --cert, --password-file, --anchor and --once; the command gets a `link`."""

    @click.option("--url", envvar="CONGVAN_URL", required=True, help="Address of the hub.")
    @click.option("--token-file", type=FILE, required=True, help="File with the token of the party.")
    @click.option(
        "--key",
        metavar="NAME",
        required=True,
        help="Key: a file (PKCS#12, PEM), or pkcs11:...?module-path=... in a device.",
    )
    @click.option("--cert", type=FILE, help="Its certificate (PEM), where it is neither in the file nor in the device.")
    @click.option("--password-file", type=FILE, help="File with the password of the file, or the PIN of the device.")
    @click.option(
        "--anchor", "anchors", type=FILE, multiple=True, required=True, help="A trusted authority; may be repeated."
    )
    @click.option("--once", is_flag=True, help="Do what there is to do now, and end.")
    @wraps(command)
    def wrapped(*args: Any, **options: Any) -> Any:
        names = ("url", "token_file", "key", "cert", "password_file", "anchors", "once")
        return command(*args, link=_link(**{name: options.pop(name) for name in names}), **options)

    return wrapped


def _link(
    *,
    url: str,
    token_file: Path,
    key: str,
    cert: Path | None,
    password_file: Path | None,
    anchors: tuple[Path, ...],
    once: bool,
) -> Link:
    secret = _read(password_file).decode("utf-8", "replace").rstrip("\r\n") if password_file else None
    return Link(
        url=url,
        token=_read(token_file).decode("ascii", "replace").strip(),
        key=open_key(key, certificates=_read(cert) if cert else None, secret=secret),
        trust=Trust.of(_read(each) for each in anchors),
        once=once,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(SECRET_UNREADABLE, f"The file cannot be read: {error.strerror}", where=str(path)) from None
