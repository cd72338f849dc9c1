"""What grouping says of an incident: its news opens one, and who is unusual together is told of once."""

import json
from typing import Any

import pytest

from agents.detection.candidates_stage import CandidatesStage
from schemas.records.analysis import IncidentCandidate
from schemas.records.grouping import GroupChange, GroupTold
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Severity
from state.incident import EventType, IncidentState, evolve
from streams.topics import EVENTS, GROUPS, SAMPLED
from tests.support.episode import event
from tests.support.signals import INCIDENT, NOW, alert, group, resolved
from tests.support.stage_run import StageRun

OTHER = "inc-database"
S = 1000


@pytest.fixture
def run() -> StageRun:
    """Two strange warnings, neither of which opens anything by itself."""
    stage = StageRun(CandidatesStage())
    for name in ("a", "b"):
        assert stage.take(SAMPLED, alert(name, NOW, severity=Severity.WARNING), NOW) == []
    return stage


def types(published: list[Any]) -> list[str]:
    return [one.type for one in published if isinstance(one, IncidentCommand)]


def candidates(published: list[Any]) -> list[IncidentCandidate]:
    return [one for one in published if isinstance(one, IncidentCandidate)]


def opened(run: StageRun, published: list[Any], at: int) -> None:
    """The log confirms what was commanded."""
    fields = json.loads(next(one for one in published if isinstance(one, IncidentCommand)).payload)
    run.take(EVENTS, event("IncidentOpened", fields, version=1, at=at).record, at)


def test_news_opens_an_incident(run: StageRun) -> None:
    """As in the backtest, and it says what was unusual."""
    published = run.take(GROUPS, group(GroupChange.OPENED), NOW + 3 * S)
    assert types(published) == [EventType.INCIDENT_OPENED]
    assert "unusual alerts: b, a" in candidates(published)[0].title


def test_news_that_comes_before_its_alert_opens_with_it() -> None:
    """The alerts' topic may be behind."""
    run = StageRun(CandidatesStage())
    assert types(run.take(GROUPS, group(GroupChange.SPREAD), NOW)) == []
    assert types(run.take(SAMPLED, alert("a", NOW, severity=Severity.WARNING), NOW + S)) == [EventType.INCIDENT_OPENED]


def test_news_of_what_has_cleared_opens_nothing(run: StageRun) -> None:
    """Nothing fires any more."""
    for name in ("a", "b"):
        run.take(SAMPLED, resolved(name, NOW + S, severity=Severity.WARNING), NOW + S)
    assert types(run.take(GROUPS, group(GroupChange.OPENED), NOW + 3 * S)) == []


def test_old_news_opens_nothing(run: StageRun) -> None:
    """An alert eleven minutes later is another matter."""
    fresh = StageRun(CandidatesStage())
    fresh.take(GROUPS, group(GroupChange.OPENED), NOW)
    assert types(fresh.take(SAMPLED, alert("a", NOW + 660 * S, severity=Severity.WARNING), NOW + 660 * S)) == []


def test_news_of_an_incident_under_way_opens_no_other(run: StageRun) -> None:
    """Told twice, or of what detection has opened by itself."""
    first = run.take(GROUPS, group(GroupChange.OPENED), NOW + 3 * S)
    opened(run, first, NOW + 3 * S)
    assert types(run.take(GROUPS, group(GroupChange.OPENED), NOW + 4 * S)) == []


def test_an_incident_under_way_answers_for_a_member(run: StageRun) -> None:
    """The word goes to the member."""
    run.take(GROUPS, group(GroupChange.OPENED), NOW + 3 * S)
    (taken,) = run.take(GROUPS, group(GroupChange.JOINED, member_id=OTHER, service="db"), NOW + 4 * S)
    assert isinstance(taken, GroupTold)
    assert (taken.change, taken.incident_id, taken.member_id) == (GroupChange.TAKEN, INCIDENT, OTHER)
    assert run.outputs[-1].key == OTHER


def test_who_was_not_told_of_answers_for_nobody(run: StageRun) -> None:
    """Else people were told of neither."""
    assert run.take(GROUPS, group(GroupChange.JOINED, member_id=OTHER), NOW) == []
    assert run.take(GROUPS, group(GroupChange.JOINED), NOW) == []


