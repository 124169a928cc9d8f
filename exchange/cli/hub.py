"""Make and serve a hub."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click
import uvloop

from exchange.cli.options import run_async
from exchange.config import NGSP_PREFIX, Home, Settings
from exchange.logs import configure
from exchange.wiring import open_exchange, prepare

if TYPE_CHECKING:
    from exchange.net.tls import TlsFiles
    from exchange.operation.workers import Worker
    from exchange.server import Listeners, Served

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Hub's folder.")
@click.option("--name", required=True, help="The hub's name, as receipts state it.")
@click.option("--code", required=True, help="The hub's identification code.")
@click.option(
    "--key", metavar="NAME", help="The key to sign with: a file, or pkcs11:... in a device; else one is made."
)
@click.option("--password-file", type=_FILE, help="File with the password of the file, or the PIN of the device.")
@run_async
async def init(folder: Path, name: str, code: str, key: str | None, password_file: Path | None) -> None:
    """Make a new hub in a folder, with an authority of its own for pilots."""
    from exchange.founding import GivenKey, found  # noqa: PLC0415 - keeps 'serve' quick to start
    from exchange.keys.opening import open_bare  # noqa: PLC0415
    from exchange.keys.pins import read_secret_file  # noqa: PLC0415
    from exchange.machine import SystemClock, SystemEntropy  # noqa: PLC0415

    home, clock, given = Home(folder), SystemClock(), None
    if key:
        secret = read_secret_file(password_file) if password_file else None
        given = GivenKey(name=key, private_key=open_bare(key, secret=secret), password_file=password_file)
    authority = found(home, name=name, code=code, clock=clock, entropy=SystemEntropy(), given=given)
    async with open_exchange(home) as exchange:
        await exchange.trust.trust(authority.certificate, "anchor", clock.now(), exchange.author())
    click.echo(f"The hub is in {folder}. Its trust anchor is {home.anchor}.")
    click.echo(f"Next: congvan party add --dir {folder} --kind enterprise CODE NAME; congvan serve --dir {folder}")


@click.command()
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Hub's folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8800, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--tls-cert", type=_FILE, help="Certificate with its chain (PEM), to serve over TLS.")
@click.option("--tls-key", type=_FILE, help="Its key (PEM).")
@click.option("--client-ca", type=_FILE, help="Authorities (PEM) of client certificates; without it none is asked for.")
@click.option("--ngsp-port", type=click.IntRange(0, 65535), help="Port for connected systems; 0 takes a free one.")
@click.option("--ngsp-prefix", metavar="PATH", help="What is put before the paths of that port, such as /ngsp.")
@click.option("--workers", type=click.IntRange(1, 64), help="How many processes serve; the setting, or one.")
@click.option("--verbose", is_flag=True, help="Log every step of every message.")
def serve(
    folder: Path,
    host: str,
    port: int,
    *,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    ngsp_port: int | None,
    ngsp_prefix: str | None,
    workers: int | None,
    verbose: bool,
) -> None:
    """Serve a hub until SIGTERM or SIGINT."""
    from exchange.keys.premises import require_devices  # noqa: PLC0415
    from exchange.net.tls import TlsFiles  # noqa: PLC0415
    from exchange.operation.workers import become_worker  # noqa: PLC0415
    from exchange.server import listen  # noqa: PLC0415

    configure(logging.DEBUG if verbose else logging.INFO)
    if (tls_cert is None) != (tls_key is None) or (client_ca and not tls_cert):
        raise click.UsageError("--tls-cert and --tls-key go together, and --client-ca only with them")
    tls = TlsFiles(cert=tls_cert, key=tls_key, client_ca=client_ca) if tls_cert and tls_key else None
    settings = prepare(Home(folder))
    ngsp, prefix = dialect_of(settings, ngsp_port, ngsp_prefix) or (None, "")
    listeners, count = listen(host, port, ngsp), workers or settings.workers
    if count > 1:
        require_devices(Home(folder))
    worker = become_worker(count) if count > 1 else None
    uvloop.run(_serve(Home(folder), listeners, tls, prefix, worker))


async def _serve(home: Home, listeners: Listeners, tls: TlsFiles | None, prefix: str, worker: Worker | None) -> None:
    """Serve in this process until it is told to stop; of several, the first one speaks for all."""
    from exchange.operation.supervisor import supervised  # noqa: PLC0415
    from exchange.server import serve_at, settle, share_evenly, wait_for_signal  # noqa: PLC0415

    share_evenly()
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(home, bell=worker.bell() if worker else None))
        await exchange.require_key()
        served = await stack.enter_async_context(serve_at(exchange, listeners, tls, prefix, worker))
        settle()
        if worker is not None:
            worker.follow()
        if worker is None or worker.leads:
            await stack.enter_async_context(supervised())
            _announce(served)
        await wait_for_signal()


def _announce(served: Served) -> None:
    click.echo(f"The hub answers at {served.url}")
    if served.ngsp:
        click.echo(f"Connected systems call {served.ngsp}")


def dialect_of(settings: Settings, port: int | None, prefix: str | None) -> tuple[int, str] | None:
    """Say where the listener for connected systems goes: as told, or as the settings say; None for nowhere."""
    if port is None and not settings.ngsp_port:
        return None
    before = settings.ngsp_prefix if prefix is None else prefix.rstrip("/")
    if before and not NGSP_PREFIX.fullmatch(before):
        raise click.UsageError("--ngsp-prefix is a path such as /ngsp or /axis/v2")
    return (settings.ngsp_port if port is None else port), before
