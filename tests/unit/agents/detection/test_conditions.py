"""Which conditions of an incident fire."""

from agents.detection.conditions import MOST_CONDITIONS, Conditions
from schemas.records.intake import Alert
from schemas.records.vocabulary import Severity
from tests.support.signals import NOW, alert, resolved


def after(*alerts: Alert) -> Conditions:
    """The conditions after these alerts."""
    conditions = Conditions()
    for each in alerts:
        conditions = conditions.heard(each)
    return conditions


def test_all_is_clear_when_everything_that_fired_has_resolved() -> None:
    """Not before, and not where nothing ever fired."""
    assert not after().all_clear
    assert not after(alert("A"), alert("B"), resolved("A", NOW + 1)).all_clear
    assert after(alert("A"), alert("B"), resolved("A", NOW + 1), resolved("B", NOW + 2)).all_clear


def test_an_all_clear_that_is_older_than_the_firing_does_not_hold() -> None:
    """It is about the time before: out of order on the way."""
    assert after(alert("A", NOW + 5), resolved("A", NOW)).firing == 1


def test_a_firing_that_is_older_than_the_all_clear_does_not_hold() -> None:
    """A late word about what is over."""
    assert after(alert("A"), resolved("A", NOW + 5), alert("A", NOW + 3)).all_clear


def test_firing_again_is_not_another_condition() -> None:
    """One fingerprint, one condition, one all-clear."""
    again = after(alert("A"), alert("A", NOW + 1), alert("A", NOW + 2))
    assert again.firing == 1
    assert again.heard(resolved("A", NOW + 3)).all_clear


def test_repetitions_are_counted_within_a_minute() -> None:
    """Three in a minute are three; one an hour later begins anew."""
    fingerprint = alert("A").fingerprint
    known = after(alert("A"), alert("A", NOW + 20_000), alert("A", NOW + 40_000)).known
    assert known[fingerprint].repeats == 3
    later = after(alert("A"), alert("A", NOW + 20_000), alert("A", NOW + 3_600_000)).known
    assert later[fingerprint].repeats == 1


def test_the_worst_is_of_what_still_fires() -> None:
    """A critical condition that has resolved is no worse than nothing."""
    mixed = after(alert("A", severity=Severity.CRITICAL), alert("B"), resolved("A", NOW + 1))
    assert mixed.worst(since=0) is Severity.ERROR


def test_memory_is_bounded_and_says_when_it_forgot_what_fires() -> None:
    """With more than a thousand fingerprints nobody can say that all is clear."""
    conditions = after(*(alert(f"A{i}", NOW + i) for i in range(MOST_CONDITIONS + 50)))
    assert len(conditions.known) <= MOST_CONDITIONS
    assert conditions.overflowed
    assert conditions.firing == len(conditions.known)
    for i in range(MOST_CONDITIONS + 50):
        conditions = conditions.heard(resolved(f"A{i}", NOW + 5000))
    assert conditions.firing == 0
    assert not conditions.all_clear


def test_what_is_quiet_is_forgotten_before_what_fires() -> None:
    """Conditions that resolved make room without making anything unknowable."""
    quiet = [a for i in range(500) for a in (alert(f"Q{i}", NOW + i), resolved(f"Q{i}", NOW + i + 1))]
    conditions = after(*quiet, *(alert(f"A{i}", NOW + 1000 + i) for i in range(900)))
    assert not conditions.overflowed
    assert conditions.firing == 900


def test_an_ended_episode_is_forgiven_and_remembered() -> None:
    """Nothing fires any more, and no fingerprint is new."""
    over = after(alert("A"), alert("B")).forgiven(until=NOW)
    assert over.firing == 0
    assert not over.all_clear
    assert alert("A").fingerprint in over.known
