"""The lists of units are sent packed where that is taken, not twice, and followed by what changed."""

from __future__ import annotations

import dataclasses
import gzip
import json

BIM_SON = "000.00.32.H56"


async def _ask(client, operation: str, **more: str) -> tuple[int, dict[str, str], bytes]:
    """Ask for a list with headers that are not signed, as a client or a cache before it may add."""
    head = client._head("POST", operation, {}, 0, "application/json", cut=True)
    added = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in more.items()).encode()
    return await client.wire.send(head.replace(b"User-Agent", added + b"User-Agent"))


async def test_a_list_is_packed_where_that_is_taken_and_not_sent_twice(pair) -> None:
    one, _ = pair
    status, headers, plain = await _ask(one, "getAgenciesList")
    assert (status, json.loads(plain)["ErrorCode"]) == (200, "0")
    _, packing, packed = await _ask(one, "getAgenciesList", Accept_Encoding="gzip,deflate")
    assert packing["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    for tag in (headers["Etag"], packing["Etag"]):
        assert (await _ask(one, "getAgenciesList", If_None_Match=tag))[::2] == (304, b"")
    assert (await _ask(one, "getAgenciesList", If_None_Match='"another"'))[0] == 200


async def test_ministries_and_provinces_can_be_asked_for_alone(pair) -> None:
    one, _ = pair
    top = (await one.call("getAgenciesListQD20", level="1"))["data"]
    every = (await one.call("getAgenciesListQD20", level="2"))["data"]
    assert 0 < len(top) < len(every)
    assert all(unit in every for unit in top)
    assert (await one.call("getAgenciesListQD20", level="x"))["ErrorCode"] == "20"


async def test_units_are_followed_by_what_changed_after_a_version(axis, pair) -> None:
    one, _ = pair
    units = (await one.call("getSynchronizeUnit"))["data"]
    last = max(item["version"] for item in units)
    party = next(item for item in await axis.exchange.hub.store.directory.all() if item.id == BIM_SON)
    await axis.exchange.registry.put(dataclasses.replace(party, name="Tên mới"), axis.exchange.author())
    changed = (await one.call("getSynchronizeUnit", sinceVersion=str(last)))["data"]
    assert [(item["code"], item["name"]) for item in changed] == [(BIM_SON, "Tên mới")]
    assert (await one.call("getSynchronizeUnit", sinceVersion="-1"))["ErrorCode"] == "20"
    again = (await one.call("getSynchronizeUnit", sinceVersion="", fromDate="01/01/2030 00:00:00"))["data"]
    assert len(again) == len(units), "what a client sent before for something else changes nothing here"
