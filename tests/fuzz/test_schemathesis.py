"""The hub's own description against the running hub, by schemathesis: every operation, every check, over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from exchange.api.app import ROUTES, STREAMS
from exchange.auth.tokens import issue
from exchange.config import Home
from exchange.core.access import MAY_HAVE, Scope
from exchange.core.model import PartyId
from exchange.running import Exchange
from exchange.sandbox import making
from exchange.sandbox.province import ENVIRONMENT, HUB_CODE
from exchange.server import serve
from exchange.wiring import open_exchange

HERE = Path(__file__).parent
EXAMPLES = max(8, int(os.environ.get("FUZZ_EXAMPLES", "0")) // 20)
FIGURES = "figures-for-the-watchman-0001"
OPEN = f"metrics_token = {FIGURES!r}\nrequests_per_second = 0\nbytes_per_minute = 0\nfailures_per_minute = 0\n"
"""The rates are tried elsewhere; here they would end every run after a second."""
WHO = {
    "a party": (ENVIRONMENT, MAY_HAVE),
    "an administrator": (HUB_CODE, frozenset({Scope.ADMINISTER, Scope.AUDIT})),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemathesis") / "hub"
    asyncio.run(making.make(folder))
    return folder


@contextlib.asynccontextmanager
async def giving(exchange: Exchange, party: str, scopes: frozenset[Scope]) -> AsyncIterator[str]:
    """Give a token that works at an address of its own: requests may rotate and revoke the one that they came with."""
    last = ("", "")

    async def give(_request: web.Request) -> web.Response:
        nonlocal last
        own, by = PartyId(party), exchange.author()
        live = [item for item in await exchange.tokens.all(own) if item.revoked_at is None and item.expires_at > by.at]
        if last[1] not in {item.id for item in live}:
            for item in live[-20:]:
                await exchange.tokens.revoke(item.id, by)
            secret, token = await issue(
                exchange.tokens, exchange.entropy, by, party=own, label="schemathesis", scopes=scopes
            )
            last = (secret, token.id)
        return web.Response(text=last[0])

    app = web.Application()
    app.router.add_get("/", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("who", WHO)
async def test_the_hub_is_as_it_describes_itself(template, tmp_path, who) -> None:
    party, scopes = WHO[who]
    folder = tmp_path / "hub"
    shutil.copytree(template, folder)
    with (folder / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(OPEN)
    async with contextlib.AsyncExitStack() as stack:
        exchange = await stack.enter_async_context(open_exchange(Home(folder)))
        url = await stack.enter_async_context(serve(exchange, "127.0.0.1", 0))
        tokens = await stack.enter_async_context(giving(exchange, party, scopes))
        code, said = await _run(url, tokens, tmp_path)
        met = await _statuses(url)
    made = re.search(r"([0-9,]+) generated", said)
    assert code == 0, said
    assert made is not None
    assert int(made[1].replace(",", "")) > 250
    unmet = [route.name for route in (*ROUTES, *STREAMS) if met[route.method, route.path] <= {401, 405}]
    assert unmet == [], "a run that is not let in finds nothing"


async def _statuses(url: str) -> dict[tuple[str, str], set[int]]:
    """Read from the hub's own figures which statuses it has given, by method and route."""
    headers = {"Authorization": f"Bearer {FIGURES}"}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics", headers=headers) as response:
        text = await response.text()
    met: dict[tuple[str, str], set[int]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == "congvan_requests" else ():
            if sample.name.endswith("_total"):
                met[sample.labels["method"], sample.labels["route"]].add(int(sample.labels["status"]))
    return met


async def _run(url: str, tokens: str, folder: Path) -> tuple[int, str]:
    """Run schemathesis in a process of its own, with this folder's hooks and judgement."""
    words = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml")]
    words += ["run", f"{url}/openapi.json", "--checks", "all", "--max-examples", str(EXAMPLES), "--no-color"]
    words += ["--continue-on-failure", "--warnings", "off"]
    # Of an operation whose parameters may be any text little can be made up that is wrong; that is no failure.
    words += ["--suppress-health-check", "filter_too_much"]
    words += ["--generation-deterministic"] if "CI" in os.environ else ["--generation-database", "none"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "CONGVAN_TEST_TOKENS": tokens,
    }
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, said.decode(errors="replace")
