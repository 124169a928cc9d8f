"""Run one round of an adapter in a process of its own, and die by SIGKILL right after a named step.

Arguments: the adapter's name, its local folder, url, token, key file, certificate file, anchor file, the step.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
from pathlib import Path

from adapters.base import Desk, Pace
from adapters.courier import Courier
from exchange.client import Client, Trust, open_key

_SPEC = importlib.util.spec_from_file_location("rigs", Path(__file__).with_name("rigs.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
rigs = importlib.util.module_from_spec(_SPEC)
sys.modules["rigs"] = rigs
_SPEC.loader.exec_module(rigs)


class DyingProgress:
    """Kill this process after a step; nothing gets a chance to clean up."""

    def __init__(self, last: str) -> None:
        self._last = last

    def passed(self, step: str) -> None:
        if step == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


async def act(name: str, folder: str, url: str, token: str, key: str, cert: str, anchor: str, last: str) -> None:
    trust = Trust.of([Path(anchor).read_bytes()])
    held = open_key(key, certificates=Path(cert).read_bytes())
    with rigs.RIGS[name].open(Path(folder), held, trust) as local:
        async with Client(url, token, timeout=30) as client:
            desk = Desk(
                client=client,
                local=local,
                spool=local.spool,
                trust=trust,
                pace=Pace(lease=1, poll=0.2),
                progress=DyingProgress(last),
            )
            await Courier(desk=desk).run_once()


if __name__ == "__main__":
    asyncio.run(act(*sys.argv[1:]))
