"""Items are cut out of a body exactly as they came."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ops.intake.spans import cut_items

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON), st.sampled_from([None, 0, 3]), st.booleans())
def test_the_items_of_a_list_are_its_own_bytes(items: list[object], indent: int | None, ascii_only: bool) -> None:
    """However the sender formats: each cut parses to its item, and is found in the body."""
    body = json.dumps(items, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        assert cut_items(body, "alerts") is None
        return
    cut = cut_items(body, "alerts")
    assert cut is not None
    assert [json.loads(one) for one in cut] == items
    assert all(one in body for one in cut)


def test_the_list_under_a_name_is_found_among_other_members() -> None:
    """Of two of the same name the last counts, as for JSON parsers."""
    body = b' {"version": "4", "alerts": [9], "more": {"alerts": [0]}, "alerts" : [ {"a":1.50} ,"x"] } '
    assert cut_items(body, "alerts") == [b'{"a":1.50}', b'"x"']


def test_what_cannot_be_told_apart_is_none() -> None:
    """The caller then writes the items anew."""
    for body in (b"", b"7", b'{"alerts": 7}', b"[1, 2", b"\xff\xfe", b"[" * 5000, b'{"alerts"'):
        assert cut_items(body, "alerts") is None
