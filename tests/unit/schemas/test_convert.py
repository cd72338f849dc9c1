"""Records of records, whatever holds them, to plain dictionaries and back."""

import json
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from schemas.convert import from_dict, to_dict
from schemas.records.vocabulary import Severity


@dataclass(frozen=True, slots=True)
class Leaf:
    """Something small."""

    value: float = 0.0
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class Tree:
    """Holds it in every way that a state does."""

    one: Leaf = field(default_factory=Leaf)
    perhaps: Leaf | None = None
    row: tuple[Leaf, ...] = ()
    pairs: tuple[tuple[float, float], ...] = ()
    some: list[Leaf] = field(default_factory=list)
    named: dict[str, Leaf] = field(default_factory=dict)
    mixed: tuple[int, str] = (0, "")


_LEAVES = st.builds(Leaf, st.floats(-1e9, 1e9), st.sampled_from(list(Severity)))
_PAIRS = st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
_TREES = st.builds(
    Tree, _LEAVES, st.none() | _LEAVES, st.lists(_LEAVES, max_size=3).map(tuple), st.lists(_PAIRS, max_size=3).map(tuple),
    st.lists(_LEAVES, max_size=3), st.dictionaries(st.text(max_size=3), _LEAVES, max_size=3), st.tuples(st.integers(), st.text()),
)  # fmt: skip


@given(_TREES)
def test_what_is_taken_apart_is_put_together(tree: Tree) -> None:
    """Through JSON, which knows no tuples."""
    assert from_dict(Tree, json.loads(json.dumps(to_dict(tree)))) == tree
