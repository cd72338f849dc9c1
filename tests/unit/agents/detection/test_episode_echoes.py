"""What an ended episode leaves behind in the topics opens nothing; what breaks out after it does, whenever the end is learnt."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.detection.candidates_stage import CandidateRules, CandidatesStage
from schemas.records.intake import Alert
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Severity
from state.incident import EventType
from streams.topics import ACCOUNT, ANOMALIES, EVENTS, SAMPLED, STORMS, Topic
from tests.support.episode import event
from tests.support.signals import INCIDENT, NOW, account, alert, anomaly, resolved, storm
from tests.support.stage_run import StageRun

S = 1000
END = NOW + 30 * S  # of the first episode, by event time
COOL = END + 15 * S
Signal = tuple[Topic, Any]


def critical(name: str, at: int) -> Alert:
    return alert(name, at, severity=Severity.CRITICAL)


def after_an_episode(*, ended_arrival: int = END) -> StageRun:
    """A storm's critical alert opened episode 1; resolution ended it at END, which arrived at `ended_arrival`."""
    run = opened()
    learn_of_the_end(run, ended_arrival)
    return run


def opened() -> StageRun:
    run = StageRun(CandidatesStage(CandidateRules()))
    run.take(STORMS, storm(at=NOW), NOW)
    run.take(SAMPLED, critical("OutOfMemory", NOW), NOW)
    run.take(EVENTS, event(EventType.INCIDENT_OPENED, {"service": "checkout"}, version=1, at=NOW + 1).record, NOW + 1)
    return run


def learn_of_the_end(run: StageRun, now: int) -> list[int]:
    """The end is read; returns the episodes that are opened by that."""
    over = event(EventType.INCIDENT_RESOLVED, {"how": "restart verified healthy"}, version=2, at=END).record
    return openings(run.take(EVENTS, over, now))


def openings(published: list[Any]) -> list[int]:
    """Episodes whose opening was commanded."""
    return [
        each.episode
        for each in published
        if isinstance(each, IncidentCommand) and each.type == EventType.INCIDENT_OPENED
    ]


def opened_by(run: StageRun, *signals: Signal, now: int | None = None) -> list[int]:
    """The episodes that signals open, which arrive from `now` on, 10 ms apart; by default each when it happened."""
    found: list[int] = []
    for nth, (topic, record) in enumerate(signals):
        when = record.window_start + 10 * S if topic is ACCOUNT else record.occurred_at
        found += openings(run.take(topic, record, when if now is None else now + nth * 10))
    return found


# The backlog: fired before or around the end, read long after it


def test_alerts_sent_while_the_resolution_was_under_way_open_nothing_however_late_they_are_read() -> None:
    """Dependents notice the remedy some seconds after it: by event time they are within the cool-down."""
    run = after_an_episode()
    backlog = [(SAMPLED, critical(f"Rule{i % 9}", END + i * 100)) for i in range(140)]
    assert opened_by(run, *backlog, now=END + 60 * S) == []


def test_echoes_are_no_condition_that_a_rate_of_all_clears_could_rest_on() -> None:
    """When everyone who fired says that it is over, one whose own all-clear is lost opens nothing."""
    run = after_an_episode()
    assert opened_by(run, (SAMPLED, alert("Straggler", END + 5 * S)), now=END + 40 * S) == []
    clears = [(SAMPLED, resolved(f"Rule{i}", COOL + 10 * S + i)) for i in range(30)]
    assert opened_by(run, *clears, (ACCOUNT, account(600, COOL + 10 * S)), now=COOL + 30 * S) == []


def test_anomalies_from_around_the_end_do_not_add_up_with_one_after_it() -> None:
    """Windows over the metric still hold the trouble while the process is new."""
    run = after_an_episode()
    around = [(ANOMALIES, anomaly(at=END + at * S)) for at in (1, 6, 11, 14)]
    assert opened_by(run, *around, (ANOMALIES, anomaly(at=COOL + S)), now=COOL + 20 * S) == []


def test_an_anomaly_from_around_the_end_makes_no_alert_after_it_certain() -> None:
    """A warning beside a metric that is far off opens, but not beside one that was."""
    run = after_an_episode()
    before = (ANOMALIES, anomaly(at=END + 5 * S, score=0.9999))
    after = (SAMPLED, alert("Slow", COOL + 5 * S, severity=Severity.WARNING))
    assert opened_by(run, before, after, now=COOL + 20 * S) == []


def test_a_storm_that_opens_within_the_cool_down_opens_nothing() -> None:
    """Storms close and open anew by hysteresis while the last of one is worked off."""
    run = after_an_episode()
    tail = (STORMS, storm(at=END + 8 * S, storm_id="storm-2"))
    fired = (SAMPLED, alert("Slow", COOL + 5 * S, severity=Severity.WARNING))
    assert opened_by(run, tail, fired, (ACCOUNT, account(9, COOL + 1)), now=COOL + 20 * S) == []


def test_windows_that_began_within_the_cool_down_open_nothing() -> None:
    """They count echoes."""
    run = after_an_episode()
    fired = (SAMPLED, alert("Slow", COOL + 5 * S))
    assert opened_by(run, fired, (ACCOUNT, account(500, END + 10 * S)), now=COOL + 20 * S) == []


def test_the_cool_down_is_of_arrival_too() -> None:
    """Clocks of sources may be ahead: what arrives at once is an echo whatever it is dated."""
    run = after_an_episode()
    ahead = [(SAMPLED, critical(f"Rule{i}", COOL + 20 * S + i)) for i in range(30)]
    assert opened_by(run, *ahead, now=END + S) == []


