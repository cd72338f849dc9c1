"""Shapes of generated storms: each changes the one thing that it is named after."""

from collections import Counter

import pytest

from ops.storm.alerts import Storm, storm_alerts
from ops.storm.shapes import Shape, due_at
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus

CODEC = Codec(Alert)


def alerts(shape: Shape) -> list[Alert]:
    """All of a storm of a shape."""
    storm = Storm(5_000, 10, shape=shape)
    return [CODEC.decode(value) for _, value in storm_alerts(storm, CODEC, lambda: 1_700_000_000_000)]


def changes(shape: Shape) -> int:
    """How often a condition's state changes in a storm, over all conditions."""
    last: dict[str, AlertStatus] = {}
    count = 0
    for alert in alerts(shape):
        count += last.get(alert.fingerprint, alert.status) != alert.status
        last[alert.fingerprint] = alert.status
    return count


@pytest.mark.parametrize(("shape", "least", "most"), [(Shape.ONE_NOISY, 0.9, 0.99), (Shape.MANY_SMALL, 0.09, 0.13)])
def test_who_is_loud(shape: Shape, least: float, most: float) -> None:
    """One incident has nearly all, or none has more than another."""
    counts = Counter(alert.incident_id for alert in alerts(shape)[:4_000])
    assert least < counts.most_common(1)[0][1] / 4_000 < most


def test_conditions_come_back() -> None:
    """Once at the end of a plain storm, some ten times, or all the time."""
    assert changes(Shape.ZIPF) <= 60
    assert changes(Shape.REFIRES) > 5 * changes(Shape.ZIPF)
    assert changes(Shape.FLAPPING) > 4_000


@pytest.mark.parametrize("shape", Shape)
def test_every_alert_is_due_within_the_storms_time_and_in_order(shape: Shape) -> None:
    """Whatever the rate does in between, the mean is what was asked for."""
    times = [due_at(shape, number / 1000) for number in range(1001)]
    assert times == sorted(times)
    assert times[0] == 0.0
    assert 0.9 <= times[-1] <= 1.0
