"""Run a script in a process of its own that has imported the product already: a fork of a clean server, killed like any other.

To import everything anew costs a second each time; `tests/faults` starts hundreds of processes.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_CONTEXT: Any = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.preload"])


def run(script: Path, *arguments: object, timeout: float = 60) -> tuple[int, bytes]:
    """Run a script as its main program; return its exit code (-9 when it was killed) and what it printed."""
    with tempfile.NamedTemporaryFile() as out:
        told = (str(script), [str(each) for each in arguments], dict(os.environ), out.name)
        process = _CONTEXT.Process(target=_become, args=told)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{script.name} did not end in {timeout} seconds")
        return process.exitcode, out.read()


def _become(script: str, arguments: list[str], environment: Mapping[str, str], out: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = [script, *arguments]
    descriptor = os.open(out, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    runpy.run_path(script, run_name="__main__")
    sys.stdout.flush()
