"""Several authorities over real HTTP, one standing in for another; whatever one does wrong, the reason is told."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exchange.core.stamping import FAILURES, TimeAuthorities
from exchange.machine import SystemEntropy
from exchange.net.posting import HttpPoster
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.policy import Policy

_SPEC = importlib.util.spec_from_file_location("stamping", Path(__file__).parents[2] / "stamping.py")
assert _SPEC is not None
assert _SPEC.loader is not None
stamping = sys.modules.setdefault("stamping", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(stamping)

IMPRINT = hashlib.sha256(b"root").digest()


class Hands:
    """What authorities are asked with: a clock that can be moved, and the evidence that trusts some of them."""

    def __init__(self) -> None:
        self.ahead, self.anchors = timedelta(), []

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def evidence(self) -> Evidence:
        return Evidence(anchors=tuple(self.anchors))


class Scene:
    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack, self.hands, self.urls = stack, Hands(), []

    async def authority(self, spoil: str = "", *, trusted: bool = True, **more):
        root, made = stamping.make_stamper(spoil=spoil, **more)
        if trusted:
            self.hands.anchors.append(root.certificate)
        self.urls.append(await self.stack.enter_async_context(stamping.serving(made)))
        return made

    def asking(self, seconds: float = 0.5) -> TimeAuthorities:
        return TimeAuthorities(
            urls=tuple(self.urls),
            poster=HttpPoster(seconds),
            trust=self.hands,
            clock=self.hands,
            entropy=SystemEntropy(),
            policy=Policy(),
            skew=timedelta(minutes=5),
        )


@pytest.fixture
async def scene():
    async with AsyncExitStack() as stack:
        yield Scene(stack)


async def test_the_first_authority_that_answers_well_is_taken(scene) -> None:
    first, second = await scene.authority(), await scene.authority()
    asking = scene.asking()
    token = await asking.stamp(IMPRINT)
    assert (token.imprint, token.authority) == (IMPRINT, first.key.certificate)
    assert (first.asked, second.asked, asking.given) == (1, 0, 1)


WRONG = {
    "imprint": "timestamp-other-data",
    "nonce": "timestamp-replayed",
    "garbage": "timestamp-malformed",
    "denied": "timestamp-denied",
    "signature": "timestamp-forged",
    "silent": "timestamp-no-answer",
    "500": "timestamp-no-answer",
    "huge": "timestamp-no-answer",
}


@pytest.mark.parametrize("spoil", WRONG)
async def test_one_that_answers_wrongly_is_passed_over_for_its_own_reason(scene, spoil: str) -> None:
    await scene.authority(spoil)
    second = await scene.authority()
    asking = scene.asking()
    assert (await asking.stamp(IMPRINT)).authority == second.key.certificate
    assert [said.split(": ")[1] for said in asking.said] == [WRONG[spoil]]


async def test_an_expired_a_strange_and_an_untrusted_authority_are_passed_over(scene) -> None:
    await scene.authority(end=datetime.now(UTC) - timedelta(days=1))
    await scene.authority(critical=False)
    await scene.authority(trusted=False)
    good = await scene.authority()
    asking = scene.asking()
    assert (await asking.stamp(IMPRINT)).authority == good.key.certificate
    reasons = [said.split(": ")[1] for said in asking.said]
    assert reasons == ["certificate-expired", "timestamp-purpose", "path-untrusted"]


async def test_an_old_token_is_not_taken_for_a_new_one(scene) -> None:
    made = await scene.authority("replay")
    asking = scene.asking()
    await asking.stamp(IMPRINT)
    with pytest.raises(Refused) as caught:
        await asking.stamp(IMPRINT)
    assert made.asked == 2
    assert caught.value.reason.code == "timestamp-unavailable"
    assert "timestamp-replayed" in caught.value.detail


async def test_a_slow_one_is_waited_for_as_long_as_is_set_and_no_longer(scene) -> None:
    (await scene.authority()).delay = 30
    good = await scene.authority()
    started = time.monotonic()
    assert (await scene.asking(0.3).stamp(IMPRINT)).authority == good.key.certificate
    assert time.monotonic() - started < 5


async def test_one_that_fails_again_and_again_is_left_alone_and_asked_again_later(scene) -> None:
    bad, good = await scene.authority("500"), await scene.authority()
    asking = scene.asking()
    for _ in range(FAILURES + 2):
        await asking.stamp(IMPRINT)
    assert good.asked == FAILURES + 2
    assert asking.failed == FAILURES
    bad.spoil = ""
    scene.hands.ahead = timedelta(seconds=61)
    assert (await asking.stamp(IMPRINT)).authority == bad.key.certificate
    assert asking.said == ()


async def test_when_all_are_silent_that_is_told_with_what_each_said(scene) -> None:
    first, second = await scene.authority("500"), await scene.authority("garbage")
    asking = scene.asking()
    with pytest.raises(Refused) as caught:
        await asking.stamp(IMPRINT)
    assert caught.value.reason.code == "timestamp-unavailable"
    assert "status 500" in caught.value.detail
    assert "timestamp-malformed" in caught.value.detail
    assert asking.silent_since is not None
    first.spoil = second.spoil = ""
    await asking.stamp(IMPRINT)
    assert asking.silent_since is None


async def test_nobody_named_is_nobody_asked(scene) -> None:
    with pytest.raises(Refused) as caught:
        await scene.asking().stamp(IMPRINT)
    assert caught.value.reason.code == "timestamp-unavailable"


async def test_a_clock_that_is_off_is_told(scene) -> None:
    await scene.authority()
    scene.hands.ahead = timedelta(minutes=-20)
    with pytest.raises(Refused, match="timestamp-clock"):
        await scene.asking().stamp(IMPRINT)
