"""A generated storm is foreseeable, lop-sided, and subsides."""

from collections import Counter

from ops.storm.alerts import Storm, conditions, storm_alerts
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus

CODEC = Codec(Alert)
NOW = 1_700_000_000_000


def alerts(storm: Storm) -> list[Alert]:
    """All alerts of a storm."""
    return [CODEC.decode(value) for _, value in storm_alerts(storm, CODEC, lambda: NOW)]


def test_the_same_seed_sends_the_same_storm() -> None:
    """Byte for byte, the times given; another seed sends another."""
    again = [list(storm_alerts(Storm(3000, 5, seed=7), CODEC, lambda: NOW)) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] != list(storm_alerts(Storm(3000, 5, seed=8), CODEC, lambda: NOW))


def test_a_storm_has_as_many_alerts_and_incidents_as_asked_for() -> None:
    """Also where they are no multiple of anything."""
    found = alerts(Storm(2345, 17))
    assert len(found) == 2345
    assert len({alert.alert_id for alert in found}) == 2345
    assert len({alert.incident_id for alert in found}) == 17
    assert len(alerts(Storm(1, 1))) == 1


def test_a_few_incidents_have_most_of_the_alerts() -> None:
    """Zipf: the first has about ten times what the tenth has."""
    counts = Counter(alert.service for alert in alerts(Storm(50_000, 20))).most_common()
    assert counts[0][1] > 5 * counts[9][1]


def test_every_condition_resolves_at_the_end() -> None:
    """So that incidents can clear; nothing fires after that."""
    storm = Storm(10_000, 10)
    last: dict[str, AlertStatus] = {alert.fingerprint: alert.status for alert in alerts(storm)}
    assert len(last) == len(conditions(storm))
    assert set(last.values()) == {AlertStatus.RESOLVED}


def test_a_slow_storm_asks_the_clock_as_often_as_it_is_told_to() -> None:
    """The same storm, but for the times."""
    ticks = iter(range(NOW, NOW + 100))
    timed = [CODEC.decode(v) for _, v in storm_alerts(Storm(20, 5, seed=7), CODEC, lambda: next(ticks), every=2)]
    assert [alert.occurred_at - NOW for alert in timed] == [number // 2 for number in range(20)]
    assert [a.fingerprint for a in timed] == [a.fingerprint for a in alerts(Storm(20, 5, seed=7))]
