"""What the memory of paths promises."""

from __future__ import annotations

import pytest

from trust_store import paths
from trust_store.errors import Misuse
from trust_store.paths import Paths


def test_a_path_names_the_authorities_upward(world):
    path = paths.find(world.signer.certificate, (world.issuing.certificate,), (world.root.certificate,))
    assert path.authorities == (world.issuing.certificate, world.root.certificate)


def test_a_search_is_made_once(world):
    memory, asked = Paths(), (world.signer.certificate, (world.issuing.certificate,), (world.root.certificate,))
    assert memory.find(*asked) is memory.find(*asked)


def test_other_authorities_are_another_search(world):
    memory, signer = Paths(), world.signer.certificate
    issuing, root = (world.issuing.certificate,), (world.root.certificate,)
    assert memory.find(signer, issuing, root).check.reason is None
    assert memory.find(signer, (), root).check.reason is not None
    assert memory.find(signer, issuing, ()).check.reason is not None
    assert memory.find(signer, (), root).authorities == ()


def test_the_memory_is_bounded(world):
    memory, root = Paths(size=3), (world.root.certificate,)
    first = memory.find(world.signer.certificate, (world.issuing.certificate,), root)
    for each in range(3):
        memory.find(world.leaf(f"Signer {each}"), (world.issuing.certificate,), root)
    again = memory.find(world.signer.certificate, (world.issuing.certificate,), root)
    assert again is not first
    assert again == first


def test_a_search_that_would_wait_is_our_own_bug():
    class Waiting:
        def __await__(self):
            yield

    async def wait() -> None:
        await Waiting()

    with pytest.raises(Misuse):
        paths._finish(wait())
