"""A live hub for adapters, as the integration tests have it, and the rigs that drive each adapter from its local side."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from exchange.client import Client, Trust
from trust_store.keys import HeldKey

_SPEC = importlib.util.spec_from_file_location("live_hub", Path(__file__).parents[1] / "integration" / "conftest.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_LIVE = importlib.util.module_from_spec(_SPEC)
sys.modules["live_hub"] = _LIVE
_SPEC.loader.exec_module(_LIVE)
sandbox_template, hub = _LIVE.sandbox_template, _LIVE.hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Hold what one party's adapter is started with."""

    url: str
    token: str
    key: HeldKey
    trust: Trust
    folder: Path
    arguments: list[str]

    def client(self) -> Client:
        return Client(self.url, self.token, timeout=30)


@pytest.fixture
def side(hub, tmp_path):
    """Give what an adapter of a party needs; the same party again has the same local data."""

    def make(code: str) -> Side:
        place, parties = tmp_path / f"local-{code}", hub.folder / "parties"
        place.mkdir(exist_ok=True)
        token = tmp_path / f"{code}.token"
        token.write_text(hub.token(code) + "\n")
        anchor = hub.folder / "trust-anchor.pem"
        arguments = [
            *("--url", hub.url, "--token-file", str(token), "--anchor", str(anchor)),
            *("--key", str(parties / f"{code}.key.pem"), "--cert", str(parties / f"{code}.cert.pem")),
        ]
        trust = Trust.of([anchor.read_bytes()])
        return Side(
            url=hub.url, token=hub.token(code), key=hub.key(code), trust=trust, folder=place, arguments=arguments
        )

    return make
