"""Kill the process after every numbered step of an approval: there is no certificate or all of it, and never two."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from exchange.config import Home
from exchange.core.applications import Application, ApplicationState
from exchange.core.enrolling import Applicant
from exchange.core.model import PartyId
from exchange.running import Exchange
from exchange.sandbox import making
from exchange.sandbox.province import LAM_SON
from exchange.wiring import open_exchange
from tests.faults import nursery
from trust_store.enrol import new_key
from trust_store.enrol_request import make_request

CHILD = Path(__file__).parent / "hub_process.py"
PARTY = PartyId(LAM_SON)
STEPS = ["enrol.1-decide", "enrol.2-sign", "enrol.3-register"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "hub"
    asyncio.run(making.make(folder, history=False))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    shutil.copytree(template, tmp_path / "hub")
    return Home(tmp_path / "hub")


async def apply(exchange: Exchange) -> Application:
    party = await exchange.hub.store.directory.get(PARTY)
    assert party is not None
    asker = Applicant(party=party, actor="test")
    return await exchange.hub.enrolment.request(asker, make_request(new_key(), LAM_SON, ""))


def approve(home: Home, application: str, last: str) -> tuple[int, str]:
    """Approve in a process of its own, which dies after a step."""
    code, out = nursery.run(CHILD, home.folder, LAM_SON, last, "approve", application)
    return code, out.decode().strip()


@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_leaves_nothing_or_all_and_a_retry_gives_the_same_certificate(home, step) -> None:
    async with open_exchange(home) as exchange:
        asked = await apply(exchange)
        before = {each.fingerprint for each in await exchange.registry.certificates(PARTY)}
    assert approve(home, asked.id, step)[0] == -signal.SIGKILL
    async with open_exchange(home) as exchange:
        left = await exchange.hub.enrolment.find(asked.id)
        known = {each.fingerprint for each in await exchange.registry.certificates(PARTY)} - before
        would = await exchange.hub.enrolment._certificate(left)
        if step == STEPS[-1]:
            assert (left.state, known) == (ApplicationState.COMPLETED, {would.fingerprint})
        else:
            assert (left.state, known) == (ApplicationState.APPROVED, set())
    for _ in range(2):
        assert approve(home, asked.id, "none") == (0, would.fingerprint)
    async with open_exchange(home) as exchange:
        assert {each.fingerprint for each in await exchange.registry.certificates(PARTY)} - before == {
            would.fingerprint
        }
        rows = [row.event for row in await exchange.audit.page(0, 1000)]
        assert [rows.count(each) for each in ("application-approved", "certificate-issued")] == [1, 1]


async def test_nobody_need_come_back_after_a_kill(home) -> None:
    async with open_exchange(home) as exchange:
        asked = await apply(exchange)
    approve(home, asked.id, STEPS[0])
    async with open_exchange(home) as exchange:
        assert await exchange.hub.enrolment.finish_all() == []
        assert (await exchange.hub.enrolment.find(asked.id)).state is ApplicationState.COMPLETED
