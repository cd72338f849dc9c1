"""Stage `warnings`: prediction's vote on an episode, and what it puts on record."""

import json
from dataclasses import replace
from typing import Any

import pytest

from agents.prediction.warnings_stage import WarningsStage
from schemas.records.analysis import CandidateState, Recommendation
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Action, Agent
from state.incident import EventType
from streams.topics import CANDIDATES, EVENTS, PREDICTIONS
from tests.support.episode import candidate, event
from tests.support.signals import INCIDENT, NOW, prediction
from tests.support.stage_run import StageRun


@pytest.fixture
def run() -> StageRun:
    """A stage that never heard of anything."""
    return StageRun(WarningsStage())


def opens(run: StageRun, at: int = NOW, **changes: Any) -> list[Any]:
    """Detection opens an episode."""
    return run.take(CANDIDATES, replace(candidate().record, **changes), at)


def recorded(run: StageRun, kind: str, *, version: int, at: int, episode: int = 1) -> list[Any]:
    """An event of the log."""
    return run.take(EVENTS, event(kind, {}, version=version, at=at, episode=episode).record, at)


def test_without_a_forecast_it_abstains_at_once() -> None:
    """Consensus need not wait for it."""
    (vote,) = opens(StageRun(WarningsStage()))
    assert (vote.agent, vote.abstains, vote.action, vote.confidence) == (Agent.PREDICTION, True, Action.NOOP, 0.0)
    assert (vote.incident_id, vote.episode, vote.target) == (INCIDENT, 1, "checkout")


@pytest.mark.parametrize(
    ("metric", "action"),
    [
        ("memory_limit_ratio", Action.RESTART),
        ("pool_in_use_ratio", Action.RESTART),
        ("cpu_ratio", Action.SCALE_UP),
        ("disk_used_ratio", Action.SCALE_UP),
    ],
)
def test_a_foretold_breach_is_its_vote(run: StageRun, metric: str, action: Action) -> None:
    """More room does not cure a leak, of memory or of connections; load it does help. As sure as the forecast."""
    assert run.take(PREDICTIONS, prediction(0.8, metric=metric), NOW) == []
    (vote,) = opens(run, NOW + 1000)
    assert (vote.abstains, vote.action, vote.confidence) == (False, action, 0.8)
    assert vote.evidence == prediction().evidence


def test_a_forecast_older_than_a_minute_is_none(run: StageRun) -> None:
    """A forecast that was taken back is none either."""
    run.take(PREDICTIONS, prediction(), NOW)
    assert opens(run, NOW + 61_000)[0].abstains


def test_a_forecast_that_was_taken_back_is_none(run: StageRun) -> None:
    """The newest word of a series holds."""
    run.take(PREDICTIONS, prediction(0.8), NOW)
    run.take(PREDICTIONS, prediction(0.1, NOW + 500), NOW + 500)
    assert opens(run, NOW + 1000)[0].abstains


def test_the_likeliest_of_several_is_told(run: StageRun) -> None:
    """Of two series the one that is surer."""
    run.take(PREDICTIONS, prediction(0.7, metric="cpu_ratio"), NOW)
    run.take(PREDICTIONS, prediction(0.9), NOW)
    assert opens(run, NOW + 1000)[0].confidence == 0.9


def test_a_breach_that_is_foretold_after_an_abstention_is_another_vote(run: StageRun) -> None:
    """By another id, while the vote is open; then silence, unless it grows much surer."""
    (abstained,) = opens(run)
    (vote,) = run.take(PREDICTIONS, prediction(0.7), NOW + 1000)
    assert not vote.abstains
    assert vote.recommendation_id != abstained.recommendation_id
    assert run.take(PREDICTIONS, prediction(0.75, NOW + 20_000), NOW + 20_000) == []
    (surer,) = run.take(PREDICTIONS, prediction(0.9, NOW + 30_000), NOW + 30_000)
    assert surer.confidence == 0.9


def test_a_reclassified_candidate_is_not_voted_on_twice(run: StageRun) -> None:
    """The episode is the same."""
    opens(run)
    assert opens(run, NOW + 6000, candidate_id="candidate-2") == []


@pytest.mark.parametrize("kind", [EventType.DECISION_MADE, EventType.INCIDENT_RESOLVED])
def test_after_the_decision_nobody_is_asked(run: StageRun, kind: EventType) -> None:
    """Nor after the end."""
    opens(run)
    recorded(run, kind, version=1, at=NOW + 500)
    assert not any(isinstance(r, Recommendation) for r in run.take(PREDICTIONS, prediction(), NOW + 1000))


def test_the_next_episode_is_voted_on_anew(run: StageRun) -> None:
    """And words on an earlier one are passed over."""
    opens(run)
    run.take(CANDIDATES, replace(candidate().record, state=CandidateState.CLEARED), NOW + 1000)
    assert opens(run, NOW + 60_000, episode=2)[0].episode == 2
    assert opens(run, NOW + 61_000, episode=1) == []


def test_a_breach_is_put_on_record_once_the_episode_is(run: StageRun) -> None:
    """Not before IncidentOpened is an event; then at once, and at most every thirty seconds."""
    run.take(PREDICTIONS, prediction(), NOW)
    assert not any(isinstance(r, IncidentCommand) for r in opens(run, NOW + 100))
    (command,) = recorded(run, EventType.INCIDENT_OPENED, version=1, at=NOW + 200)
    assert (command.type, command.episode, command.agent) == (EventType.PREDICTION_MADE, 1, Agent.PREDICTION)
    assert json.loads(command.payload)["probability"] == 0.8
    assert (command.source_topic, command.source_offset) == ("metrics", 1)
    assert run.take(PREDICTIONS, prediction(0.82, NOW + 10_000), NOW + 10_000) == []
    assert len(run.take(PREDICTIONS, prediction(0.83, NOW + 31_000), NOW + 31_000)) == 1


def test_events_seen_twice_change_nothing(run: StageRun) -> None:
    """Around a crash the log's tail is read again."""
    run.take(PREDICTIONS, prediction(), NOW)
    opens(run, NOW + 100)
    recorded(run, EventType.INCIDENT_OPENED, version=1, at=NOW + 200)
    recorded(run, EventType.INCIDENT_RESOLVED, version=2, at=NOW + 300)
    assert recorded(run, EventType.INCIDENT_OPENED, version=1, at=NOW + 40_000) == []
    assert not run.state(INCIDENT).active


def test_the_same_records_make_the_same_ids() -> None:
    """Votes and commands are functions of what caused them."""
    published = []
    for _ in range(2):
        run = StageRun(WarningsStage())
        run.take(PREDICTIONS, prediction(), NOW)
        opens(run, NOW + 100)
        recorded(run, EventType.INCIDENT_OPENED, version=1, at=NOW + 200)
        published.append(run.outputs)
    assert published[0] == published[1]


def test_memory_is_bounded_by_eight_series(run: StageRun) -> None:
    """A service of a thousand series remembers the latest."""
    for i in range(100):
        run.take(PREDICTIONS, prediction(metric=f"disk{i}_ratio"), NOW + i)
    assert len(run.state(INCIDENT).foretold) == 8
