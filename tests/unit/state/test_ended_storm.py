"""A storm in the folded state of an incident, beyond the end of its episode."""

from dataclasses import replace

import pytest

from schemas.records.analysis import CandidateState
from schemas.records.log import IncidentEvent
from state.incident import EventType, fold
from tests.support.episode import INCIDENT, candidate, event


def life(end: EventType) -> list[IncidentEvent]:
    """An episode with a storm, its end, and sampling's word some windows later."""
    opening = replace(candidate().record, state=CandidateState.OPEN)
    return [
        event(EventType.INCIDENT_OPENED, opening, version=1).record,
        event(EventType.STORM_OPENED, {"rate_per_s": 400.0}, version=2).record,
        event(end, {"how": "restart verified healthy", "reason": "quiet"}, version=3).record,
        event(EventType.STORM_CLOSED, {"rate_per_s": 0.2}, version=4).record,
    ]


@pytest.mark.parametrize("end", [EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED])
def test_no_storm_is_on_in_an_episode_that_has_ended(end: EventType) -> None:
    """It is on while the episode lasts; sampling's word afterwards changes nothing."""
    events = life(end)
    assert [fold(INCIDENT, events[:n]).storm for n in (1, 2, 3, 4)] == [False, True, False, False]
