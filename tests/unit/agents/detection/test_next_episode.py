"""An episode that opens within seconds of the last one's end is decided on or over in bounded time, whoever is silent."""

from collections.abc import Collection
from typing import Any

import pytest

from schemas.records.vocabulary import Agent, Severity
from state.incident import EventType, Status
from streams.topics import ANOMALIES, SAMPLED, Topic
from tests.support.agents_run import AgentsRun
from tests.support.signals import INCIDENT, NOW, alert, anomaly, resolved

S = 1000
END = NOW + 30 * S
AGAIN = END + 16 * S  # a second after the cool-down
SETTLED = frozenset({Status.DECIDED, Status.ESCALATED, Status.REMEDIATING, Status.RESOLVED})


def after_an_episode(dead: Collection[Agent] = (), late_ms: int = 0) -> AgentsRun:
    """A leak opened episode 1, which resolution ended."""
    run = AgentsRun(INCIDENT, dead, late_ms)
    run.take(SAMPLED, alert("OutOfMemory", NOW, severity=Severity.CRITICAL), NOW)
    run.take(ANOMALIES, anomaly(at=NOW + S), NOW + S)
    run.pass_time(END - S)
    run.resolve(END)
    assert run.state.status is Status.RESOLVED
    return run


def broken_out(run: AgentsRun, *signals: tuple[Topic, Any]) -> AgentsRun:
    """Episode 2 begins right after the cool-down."""
    run.pass_time(AGAIN - S)
    for topic, record in signals:
        run.take(topic, record, record.occurred_at)
    return run


STRANGE = (SAMPLED, alert("Strange", AGAIN, severity=Severity.CRITICAL))
LEAK = [
    (SAMPLED, alert("HeapFull", AGAIN, severity=Severity.CRITICAL)),
    (ANOMALIES, anomaly(at=AGAIN + S, score=0.9999)),
]


@pytest.mark.parametrize("outbreak", [[STRANGE], LEAK], ids=["of unknown kind", "of a leak"])
def test_it_is_decided_on_within_a_minute(outbreak: list[tuple[Topic, Any]]) -> None:
    """Not by what was voted on in the last episode."""
    run = broken_out(after_an_episode(), *outbreak)
    run.pass_time(AGAIN + 60 * S)
    assert (run.state.episode, run.state.status in SETTLED) == (2, True), run.state.status
    kinds = [event.type for event in run.events if event.episode == 2]
    assert kinds.count(EventType.DIAGNOSIS_MADE) >= 1
    assert kinds.count(EventType.DECISION_MADE) == 1


@pytest.mark.parametrize(
    "dead",
    [
        {Agent.DIAGNOSIS}, {Agent.PREDICTION}, {Agent.RESOLUTION}, {Agent.PREDICTION, Agent.DIAGNOSIS},
        {Agent.PREDICTION, Agent.DIAGNOSIS, Agent.RESOLUTION},
    ],
    ids=lambda dead: " and ".join(sorted(dead)) + " silent",
)  # fmt: skip
def test_whoever_is_silent_it_is_decided_on_within_the_limit(dead: Collection[Agent]) -> None:
    """Detection's voice alone goes to a human after two minutes."""
    run = broken_out(after_an_episode(dead), STRANGE)
    run.pass_time(AGAIN + 125 * S)
    assert (run.state.episode, run.state.status in SETTLED) == (2, True), run.state.status


@pytest.mark.parametrize("late_s", [1, 9, 20, 40])
def test_workers_that_are_behind_with_events_decide_as_well(late_s: int) -> None:
    """The end of the first episode is read after signals, candidates and votes of the second."""
    run = after_an_episode(late_ms=late_s * S)
    broken_out(run, STRANGE, *LEAK)
    run.pass_time(AGAIN + (60 + 2 * late_s) * S)
    assert (run.state.episode, run.state.status in SETTLED) == (2, True), run.state.status


@pytest.mark.parametrize("cleared_after_s", [2, 20, 45, 100])
def test_it_is_over_when_its_alerts_clear(cleared_after_s: int) -> None:
    """Before the decision as after it, and with a human asked as without."""
    run = broken_out(after_an_episode(), STRANGE)
    clear = AGAIN + cleared_after_s * S
    run.pass_time(clear - S)
    run.take(SAMPLED, resolved("Strange", clear), clear)
    run.pass_time(clear + 15 * S)
    assert (run.state.episode, run.state.status, run.state.outcome) == (2, Status.RESOLVED, "alerts cleared")


def test_all_clears_of_the_last_episode_that_come_late_do_not_hold_it_up() -> None:
    """Nor do they end it: they are about what is over."""
    run = after_an_episode()
    run.pass_time(END + 5 * S)
    run.take(SAMPLED, alert("Echo", END + S), END + 5 * S)
    broken_out(run, STRANGE)
    run.take(SAMPLED, resolved("OutOfMemory", AGAIN + S), AGAIN + S)
    run.take(SAMPLED, resolved("Echo", AGAIN + 2 * S), AGAIN + 2 * S)
    assert run.state.active
    run.take(SAMPLED, resolved("Strange", AGAIN + 20 * S), AGAIN + 20 * S)
    run.pass_time(AGAIN + 32 * S)
    assert run.state.outcome == "alerts cleared"
