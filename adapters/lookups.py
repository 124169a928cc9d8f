"""Answer look-ups over HTTP: for this machine only unless told otherwise, in JSON whatever comes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from functools import wraps
from typing import Any, Final

import click
import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from exchange.client import Refused, reason

LOOPBACK: Final = "127.0.0.1"
CALLER: Final = "X-Congvan-System"
"""The header in which the gateway of the hub says who is asking."""
MAX_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 10.0
MALFORMED = reason(
    "lookup-malformed", "The look-up cannot be read", "Compare it with the README of the adapter and its samples"
)
UNKNOWN = reason("lookup-unknown", "There is nothing to look up under this name", "Check the address of the look-up")
NOT_ALLOWED = reason(
    "lookup-not-allowed",
    "This caller may only look up",
    "Ask the operator of the adapter to name the system as a writer",
)
ADDRESS = reason(
    "lookup-address-unusable", "The adapter cannot listen at this address", "Give another --host or --port"
)
DATA = reason(
    "lookup-data-unusable", "The data of the adapter cannot be used", "Compare the file that is named with the samples"
)
_STATUS: Final = {UNKNOWN.code: 404, NOT_ALLOWED.code: 403}
_LOG = structlog.get_logger("congvan.lookups")
Shape = Callable[[str], Mapping[str, Any]]
"""How a service says, in its own members, that it does not answer."""


def build_app(shape: Shape) -> web.Application:
    """Build an application that says in the form of its service why it does not answer; routes are added to it."""
    app = web.Application(middlewares=[_answering(shape)], client_max_size=MAX_BODY)
    app.on_response_prepare.append(_harden)
    return app


def respond(data: object, status: int = 200) -> web.Response:
    """Answer with a value as JSON."""
    return respond_raw(msgspec.json.encode(data), status)


def respond_raw(data: bytes, status: int = 200) -> web.Response:
    """Answer with what is JSON already."""
    return web.Response(body=data, status=status, content_type="application/json", charset="utf-8")


async def read_body(request: web.Request) -> bytes:
    """Read a body of at most `MAX_BODY` bytes.

    Raises:
        Refused: `lookup-malformed`.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Refused(MALFORMED, "The body did not arrive in time", where="body") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refused(MALFORMED, "The body broke off", where="body") from None


def query_of(request: web.Request, name: str, longest: int = 64) -> str:
    """Read a parameter of the query that must be there once.

    Raises:
        Refused: `lookup-malformed`.
    """
    found = request.query.getall(name, [])
    if len(found) != 1 or not 1 <= len(found[0]) <= longest or not found[0].isprintable():
        raise Refused(MALFORMED, f"{name} is needed once, with at most {longest} characters", where=name)
    return found[0]


@contextlib.asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve while the block runs; gives the address.

    Raises:
        Refused: `lookup-address-unusable`.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise Refused(ADDRESS, f"Listening at {host}:{port} failed: {error.strerror}") from None
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def run(app: web.Application, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, and say where."""
    asyncio.run(_run(app, host, port))


def listen_options(port: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --host and --port, with a port of its own for every adapter."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen at.")
        @click.option(
            "--port", default=port, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
        )
        @wraps(command)
        def wrapped(*args: Any, **options: Any) -> Any:
            return command(*args, **options)

        return wrapped

    return decorate


async def _run(app: web.Application, host: str, port: int) -> None:
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    async with serving(app, host, port) as url:
        click.echo(f"Look-ups are answered at {url}")
        await asked.wait()


def _answering(shape: Shape) -> Any:
    @web.middleware
    async def answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refusal:
            return respond(shape(refusal.text), _STATUS.get(refusal.reason.code, 400))
        except web.HTTPException as error:
            return respond(shape(f"{error.reason}. {UNKNOWN.fix}"), error.status)
        except Exception:
            _LOG.exception("failed")
            return respond(shape("The adapter failed. Tell its operator"), 500)

    return answer_failures


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "congvan"
    response.headers["X-Content-Type-Options"] = "nosniff"
