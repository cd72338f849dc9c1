"""Times as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.times import iso, parse_time
from schemas.errors import InvalidInputError

NOW_MS = 1_700_000_000_123
INSTANTS = st.integers(min_value=0, max_value=253_402_300_799_999)


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
        ("2023-11-14 22:13:20", 1_700_000_000_000),
        ("2023-11-14", 1_699_920_000_000),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.5", 1_700_000_000_500),
        ("1700000000123", 1_700_000_000_123),
        ("0", 0),
        ("now", NOW_MS),
        ("15m", NOW_MS - 900_000),
        ("1h30m", NOW_MS - 5_400_000),
        ("1.5s", NOW_MS - 1_500),
        ("250ms", NOW_MS - 250),
        ("2d", NOW_MS - 172_800_000),
        ("1w", NOW_MS - 604_800_000),
        (" 5m ", NOW_MS - 300_000),
    ],
)
def test_reads_every_way_to_write_a_time(text: str, expected_ms: int) -> None:
    """ISO 8601 with and without zone, epoch seconds and milliseconds, and durations ago name an instant."""
    assert parse_time(text, NOW_MS) == expected_ms


@pytest.mark.parametrize("text", ["", "yesterday", "m15", "15 minutes", "-5m", "2023-13-01", "1e9", "nan", "5y"])
def test_refuses_what_is_no_time(text: str) -> None:
    """What cannot be read is refused with the forms that can."""
    with pytest.raises(InvalidInputError, match=r"ISO 8601.*15m"):
        parse_time(text, NOW_MS)


@pytest.mark.parametrize("text", ["9999w", "1969-12-31T23:59:59Z", "9" * 400, "9" * 400 + "w"])
def test_refuses_times_that_no_record_can_have(text: str) -> None:
    """Before 1970 and after 9999 there is nothing to look for."""
    with pytest.raises(InvalidInputError, match="before 1970"):
        parse_time(text, NOW_MS)


@given(INSTANTS)
def test_what_is_printed_can_be_read(at_ms: int) -> None:
    """Every instant that is shown can be given back, to the millisecond."""
    assert parse_time(iso(at_ms), 0) == at_ms
