"""Authorities are asked ahead of need; while they are silent letters flow, and stop with the reason when it has lasted too long."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from itertools import pairwise

import pytest

from exchange.core.audit import AuditEvent
from exchange.core.revoking import State
from exchange.errors import Later, Rejected
from exchange.operation.refreshing import standings_of
from tests.servers import web
from tests.servers.responder import answering, is_openssl_here, openssl_responder
from tests.servers.web import Manner

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def reason_of(work) -> str:
    with pytest.raises((Later, Rejected)) as caught:
        await work
    assert isinstance(caught.value, Later) == (caught.value.reason.code in {"revocation-not-known", "revocation-stale"})
    return caught.value.reason.code


async def watched(world) -> dict[str, tuple[int, str]]:
    found = await world.hub.store.sources.watched(world.clock.now())
    return {each.source.place: (each.failures, each.reason) for each in found}


async def events(world, *kinds: AuditEvent) -> list[str]:
    return [each.event for each in await world.exchange.audit.page(0, 1000) if each.event in set(kinds)]


async def test_the_first_letter_of_a_signer_waits_for_the_authority(world) -> None:
    await world.publish()
    filed, _ = await world.submit(world.key())
    assert "not revoked" in filed.verdict
    assert [each.path for each in world.lists.heard] == ["/a.crl"]
    await world.submit(world.key(name="Một người khác"))
    await world.settle()
    assert len(world.lists.heard) == 1


async def test_a_letter_is_told_to_come_again_when_the_authority_is_too_slow(world) -> None:
    key = world.key()
    world.lists.manner = web.silent
    assert await reason_of(world.submit(key)) == "revocation-not-known"
    assert await reason_of(world.submit(key)) == "revocation-not-known"
    await world.settle()
    assert len(world.lists.heard) == 1
    assert await watched(world) == {f"{world.lists.url}/a.crl": (1, "fetch-too-slow")}
    await world.publish()
    world.clock.at += timedelta(seconds=20)
    await world.refresh()
    await world.submit(key)


async def test_many_first_letters_ask_once(world) -> None:
    keys = [world.key(name=f"Người {number}") for number in range(12)]
    world.lists.manner = web.slow(0.3, web.giving(world.authority.list(world.clock.now())))
    await asyncio.gather(*(world.submit(key) for key in keys))
    assert len(world.lists.heard) == 1


async def test_a_revoked_certificate_is_refused_by_the_list_of_its_authority(world) -> None:
    key, other = world.key(), world.key(name="Khác")
    await world.publish(revoked={key.certificate: world.clock.now() - HOUR})
    assert await reason_of(world.submit(key)) == "certificate-revoked"
    await world.submit(other)


async def test_letters_flow_while_everything_is_down_and_stop_after_the_grace_period(world) -> None:
    """The list lasts a day, the grace period three: every hour of that a letter goes through, and not one later."""
    key = world.key(asked=True)
    await world.publish(days=1)
    await world.submit(key)
    begin = world.clock.now()
    await world.lists.close()
    await world.responder.close()
    for hours in (1, 23, 24, 25, 48, 95, 96):
        world.clock.at = begin + hours * HOUR
        await world.refresh()
        await world.submit(key)
    (standing,) = await standings_of(world.exchange.inquiries.desk)
    assert standing.state is State.GRACE
    world.clock.at = begin + 96 * HOUR + timedelta(seconds=1)
    assert await reason_of(world.submit(key)) == "revocation-stale"
    await world.refresh()
    began, ended = AuditEvent.GRACE_BEGAN, AuditEvent.GRACE_ENDED
    assert await events(world, began, ended) == [began, ended]

    await world.lists.open()
    await world.publish()
    world.clock.at += timedelta(minutes=20)
    await world.refresh()
    await world.submit(key)
    assert await events(world, began, ended) == [began, ended, ended]


async def test_a_list_is_fetched_ahead_of_need(world) -> None:
    """Of a list of one day, the next is fetched after about half a day, whether letters come or not."""
    key = world.key()
    await world.publish()
    await world.submit(key)
    begin = world.clock.now()
    world.clock.at = begin + 10 * HOUR
    await world.refresh()
    assert len(world.lists.heard) == 1
    world.clock.at = begin + 14 * HOUR
    await world.publish(revoked={key.certificate: world.clock.now() - HOUR})
    await world.refresh()
    assert len(world.lists.heard) == 2
    assert await reason_of(world.submit(key)) == "certificate-revoked"


async def test_failures_are_asked_about_less_and_less_often_but_never_rarely(world) -> None:
    await world.publish()
    await world.submit(world.key())
    await world.lists.close()
    world.clock.at += 14 * HOUR
    tries = []
    for _ in range(4 * 3600 // 15):
        world.clock.at += timedelta(seconds=15)
        failures = (await watched(world))[f"{world.lists.url}/a.crl"][0]
        await world.refresher.look()
        await world.settle()
        if (await watched(world))[f"{world.lists.url}/a.crl"][0] > failures:
            tries.append(world.clock.now())
    pauses = [later - sooner for sooner, later in pairwise(tries)]
    assert pauses[0] <= timedelta(seconds=60)
    assert max(pauses) <= timedelta(minutes=17)
    assert 15 <= len(tries) <= 40


@pytest.mark.parametrize(
    ("manner", "code"),
    [
        (web.silent, "fetch-too-slow"),
        (web.dripping, "fetch-too-slow"),
        (web.huge(announced=True), "fetch-too-large"),
        (web.garbage, "fetch-answer"),
        (web.page, "revocation-list-malformed"),
        (web.broken_off(b"x" * 5000), "fetch-answer"),
        (web.redirecting("http://169.254.169.254/latest/meta-data/"), "fetch-forbidden"),
        (web.failing("503 Service Unavailable"), "fetch-answer"),
    ],
)
async def test_a_host_of_lists_that_misbehaves_changes_nothing(world, manner: Manner, code: str) -> None:
    key = world.key()
    await world.publish()
    await world.submit(key)
    world.lists.manner = manner
    world.clock.at += 14 * HOUR
    await world.refresh()
    assert (await watched(world))[f"{world.lists.url}/a.crl"] == (1, code)
    await world.submit(key)


async def test_a_list_of_another_key_an_older_and_an_overdue_one_replace_nothing(world) -> None:
    key = world.key()
    begin = world.clock.now()
    old = world.authority.list(begin - HOUR, days=2)
    await world.publish(days=2, revoked={key.certificate: begin - HOUR})
    assert await reason_of(world.submit(key)) == "certificate-revoked"
    stranger = type(world.authority)("CA công cộng", begin)
    for body, code in [
        (old, "revocation-older"),
        (stranger.list(begin + 25 * HOUR), "revocation-authority-unknown"),
        (world.authority.list(begin + 25 * HOUR, key=stranger.key), "revocation-authority-unknown"),
        (world.authority.list(begin + 100 * DAY), "revocation-unusable"),
    ]:
        world.clock.at += 25 * HOUR if world.clock.now() == begin else timedelta(minutes=20)
        world.lists.manner = web.giving(body)
        await world.refresh()
        assert (await watched(world))[f"{world.lists.url}/a.crl"][1] == code
        assert await reason_of(world.submit(key)) == "certificate-revoked"
    world.clock.at = begin + 3 * DAY
    world.lists.manner = web.giving(world.authority.list(begin + HOUR, days=2, number=50))
    await world.refresh()
    assert (await watched(world))[f"{world.lists.url}/a.crl"][1] == "revocation-overdue"


async def test_a_delta_list_is_found_and_counts(world) -> None:
    certificate = world.authority.person(
        "Lam Sơn",
        *world.key().certificate.x509.subject.rdns[0],
        lists=[f"{world.lists.url}/a.crl"],
        freshest=[f"{world.responder.url}/delta.crl"],
    )
    begin = world.clock.now()
    await world.publish(days=7, number=10)
    delta = world.authority.list(begin, {certificate.certificate: begin - HOUR}, number=11, base=10)
    world.responder.manner = web.giving(delta)
    with contextlib.suppress(Rejected):  # whether the complete list comes first is chance
        await world.submit(certificate)
    await world.refresh()
    assert await reason_of(world.submit(certificate)) == "certificate-revoked"


async def test_who_names_a_responder_only_is_asked_about_with_a_nonce(world) -> None:
    key = world.key(listed=False, asked=True)
    responder = world.authority.responder()
    world.responder.manner = answering(world.authority, [key.certificate], world.clock.now, by=responder)
    await world.submit(key)
    world.clock.at += 7 * HOUR
    world.responder.manner = answering(
        world.authority, [key.certificate], world.clock.now, by=responder, revoked=world.clock.now() - HOUR
    )
    await world.refresh()
    assert await reason_of(world.submit(key)) == "certificate-revoked"
    questions = [each.body for each in world.responder.heard]
    assert len(set(questions)) == len(questions) == 2


@pytest.mark.parametrize("how", ["forged", "stranger", "serial", "nonce", "old", "unknown", "garbage", "future"])
async def test_a_wrong_answer_is_no_answer(world, how: str) -> None:
    key, other = world.key(listed=False, asked=True), world.key()
    now, authority = world.clock.now(), world.authority
    known = [key.certificate]
    stranger = type(authority)("CA công cộng", now)
    replayed = web.giving(authority.answer(key.certificate, now, nonce=b"0" * 16))
    serial = web.giving(authority.answer(other.certificate, now))
    world.responder.manner = {
        "forged": web.giving(authority.answer(key.certificate, now)[:-1] + b"\0"),
        "stranger": answering(authority, known, world.clock.now, by=stranger.responder()),
        "serial": serial,
        "nonce": replayed,
        "old": answering(authority, known, lambda: now - DAY, nonce=False),
        "unknown": answering(authority, known, world.clock.now, unknown=True),
        "garbage": web.page,
        "future": answering(authority, known, lambda: now + DAY),
    }[how]
    assert await reason_of(world.submit(key)) == "revocation-not-known"
    (failed,) = (await watched(world)).values()
    assert failed[0] == 1
    assert failed[1] in {"ocsp-answer-other", "revocation-unusable", "ocsp-answer-malformed"}


async def test_an_older_answer_without_a_nonce_takes_no_revocation_back(world) -> None:
    key = world.key(listed=False, asked=True)
    begin = world.clock.now()
    good = world.authority.answer(key.certificate, begin - HOUR, hours=48)
    known = [key.certificate]
    world.responder.manner = answering(world.authority, known, world.clock.now, revoked=begin - HOUR, nonce=False)
    assert await reason_of(world.submit(key)) == "certificate-revoked"
    world.clock.at += 8 * HOUR
    world.responder.manner = web.giving(good)
    await world.refresh()
    assert [each[1] for each in (await watched(world)).values()] == ["revocation-older"]
    assert await reason_of(world.submit(key)) == "certificate-revoked"


@pytest.mark.skipif(not is_openssl_here(), reason="openssl is not installed: no foreign responder is asked")
async def test_openssl_answers_as_a_responder(world, tmp_path) -> None:
    folder = tmp_path / "ocsp"
    folder.mkdir()
    good, bad = (world.key(listed=False, asked=True, name=name) for name in ("Tốt", "Xấu"))
    await world.responder.close()
    known = [good.certificate, bad.certificate]
    async with openssl_responder(folder, world.authority, known, [bad.certificate], world.responder.port):
        await world.submit(good)
        assert await reason_of(world.submit(bad)) == "certificate-revoked"


async def test_certificates_of_parties_are_looked_after_before_they_sign(world) -> None:
    listed, asked = world.key(), world.key(listed=False, asked=True)
    await world.publish()
    world.responder.manner = answering(world.authority, [asked.certificate], world.clock.now)
    for key in (listed, asked):
        await world.exchange.registry.add_certificate((await world.party()).id, key.certificate, world.clock.now())
    await world.refresh()
    await world.lists.close()
    await world.responder.close()
    await world.submit(listed)
    await world.submit(asked)


async def test_an_authority_between_is_looked_after(world) -> None:
    below = type(world.authority)(
        "CA dưới", world.clock.now(), parent=world.authority, lists=[f"{world.lists.url}/root.crl"]
    )
    await world.exchange.trust.trust(below.certificate, "intermediate", world.clock.now())
    key = below.person(
        "Lam Sơn",
        *world.key().certificate.x509.subject.rdns[0],
        lists=[f"{world.responder.url}/below.crl"],
    )
    await world.publish()
    world.responder.manner = web.giving(below.list(world.clock.now()))
    await world.submit(key)
    world.clock.at += 14 * HOUR
    await world.publish(revoked={below.certificate: world.clock.now() - HOUR})
    await world.refresh()
    assert await reason_of(world.submit(key)) == "certificate-revoked"


async def test_nobody_makes_the_hub_fetch_for_a_certificate_that_leads_nowhere(world) -> None:
    stranger = type(world.authority)("CA lạ", world.clock.now())
    key = stranger.person("Lam Sơn", *world.key().certificate.x509.subject.rdns[0], lists=[f"{world.lists.url}/x.crl"])
    assert await reason_of(world.submit(key)) == "path-untrusted"
    await world.refresh()
    assert world.lists.heard == []
    assert await watched(world) == {}
