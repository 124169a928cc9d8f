"""Writers of one database take turns, and one that dies holds nobody up."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from exchange.storage.turn import Turn

HOLD = """
import sys, time
from pathlib import Path
from exchange.storage.turn import Turn
turn = Turn(Path(sys.argv[1]))
turn.wait()
print("held", flush=True)
time.sleep(60)
"""


def test_one_has_the_turn_and_the_next_gets_it_when_it_is_given(tmp_path: Path) -> None:
    first, second = Turn(tmp_path / "hub.db"), Turn(tmp_path / "hub.db")
    assert first.take_now()
    assert not second.take_now()
    has_turn = threading.Event()

    def wait() -> None:
        second.wait()
        has_turn.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not has_turn.wait(0.1)
    first.give()
    assert has_turn.wait(10)
    waiting.join()
    assert not first.take_now()
    second.close()
    assert first.take_now(), "closing lets go"
    first.close()


def test_a_process_that_is_killed_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        turn = Turn(path)
        assert not turn.take_now()
        holder.kill()
        holder.wait()
        assert turn.take_now()
        turn.close()
    assert (path.with_name("hub.db-turn").stat().st_mode & 0o777) == 0o600
