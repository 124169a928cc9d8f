"""A table under changes looks like a table that was changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exchange.core.layers import FEW, Layers, lay

KEYS = st.integers(0, 8)
CHANGES = st.lists(st.tuples(st.dictionaries(KEYS, st.integers(), max_size=4), st.sets(KEYS, max_size=4)), max_size=6)


@given(st.dictionaries(KEYS, st.integers()), CHANGES)
def test_layers_are_what_a_changed_copy_is(below, changes) -> None:
    shown, copy = below, dict(below)
    for changed, gone in changes:
        before = dict(shown)
        after = lay(changed, gone, shown)
        copy = {key: value for key, value in copy.items() if key not in gone} | changed
        assert dict(after) == copy
        assert (len(after), set(after)) == (len(copy), set(copy))
        assert [after.get(key) for key in range(10)] == [copy.get(key) for key in range(10)]
        assert dict(shown) == before, "what was there before stays"
        shown = after


def test_many_changes_are_not_kept_as_layers() -> None:
    shown = lay(dict.fromkeys(range(FEW), 0), (), {})
    assert isinstance(shown, Layers)
    assert type(lay({FEW: 0}, (), shown)) is dict
