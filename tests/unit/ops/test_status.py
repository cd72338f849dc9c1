"""What `breakwater status` makes of what Kafka says."""

import pytest

from ops.lag.judgement import Sample, Unread
from ops.status import BEHIND, Health, TopicStatus, add_lag


def sample(committed: int, unread: Unread | None, members: int = 1, topic: str = "alerts") -> Sample:
    """The group of edge on one partition that ends at 50,000."""
    place = ("breakwater-edge", topic, 0)
    return Sample(
        0.0, {place: committed}, {place[1:]: 50_000}, {"breakwater-edge": members}, {place: unread} if unread else {}
    )


def health(of: Sample) -> Health:
    """What is said of a sample, where the topic is one of ours."""
    found = Health(topics={"alerts": TopicStatus(50_000)})
    add_lag(found, of)
    return found


def test_a_marker_is_no_lag() -> None:
    """As `breakwater lag` has it: the offset behind the last record holds none."""
    found = health(sample(49_999, Unread()))
    assert (found.topics["alerts"].lag, found.checks["breakwater-edge"]) == (0, "ok: 1 at work")


def test_a_gap_of_compaction_is_no_lag() -> None:
    """However wide it is."""
    assert health(sample(3, Unread())).topics["alerts"].lag == 0


@pytest.mark.parametrize(
    ("committed", "members", "said"),
    [
        (50_000 - BEHIND, 2, "ok: 2 at work"),
        (50_000 - BEHIND - 1, 2, "behind: 10,001 records in one partition, 2 at work"),
        (0, 0, "stopped: no worker runs; start one with `breakwater worker edge`"),
    ],
)
def test_a_worker_is_told_of_as_it_is(committed: int, members: int, said: str) -> None:
    """At work, behind, or not there."""
    assert health(sample(committed, Unread(None), members)).checks["breakwater-edge"] == said


def test_a_worker_that_never_ran_is_stopped() -> None:
    """Kafka knows no group of its name."""
    found = health(sample(0, None))
    assert found.checks["breakwater-command"].startswith("stopped")


def test_a_topic_of_the_workers_own_holds_nobody_up() -> None:
    """A table's changelog is read at a start only."""
    found = health(sample(0, Unread(None), topic="breakwater-edge-accounts-changelog"))
    assert found.checks["breakwater-edge"] == "ok: 1 at work"
