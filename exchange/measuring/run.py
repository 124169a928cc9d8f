"""Make a hub for measuring in a folder of its own, serve it as a process of its own, and measure."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from envelopes.drafting import draft_letter
from envelopes.edxml import Organ, build
from envelopes.opened import VIETNAM
from envelopes.signature.sign import sign
from exchange.measuring import floor
from exchange.measuring.load import Side, exchange_all
from exchange.sandbox import making, ready
from exchange.sandbox.province import ENVIRONMENT, LAM_SON
from trust_store.errors import Misuse
from trust_store.keys import HeldKey, load_pem

WARM_UP: Final = 32
START_SECONDS: Final = 30


async def measure(*, documents: int, size: int, clients: int, workers: int) -> dict[str, Any]:
    """Send `documents` letters of about `size` bytes through a real hub over HTTP, durably, and compare with the floor."""
    with tempfile.TemporaryDirectory(prefix="congvan-bench-") as folder:
        home = Path(folder) / "hub"
        await making.make(home, history=False)
        record = ready.read(home / ready.FILE)
        key = _key(home / "parties" / LAM_SON)
        letters = [_letter(key, number, size) for number in range(1, documents + WARM_UP + 1)]
        sender, receiver = _side(record, LAM_SON), _side(record, ENVIRONMENT)
        async with _served(home, workers) as url:
            await exchange_all(url, sender, receiver, letters[:WARM_UP], clients)
            spent, timings = await exchange_all(url, sender, receiver, letters[WARM_UP:], clients)
        pieces = await floor.measure(letters[WARM_UP:], key, Path(folder))
    bare = floor.per_second(pieces)
    return {
        "documents": documents,
        "document_bytes": len(letters[0]),
        "clients": clients,
        "workers": workers,
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "documents_per_second": round(documents / spent, 1),
        "floor_per_second": round(bare, 1),
        "ratio_to_floor": round(documents / spent / bare, 3),
        "latency_ms": timings.percentiles(),
        "floor_ms": {name: round(value * 1000, 3) for name, value in pieces.items()},
    }


def _key(stem: Path) -> HeldKey:
    return load_pem(Path(f"{stem}.key.pem").read_bytes(), Path(f"{stem}.cert.pem").read_bytes())


def _letter(key: HeldKey, number: int, size: int) -> bytes:
    drafted = draft_letter(
        sender=Organ(organ_id=LAM_SON),
        receivers=[Organ(organ_id=ENVIRONMENT)],
        number=str(number),
        notation="CV-DO",
        subject="V/v đo tốc độ trao đổi văn bản",
        at=datetime.now(VIETNAM),
        files=[("do.pdf", b"%PDF-1.4 " + b"x" * max(0, (size - 5600) * 3 // 4))],
    )
    return sign(build(drafted), key)


def _side(record: ready.Ready, code: str) -> Side:
    listed = record.party(code)
    if listed is None:
        raise Misuse(f"the sandbox has no party {code}")
    return Side(code=code, token=listed.token)


@contextlib.asynccontextmanager
async def _served(home: Path, workers: int) -> AsyncIterator[str]:
    """Serve the hub as `congvan serve` does, in processes of its own, and stop it at the end."""
    command = [sys.executable, "-m", "exchange", "serve", "--dir", str(home), "--port", "0"]
    command += ["--workers", str(workers)]
    unlimited = ("REQUESTS_PER_SECOND", "BYTES_PER_MINUTE", "LETTERS_PER_DAY", "LETTER_BYTES_PER_DAY")
    environment = {**os.environ, **{f"CONGVAN_{name}": "0" for name in unlimited}}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        if process.stdout is None:
            raise Misuse("the hub has no output")
        async with asyncio.timeout(START_SECONDS):
            line = (await process.stdout.readline()).decode()
        yield next(word.rstrip(".,") for word in line.split() if word.startswith("http://"))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
