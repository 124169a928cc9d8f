"""A thousand readers wait while sixty-four clients send: everything arrives once, and nobody reads what is another's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.signature.sign import sign
from exchange.client import Client
from exchange.sandbox.province import ENVIRONMENT, FINANCE, LAM_SON, ONE_STOP, TAX

POLLS, SENDERS, LETTERS = 1000, 64, 4
RECEIVERS = (ENVIRONMENT, ONE_STOP, FINANCE, TAX)
ROOT = Path(__file__).parents[2]


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


@contextlib.asynccontextmanager
async def _served(home: Path) -> AsyncIterator[str]:
    environment = {**os.environ, "CONGVAN_REQUESTS_PER_SECOND": "0", "CONGVAN_CONNECTIONS_PER_ADDRESS": "2000"}
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(home), "--port", "0"]
    process = await asyncio.to_thread(_start, command, environment)
    assert process.stdout is not None
    try:
        line = (await asyncio.to_thread(process.stdout.readline)).decode()
        yield next(word for word in line.split() if word.startswith("http://"))
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)
        process.stdout.close()


async def _poll(*arguments) -> None:
    """Poll until told to stop; a broken connection is as wrong as a refusal."""
    try:
        await _poll_on(*arguments)
    except aiohttp.ClientError as error:
        arguments[-1].append(repr(error))
        arguments[-3].set()


async def _poll_on(session, url, token, stop, all_here, got: Counter[str], wrong: list[str]) -> None:
    headers = {"Authorization": f"Bearer {token[1]}"}
    while not stop.is_set():
        body = b'{"limit": 1, "lease_seconds": 600, "wait_seconds": 20}'
        async with session.post(f"{url}/v1/inbox/leases", headers=headers, data=body) as response:
            if response.status != 200:
                wrong.append(f"{response.status} {await response.text()}")
                return
            found = await response.json()
        for item in found:
            got[f"{token[0]} {item['message']}"] += 1
        if got.total() >= SENDERS * LETTERS * 2:
            all_here.set()


async def _send(url, token, letters, sent: list[str]) -> None:
    async with Client(url, token) as client:
        for letter in letters:
            sent.append((await client.submit(letter)).message)


@pytest.mark.timeout(300)
async def test_a_thousand_wait_while_sixty_four_send(hub, tmp_path) -> None:
    key = hub.key(LAM_SON)
    letters: dict[str, list[str]] = {}
    work: list[list[bytes]] = []
    for sender in range(SENDERS):
        mine = []
        for number in range(LETTERS):
            receivers = [RECEIVERS[(sender + number) % 4], RECEIVERS[(sender + number + 1) % 4]]
            drafted = draft_letter(
                sender=Organ(organ_id=LAM_SON),
                receivers=[Organ(organ_id=code) for code in receivers],
                number=f"{sender}-{number}",
                notation="CV-DONG",
                subject="V/v đông người chờ",
                at=hub.exchange.hub.clock.now(),
            )
            letters[drafted.document_id] = receivers
            mine.append(sign(build(drafted), key))
        work.append(mine)
    tokens = [(code, hub.token(code)) for code in RECEIVERS]
    got, wrong, sent, stop = Counter[str](), list[str](), list[str](), asyncio.Event()
    all_here = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(_served(hub.folder))
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        polls = [
            asyncio.create_task(_poll(session, url, tokens[number % 4], stop, all_here, got, wrong))
            for number in range(POLLS)
        ]
        await asyncio.gather(*(_send(url, hub.token(LAM_SON), mine, sent) for mine in work))
        async with asyncio.timeout(120):
            await all_here.wait()
        stop.set()
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
    assert wrong == []
    assert len(set(sent)) == SENDERS * LETTERS
    assert set(got.values()) == {1}
    due = Counter()
    for message in sent:
        filed = await hub.exchange.hub.store.messages.get(message)
        for code in letters[filed.message_id]:
            due[f"{code} {message}"] += 1
    assert got == due
