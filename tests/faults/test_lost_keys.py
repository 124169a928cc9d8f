"""Kill the process with SIGKILL at every point of a declaration, and look: all of it is there, or nothing."""

from __future__ import annotations

import asyncio
import shutil
import signal
from datetime import datetime
from pathlib import Path

import pytest

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.config import Home
from exchange.core.model import PartyId
from exchange.running import Exchange
from exchange.sandbox import making
from exchange.sandbox.province import ENVIRONMENT, HUB_CODE, LAM_SON, ONE_STOP
from exchange.wiring import open_exchange
from tests.faults import nursery
from trust_store.keys import HeldKey, load_pem

CHILD, ROOT = Path(__file__).parent / "declaring_process.py", Path(__file__).parents[2]
BEFORE = ["declare.1-check", "in _revoke", "in _mark", "in _audit", "in tell_compromised", "in insert_notices"]
AFTER = ["declare.2-commit", "declare.3-ring"]
TOLD = (LAM_SON, ENVIRONMENT, ONE_STOP, HUB_CODE)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("declaring") / "hub"

    async def prepare() -> None:
        await making.make(folder, history=False)
        async with open_exchange(Home(folder)) as exchange:
            sender = await exchange.hub.store.directory.get(PartyId(LAM_SON))
            for number in (1, 2):
                await exchange.hub.submit(sender, _letter(number, _key(folder)))
            reader = await exchange.hub.store.directory.get(PartyId(ENVIRONMENT))
            (first, _) = await exchange.hub.store.mailboxes.of_message((await _sent(exchange))[0])
            await exchange.hub.acknowledge(reader, first.key)

    asyncio.run(prepare())
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "hub")
    return tmp_path / "hub"


def _key(folder: Path) -> HeldKey:
    stem = folder / "parties" / LAM_SON
    return load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())


def _letter(number: int, key: HeldKey) -> bytes:
    drafted = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=code) for code in (ENVIRONMENT, ONE_STOP)],
        number=str(number),
        notation="CV-LS",
        subject="Thử sự cố",
        at=datetime.now(VIETNAM),
        files=[("a.pdf", b"%PDF-1.4 x")],
    )
    return sign(build(drafted), key)


async def _sent(exchange: Exchange) -> list[str]:
    from exchange.core.finding import Search

    return [item.key for item in await exchange.hub.store.messages.sent(PartyId(LAM_SON), Search())]


def _declare(home: Path, point: str) -> int:
    certificate = _key(home).certificate.fingerprint
    return nursery.run(CHILD, home, certificate, point)[0]


def _left(home: Path) -> dict[str, object]:
    """Tell what is there: of revocation, marks, remarks, notices and audit."""

    async def look() -> dict[str, object]:
        async with open_exchange(Home(home)) as exchange:
            store, keys = exchange.hub.store, await _sent(exchange)
            marks = [item.held.value for key in keys for item in await store.mailboxes.of_message(key)]
            told = [len(await store.notices.page(PartyId(code), unread=False, after=None, limit=10)) for code in TOLD]
            return {
                "revoked": len((await store.trust.evidence()).revoked),
                "marks": sorted(marks),
                "remarks": [len(await store.messages.remarks(key)) for key in keys],
                "notices": told,
                "audit": sum(item.event == "key-compromised" for item in await store.audit.page(0, 1000)),
            }

    return asyncio.run(look())


NOTHING = {"revoked": 0, "marks": [""] * 4, "remarks": [0, 0], "notices": [0] * 4, "audit": 0}
ALL = {
    "revoked": 1,
    "marks": ["quarantined", "quarantined", "quarantined", "suspect"],
    "remarks": [1, 1],
    "notices": [1] * 4,
    "audit": 1,
}


@pytest.mark.parametrize("point", BEFORE)
def test_killed_before_the_commit_nothing_is_there_and_the_next_try_does_all(home: Path, point: str) -> None:
    assert _declare(home, point) == -signal.SIGKILL
    assert _left(home) == NOTHING
    assert _declare(home, "none") == 0
    assert _left(home) == ALL


@pytest.mark.parametrize("point", AFTER)
def test_killed_after_the_commit_all_is_there_once(home: Path, point: str) -> None:
    assert _declare(home, point) == -signal.SIGKILL
    assert _left(home) == ALL
    assert _declare(home, "none") == 0
    assert _left(home) == ALL
