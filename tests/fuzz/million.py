"""`make mutants MUTANTS=1000000`: try so many mutants in processes of their own, and print what became of them.

A worker that is silent for two minutes is killed and its mutant named; nothing is begun after the seconds that are given. Exit code 1 when anything
breaks the rule, takes more than half a second of processor time, or fails otherwise than by a refusal.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz.mutants import SEED, describe, judge_mutant, make, originals

BATCH, SILENCE, SLOW = 500, 120, 0.5
ROOT = Path(__file__).parents[2]


def work(options: argparse.Namespace) -> None:
    """Try every so-many-th mutant; write one line of counts for each batch, and the number at work into a file."""
    step, count, seed = options.workers, options.count, options.seed
    originals()
    end = time.monotonic() + options.seconds
    with options.progress.open("wb", buffering=0) as at_work:
        for start in range(options.worker, count, step * BATCH):
            if time.monotonic() > end:
                break
            counts: Counter[str] = Counter()
            failures, slowest = [], (0.0, 0)
            for number in range(start, min(start + step * BATCH, count), step):
                os.pwrite(at_work.fileno(), b"%-12d" % number, 0)
                mutant = make(number, seed)
                begun = time.process_time()
                try:
                    counts[judge_mutant(mutant)] += 1
                except Exception:
                    failures.append(f"{traceback.format_exc()}\n{describe(mutant)}")
                slowest = max(slowest, (time.process_time() - begun, number))
            print(json.dumps({"counts": counts, "failures": failures, "slowest": slowest}), flush=True)


def main() -> int:
    """Start the workers, add their counts up, and print the table."""
    options = _options()
    if options.worker is not None:
        work(options)
        return 0
    begun, counts, slowest = time.monotonic(), Counter[str](), (0.0, 0)
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        batches = _batches(options, Path(folder), failures)
        for batch in iter(batches.get, None):
            counts.update(batch["counts"])
            failures.extend(batch["failures"])
            slowest = max(slowest, tuple(batch["slowest"]))
    if slowest[0] > SLOW:
        failures.append(f"mutant {slowest[1]} took {slowest[0]:.2f} s")
    _print(counts, slowest, time.monotonic() - begun)
    for failure in failures:
        print(failure)
    print(f"{len(failures)} failures, {options.count - sum(counts.values()):,} mutants not tried")
    return 1 if failures else 0


def _batches(options: argparse.Namespace, folder: Path, failures: list[str]) -> queue.Queue[dict | None]:
    """Run the workers; their batches come out of the queue, and None after the last."""
    found: queue.Queue[dict | None] = queue.Queue()

    def follow(index: int) -> None:
        progress = folder / str(index)
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.fuzz.million",
            "--worker",
            str(index),
            "--progress",
            str(progress),
        ]
        command += ["--count", str(options.count), "--workers", str(options.workers)]
        command += ["--seed", str(options.seed), "--seconds", str(options.seconds)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        timer = _watch(process)
        for line in process.stdout:
            timer.cancel()
            found.put(json.loads(line))
            timer = _watch(process)
        timer.cancel()
        if process.wait():
            failures.append(f"a worker ended with {process.returncode} at mutant {progress.read_text().strip()}")

    threads = [threading.Thread(target=follow, args=(index,)) for index in range(options.workers)]

    def wait() -> None:
        for thread in threads:
            thread.join()
        found.put(None)

    for thread in (*threads, threading.Thread(target=wait)):
        thread.start()
    return found


def _watch(process: subprocess.Popen[str]) -> threading.Timer:
    timer = threading.Timer(SILENCE, process.kill)
    timer.daemon = True
    timer.start()
    return timer


def _print(counts: Counter[str], slowest: tuple[float, int], seconds: float) -> None:
    total = sum(counts.values())
    print(
        f"{total:,} mutants in {seconds:,.0f} s; the slowest answer took {slowest[0] * 1000:.0f} ms (mutant {slowest[1]})"
    )
    for name, count in counts.most_common():
        print(f"{count:>10,}  {name}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--seconds", type=int, default=14_400, help="begin no batch after so long")
    parser.add_argument("--worker", type=int)
    parser.add_argument("--progress", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
