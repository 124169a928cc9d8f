"""This hub as a witness over HTTP (C2SP tlog-witness): texts and statuses as that has them, for logs of any kind."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from envelopes.log.witnessing import (
    MALFORMED,
    MAX_REQUEST,
    NO_PROOF,
    SPLIT,
    STALE_SIZE,
    UNKNOWN_LOG,
    UNTRUSTED,
    StaleSize,
)
from exchange.core.reading import Reading
from exchange.logs import note
from exchange.net.bodies import announced
from exchange.net.gate import Gate
from exchange.net.origin import client_of
from trust_store.errors import Refused

PREFIX: Final = "/log/witness"
SIZE_TYPE: Final = "text/x.tlog.size"
STATUS: Final = {
    MALFORMED.code: 400,
    UNTRUSTED.code: 403,
    UNKNOWN_LOG.code: 404,
    STALE_SIZE.code: 409,
    SPLIT.code: 409,
    NO_PROOF.code: 422,
}
"""The statuses that C2SP tlog-witness gives its refusals; all others are answered as everywhere."""


class OpenWitness:
    """Answer logs that ask for cosignatures; they show no credential but the signature on the checkpoint."""

    def __init__(self, reading: Reading, gate: Gate) -> None:
        self._reading, self._gate = reading, gate

    def mount(self, app: web.Application) -> None:
        """Add the operations to an application."""
        app.router.add_get(f"{PREFIX}/key", self._key)
        app.router.add_post(f"{PREFIX}/add-checkpoint", self._add)

    async def _key(self, _request: web.Request) -> web.StreamResponse:
        """Give the verifier key of the witness: whoever relies on it compares it by another way first."""
        return _text(f"{await self._reading.witness.vkey()}\n")

    async def _add(self, request: web.Request) -> web.StreamResponse:
        gate, client = self._gate, f"address {client_of(request, self._gate.proxies)}"
        with gate.admission.slot() as slot:
            slot.claim(client)
            gate.rates.count_request(client)
            with gate.admission.room(client, announced(request, MAX_REQUEST)):
                body = await gate.receive(request, client, MAX_REQUEST)
                try:
                    return _text(await gate.finish(self._reading.witness.cosign(body)))
                except Refused as refusal:
                    return _answer(refusal)


def _answer(refusal: Refused) -> web.StreamResponse:
    code = refusal.reason.code
    if code not in STATUS:
        raise refusal
    note(code=code)
    if isinstance(refusal, StaleSize):
        return web.Response(body=b"%d\n" % refusal.size, status=STATUS[code], headers={"Content-Type": SIZE_TYPE})
    return _text(f"{code}: {refusal.text}\n", STATUS[code])


def _text(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/plain", charset="utf-8")