_ECHOES = st.one_of(
    st.builds(
        lambda name, at, severity: (SAMPLED, alert(name, at, severity=severity)),
        st.sampled_from("ABCDEFGH"), st.integers(NOW, COOL), st.sampled_from(Severity)),
    st.builds(lambda name, at: (SAMPLED, resolved(name, at)), st.sampled_from("ABCDEFGH"), st.integers(NOW, COOL + 99 * S)),
    st.builds(
        lambda metric, at: (ANOMALIES, anomaly(metric, at, score=0.99999)),
        st.sampled_from(["memory_bytes", "latency_ms", "error_rate"]), st.integers(NOW, COOL)),
    st.builds(lambda at, ident: (STORMS, storm(at=at, storm_id=ident)), st.integers(NOW, COOL), st.sampled_from("xy")),
    st.builds(lambda received, at: (ACCOUNT, account(received, at)), st.integers(1, 5000), st.integers(NOW, COOL + 99 * S)),
)  # fmt: skip


@given(backlog=st.lists(_ECHOES, max_size=40), learnt=st.integers(0, 40), now=st.integers(COOL, COOL + 600 * S))
def test_no_backlog_opens_an_episode(backlog: list[Signal], learnt: int, now: int) -> None:
    """Nothing that fired until the cool-down's end does, in no order, wherever among it the end of the episode is learnt."""
    run = opened()
    early, late = backlog[:learnt], backlog[learnt:]
    assert opened_by(run, *early, now=now) == []
    if run.state(INCIDENT).active:  # else it cleared by itself, and nothing was confirmed yet
        assert learn_of_the_end(run, END) == []
    assert opened_by(run, *late, now=now + S) == []


# What breaks out afterwards


@pytest.mark.parametrize(
    "outbreak",
    [
        [(SAMPLED, critical("Strange", COOL + S))],
        [(ANOMALIES, anomaly(at=COOL + at * S)) for at in (1, 6, 11)],
        [(SAMPLED, alert("Slow", COOL + S)), (ANOMALIES, anomaly(at=COOL + 2 * S, score=0.9999))],
        [(SAMPLED, alert("Slow", COOL + S)), (STORMS, storm(at=COOL + 2 * S, storm_id="storm-2"))],
        [(SAMPLED, alert("Slow", COOL + S)), (ACCOUNT, account(500, COOL + S))],
    ],
    ids=["a critical", "a metric", "metric and alert", "a storm", "a rate"],
)
@pytest.mark.parametrize("learnt", ["before", "after"])
def test_an_outbreak_after_the_cool_down_opens_the_next_episode(outbreak: list[Signal], learnt: str) -> None:
    """Even where the end is read only after all of it, as by a worker that is behind with events."""
    if learnt == "before":
        assert opened_by(after_an_episode(), *outbreak, now=COOL + 20 * S) == [2]
        return
    run = opened()
    assert opened_by(run, *outbreak, now=COOL + 20 * S) == []
    assert learn_of_the_end(run, END) == [2]
    assert run.state(INCIDENT).active


def test_a_known_critical_alert_is_counted_anew_after_the_end() -> None:
    """Those that were heard before the end was read count from the first that is no echo."""
    run = opened()
    assert opened_by(run, (SAMPLED, critical("OutOfMemory", COOL + S)), now=COOL + 20 * S) == []
    assert learn_of_the_end(run, END) == []
    again = [(SAMPLED, critical("OutOfMemory", COOL + at * S)) for at in (2, 3)]
    assert [opened_by(run, each, now=COOL + 21 * S) for each in again] == [[], [2]]


def test_an_episode_that_opens_belatedly_rests_on_what_came_after_the_end() -> None:
    """Its evidence and its end are its own."""
    run = opened()
    opened_by(run, (SAMPLED, critical("Strange", COOL + S)), now=COOL + 20 * S)
    over = event(EventType.INCIDENT_RESOLVED, {"how": "x"}, version=2, at=END).record
    command = next(r for r in run.take(EVENTS, over, END) if isinstance(r, IncidentCommand))
    assert [e["summary"] for e in json.loads(command.payload)["evidence"]] == ["CRITICAL Strange: Strange of checkout"]
    ended = run.take(SAMPLED, resolved("Strange", COOL + 60 * S), COOL + 60 * S)
    assert EventType.INCIDENT_RESOLVED in [r.type for r in ended if isinstance(r, IncidentCommand)]


def test_echoes_do_not_hold_the_next_episode_open() -> None:
    """Their all-clears may never come."""
    run = after_an_episode()
    opened_by(run, (SAMPLED, critical("Echo", END + 5 * S)), (SAMPLED, critical("New", COOL + S)), now=COOL + 20 * S)
    ended = run.take(SAMPLED, resolved("New", COOL + 60 * S), COOL + 60 * S)
    assert EventType.INCIDENT_RESOLVED in [r.type for r in ended if isinstance(r, IncidentCommand)]


def test_an_echo_makes_its_fingerprint_known() -> None:
    """Fired again after the cool-down it has to be repeated, as any that is known."""
    run = after_an_episode()
    assert opened_by(run, (SAMPLED, critical("Echo", END + 5 * S)), now=END + 20 * S) == []
    again = [(SAMPLED, critical("Echo", COOL + at * S)) for at in (1, 2, 3)]
    assert [opened_by(run, each, now=COOL + 20 * S) for each in again] == [[], [], [2]]
