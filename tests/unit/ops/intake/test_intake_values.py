"""Single values as the world writes them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.intake import values
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import AlertStatus, Severity, Tier

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("warn", Severity.WARNING),
        ("WARNING", Severity.WARNING),
        ("medium", Severity.WARNING),
        ("crit", Severity.CRITICAL),
        ("fatal", Severity.CRITICAL),
        ("emergency", Severity.CRITICAL),
        ("page", Severity.CRITICAL),
        ("P1", Severity.CRITICAL),
        ("high", Severity.ERROR),
        (" err ", Severity.ERROR),
        ("low", Severity.INFO),
        ("notice", Severity.INFO),
        (0, Severity.CRITICAL),
        (3, Severity.ERROR),
        (4.0, Severity.WARNING),
        (7, Severity.INFO),
    ],
)
def test_severities_have_many_names(said: object, meant: Severity) -> None:
    """Words of common monitoring systems; bare numbers are syslog's (RFC 5424)."""
    assert values.severity(said) is meant


@pytest.mark.parametrize("said", ["so so", 99, None, [], True])
def test_a_severity_that_nobody_knows_is_refused(said: object) -> None:
    """Guessing one would page people, or not page them."""
    with pytest.raises(InvalidInputError, match="give info, warning, error or critical"):
        values.severity(said)


@pytest.mark.parametrize(
    ("written", "epoch_ms"),
    [
        ("2022-01-15T02:32:32Z", 1642213952000),
        ("2022-01-15T03:32:32.500+01:00", 1642213952500),
        ("2022-01-15T02:32:32.123456789Z", 1642213952123),
        ("2022-01-15 02:32:32", 1642213952000),
        (1642213952, 1642213952000),
        (1642213952.5, 1642213952500),
        ("1642213952", 1642213952000),
        (1642213952123, 1642213952123),
        (1642213952123456, 1642213952123),
        (1642213952123999999, 1642213952123),
        ("1642213952123999999", 1642213952123),
        (0, 0),
    ],
)
def test_times_come_in_many_units(written: object, epoch_ms: int) -> None:
    """ISO 8601, and numbers of s, ms, microseconds and nanoseconds told apart by size."""
    assert values.time_ms(written) == epoch_ms


@pytest.mark.parametrize("written", ["yesterday", "", -1, float("nan"), float("inf"), 1e25, True, None, [], "9" * 40])
def test_what_is_no_time_is_refused(written: object) -> None:
    """The message shows what came and what is wanted."""
    with pytest.raises(InvalidInputError, match="give ISO 8601"):
        values.time_ms(written)


@given(ANYTHING)
def test_no_value_does_worse_than_be_refused(value: object) -> None:
    """Hostile input ends in InvalidInputError, never in anything else."""
    for read in (values.severity, values.status, values.tier, values.number, values.truth, values.time_ms,
                 values.labels, values.lines, lambda v: values.text(v, 100)):  # fmt: skip
        with suppress(InvalidInputError):
            read(value)


def test_an_unknown_tier_is_the_lowest() -> None:
    """An alert is not lost because a team invented a tier."""
    assert values.tier("critical") is Tier.CRITICAL
    assert values.tier("platinum") is Tier.SUPPORTING


def test_statuses_have_many_names() -> None:
    """What fires and what has resolved, in other systems' words."""
    assert values.status("Resolved") is AlertStatus.RESOLVED
    assert values.status("OK") is AlertStatus.RESOLVED
    assert values.status("alerting") is AlertStatus.FIRING


def test_labels_become_texts() -> None:
    """Whatever a label holds is kept as a text; null is as good as absent."""
    assert values.labels({"a": 1, "b": True, "c": {"d": [1]}, "e": None}) == {"a": "1", "b": "true", "c": '{"d":[1]}'}


def test_a_text_has_an_end() -> None:
    """A key of megabytes would be a record of megabytes on every topic."""
    with pytest.raises(InvalidInputError, match="has 11 characters; give at most 10"):
        values.text("x" * 11, 10)
