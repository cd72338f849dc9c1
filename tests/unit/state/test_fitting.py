"""The quick yes to a payload's shape: where it says yes, nothing is wrong; and what is right in the usual way gets it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.convert import to_dict
from schemas.records.analysis import DataQuality, IncidentCandidate
from schemas.records.command import ActionRecord, Decision
from schemas.records.vocabulary import Severity
from schemas.samples import sample
from state.fitting import fits, record_fits
from state.shapes import checks, misfit, record_misfit, shape

FIELDS: dict[str, Any] = {
    "text": str, "whole": int, "number": float, "truth": bool, "word": Severity, "texts": list[str],
    "by_name": dict[str, int], "maybe": int | None, "nested": list[DataQuality], "any": Any,
}  # fmt: skip
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(Severity).map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_FITTING = {
    "text": "a", "whole": 7, "number": 7, "truth": True, "word": "CRITICAL", "texts": ["a"], "by_name": {"a": 1},
    "maybe": None, "nested": [to_dict(sample(DataQuality))], "any": [None],
}  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), _JSON), st.sets(st.sampled_from(sorted(FIELDS))))
def test_a_yes_is_never_said_to_what_does_not_fit(changed: dict[str, Any], left_out: set[str]) -> None:
    """And with JSON's own types it is said to all that fits."""
    value = {name: one for name, one in (_FITTING | changed).items() if name not in left_out}
    optional = frozenset({"maybe", "text"})
    why = misfit(checks(FIELDS), value, optional)
    assert fits(FIELDS, optional)(value) == (not why)
    assert shape(FIELDS, optional)(value) == why


@pytest.mark.parametrize("record", [IncidentCandidate, Decision, ActionRecord])
@pytest.mark.parametrize("variant", [0, 1])
def test_records_get_it(record: type, variant: int) -> None:
    """As stages write them, and not with one field missing or of another type."""
    fields = to_dict(sample(record, variant))
    assert record_fits(record)(fields)
    for name in fields:
        spoilt = fields | {name: object()}
        assert not record_fits(record)(spoilt)
        assert record_misfit(record)(spoilt).startswith(repr(name))


def test_what_is_no_object_gets_none() -> None:
    """Nor does an unusual one, which may be right all the same."""

    class Text(str):
        __slots__ = ()

    assert not fits({})([])
    assert not fits({"how": str})({"how": Text("calm")})
    assert shape({"how": str})({"how": Text("calm")}) == ""
