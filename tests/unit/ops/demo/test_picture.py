"""The picture of a demonstration, folded from the log."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.demo.picture import Picture
from ops.demo.snapshot import AlertCounts
from schemas.records.log import DeadLetter, IncidentEvent
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import Agent, Tier
from state.incident import EventType, IncidentState, Status
from tests.support.payloads import payload_of

OURS, THEIRS = "inc-ours", "inc-theirs"


def account(upto: int, received: int, kept: int, dead: int = 0, incident_id: str = OURS) -> AlertAccount:
    """An account up to an offset; what is neither kept nor dead was suppressed."""
    return AlertAccount(
        incident_id=incident_id, tenant="default", service="checkout", tier=Tier.CRITICAL, window_start=0,
        window_ms=10_000, received=received, kept=kept, suppressed=received - kept - dead, late=0, dead_lettered=dead,
        closed=False, total_received=received, total_kept=kept, total_suppressed=received - kept - dead, total_late=0,
        total_dead_lettered=dead, partition=0, first_offset=0, upto=upto,
    )  # fmt: skip


def event(version: int, kind: EventType, payload: dict[str, Any], incident_id: str = OURS) -> IncidentEvent:
    """An event of the first episode."""
    return IncidentEvent(
        event_id=f"e{version}", incident_id=incident_id, tenant="default", version=version, episode=1, type=kind,
        payload=json.dumps(payload), occurred_at=version, recorded_at=version * 1000, agent=Agent.DETECTION,
        correlation_id="", causation_id="", source_topic="", source_partition=0, source_offset=0, command_offset=0,
        previous_hash="", hash=f"h{version}",
    )  # fmt: skip


def letter(number: int, topic: str = "alerts", key: bytes | None = OURS.encode()) -> DeadLetter:
    """A dead letter of a record on a topic."""
    return DeadLetter(
        dead_letter_id=f"d{number}", topic=topic, partition=0, offset=number, key=key, value=b"", headers={},
        stage="sampling", reason="empty", detail="", tenant="", occurred_at=0,
    )  # fmt: skip


@given(st.permutations([account(9, 10, 2), account(29, 30, 5), account(19, 20, 4), account(39, 41, 6, dead=1)]))
def test_of_an_incidents_accounts_the_furthest_counts(told: list[AlertAccount]) -> None:
    """In whatever order they are read, and again and again."""
    picture = Picture([OURS])
    for record in told + told:
        picture.take("alerts.account", record)
    assert picture.observed().alerts == AlertCounts(received=41, kept=6, suppressed=34, late=0, dead_lettered=1)
    assert picture.observed().alerts.exact


def test_incidents_add_up_and_strangers_do_not_count() -> None:
    """Other traffic on the same Kafka is not the demonstration's."""
    picture = Picture([OURS, "inc-other"])
    picture.take("alerts.account", account(9, 10, 2))
    picture.take("alerts.account", account(4, 5, 5, incident_id="inc-other"))
    picture.take("alerts.account", account(99, 1000, 5, incident_id=THEIRS))
    assert picture.observed().alerts.received == 15


def test_events_fold_into_incidents_once() -> None:
    """A redelivered event changes nothing."""
    picture = Picture([OURS])
    opened = event(
        1, EventType.INCIDENT_OPENED, payload_of(EventType.INCIDENT_OPENED, IncidentState(incident_id=OURS), 0, 0)
    )
    resolved = event(2, EventType.INCIDENT_RESOLVED, {"how": "restart verified healthy"})
    for record in (opened, opened, resolved, opened, resolved):
        picture.take("incident.events", record)
    picture.take("incident.events", replace(opened, incident_id=THEIRS))
    (found,) = picture.observed().incidents
    assert (found.status, found.mttr_s, found.outcome) == (Status.RESOLVED, 1.0, "restart verified healthy")
    assert picture.observed().told == {"incident.events": 5}


def test_what_was_resolved_is_remembered_when_it_comes_back() -> None:
    """The episode that was resolved, beside the one that is under way."""
    opening = payload_of(EventType.INCIDENT_OPENED, IncidentState(incident_id=OURS), 0, 0)
    picture = Picture([OURS])
    picture.take("incident.events", event(1, EventType.INCIDENT_OPENED, opening))
    picture.take("incident.events", event(2, EventType.INCIDENT_RESOLVED, {"how": "restart verified healthy"}))
    picture.take("incident.events", replace(event(3, EventType.INCIDENT_OPENED, opening), episode=2))
    found = picture.observed()
    (now,) = found.incidents
    assert (now.status, now.episode, found.events) == (Status.OPEN, 2, 3)
    assert (found.remedied(now).episode, found.remedied(now).mttr_s) == (1, 1.0)


def test_the_episode_that_was_acted_in_is_told_of_though_a_later_one_passed_by_itself() -> None:
    """An echo of the trouble opens an episode that clears in a second: the remedy was in the one before."""
    opening = payload_of(EventType.INCIDENT_OPENED, IncidentState(incident_id=OURS), 0, 0)
    intended = payload_of(EventType.ACTION_INTENDED, IncidentState(incident_id=OURS), 0, 0)
    picture = Picture([OURS])
    picture.take("incident.events", event(1, EventType.INCIDENT_OPENED, opening))
    picture.take("incident.events", event(2, EventType.ACTION_INTENDED, intended))
    picture.take("incident.events", event(3, EventType.INCIDENT_RESOLVED, {"how": "restart verified healthy"}))
    picture.take("incident.events", replace(event(4, EventType.INCIDENT_OPENED, opening), episode=2))
    picture.take(
        "incident.events", replace(event(5, EventType.INCIDENT_RESOLVED, {"how": "alerts cleared"}), episode=2)
    )
    found = picture.observed()
    (now,) = found.incidents
    assert (now.episode, found.remedied(now).episode, found.remedied(now).outcome) == (2, 1, "restart verified healthy")


def test_dead_letters_of_our_alerts_are_counted_by_id() -> None:
    """Those of other topics, of strangers, or told twice are not."""
    picture = Picture([OURS])
    for record in (
        letter(1),
        letter(1),
        letter(2),
        letter(3, topic="metrics"),
        letter(4, key=b"inc-x"),
        letter(5, key=None),
    ):
        picture.take("dead.letters", record)
    assert picture.observed().dead_letters == 2


def test_storms_are_told_once_with_the_loudest_rate() -> None:
    """Opening and closing are one storm."""
    picture = Picture([OURS])
    storm = StormChanged(
        storm_id="s1", incident_id=OURS, tenant="default", service="checkout", open=True, rate_per_s=900.0,
        baseline_per_s=1.0, loudest=[], occurred_at=0, partition=0, upto=0,
    )  # fmt: skip
    picture.take("storms", storm)
    picture.take("storms", replace(storm, open=False, rate_per_s=3.0))
    assert (picture.observed().storms, picture.observed().loudest_storm_per_s) == (1, 900.0)