def test_a_member_answers_for_nobody(run: StageRun) -> None:
    """No circle, in which everybody is told of by another."""
    run.take(GROUPS, group(GroupChange.OPENED), NOW + 3 * S)
    run.take(GROUPS, group(GroupChange.TAKEN, incident_id=OTHER), NOW + 4 * S)
    assert run.take(GROUPS, group(GroupChange.JOINED, member_id="inc-third"), NOW + 5 * S) == []


def test_a_member_that_is_under_way_says_so_at_once(run: StageRun) -> None:
    """Within its notice's patience; once, and the state has the parent."""
    first = run.take(GROUPS, group(GroupChange.OPENED), NOW + 3 * S)
    opened(run, first, NOW + 3 * S)
    published = run.take(GROUPS, group(GroupChange.TAKEN, incident_id=OTHER), NOW + 4 * S)
    assert types(published) == [EventType.INCIDENT_RECLASSIFIED]
    assert candidates(published)[0].parent_incident_id == OTHER
    assert types(run.take(GROUPS, group(GroupChange.TAKEN, incident_id=OTHER), NOW + 5 * S)) == []


def test_a_member_that_opens_later_begins_under_its_parent(run: StageRun) -> None:
    """By its own rules, some minutes after the group took it."""
    run.take(GROUPS, group(GroupChange.TAKEN, incident_id=OTHER), NOW + S)
    at = NOW + 120 * S
    published = run.take(SAMPLED, alert("c", at, severity=Severity.CRITICAL), at)
    assert candidates(published)[0].parent_incident_id == OTHER


def test_what_opens_long_after_is_told_by_itself(run: StageRun) -> None:
    """Eleven minutes after it was taken."""
    run.take(GROUPS, group(GroupChange.TAKEN, incident_id=OTHER), NOW + S)
    at = NOW + 662 * S
    published = run.take(SAMPLED, alert("c", at, severity=Severity.CRITICAL), at)
    assert candidates(published)[0].parent_incident_id == ""


def test_the_end_of_a_group_concerns_no_incident(run: StageRun) -> None:
    """Episodes end by their own signals."""
    assert run.take(GROUPS, group(GroupChange.CLOSED), NOW) == []


def test_the_next_episode_has_no_parent(run: StageRun) -> None:
    """A parent is one episode's."""
    first = run.take(GROUPS, group(GroupChange.OPENED), NOW + 3 * S)
    opened(run, first, NOW + 3 * S)
    run.take(GROUPS, group(GroupChange.TAKEN, incident_id=OTHER), NOW + 4 * S)
    run.take(EVENTS, event("IncidentResolved", {"how": "x"}, version=2, at=NOW + 20 * S).record, NOW + 20 * S)
    at = NOW + 60 * S
    published = run.take(SAMPLED, alert("c", at, severity=Severity.CRITICAL), at)
    assert candidates(published)[0].parent_incident_id == ""


def test_the_state_keeps_the_parent_when_diagnosis_names_none() -> None:
    """Unless diagnosis blames another incident; events without the field are read as before."""
    guess = {"severity": "ERROR", "title": "t", "classification": "UNKNOWN", "confidence": 0.5}
    fields = {**guess, "service": "checkout", "environment": "prod", "tier": "CRITICAL"}
    diagnosis = {"root_cause": "x", "classification": "UNKNOWN", "confidence": 0.5, "parent_incident_id": None}
    state = evolve(IncidentState(incident_id=INCIDENT), event("IncidentOpened", fields, version=1).record)
    assert state.parent_incident_id is None
    state = evolve(state, event("IncidentReclassified", {**guess, "parent_incident_id": OTHER}, version=2).record)
    state = evolve(state, event("DiagnosisMade", diagnosis, version=3).record)
    assert state.parent_incident_id == OTHER
    state = evolve(state, event("DiagnosisMade", {**diagnosis, "parent_incident_id": "inc-x"}, version=4).record)
    assert state.parent_incident_id == "inc-x"
