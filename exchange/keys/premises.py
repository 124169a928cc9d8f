"""See before a hub is served by several processes that its keys in devices can be used: by one process, with one try."""

from __future__ import annotations

import subprocess
import sys

from exchange.config import Home
from exchange.operation.records import open_records
from exchange.storage.hub_keys import read_keys
from trust_store.key_names import is_device


def require_devices(home: Home) -> None:
    """End this program when a key in a device cannot be used: many processes would spend the tries of its PIN.

    It is tried in a process of its own, for a driver that was loaded does not survive a fork.
    """
    with open_records(home) as session:
        if not any(is_device(each.place) for each in read_keys(session) if each.retired_at is None):
            return
    command = [sys.executable, "-m", "exchange", "hub", "key", "check", "--dir", str(home.folder)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - this program itself
    if done.returncode:
        sys.exit(done.returncode)
