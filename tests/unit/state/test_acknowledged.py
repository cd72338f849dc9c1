"""Somebody outside takes an incident on: an event of the episode that is under way, which changes nothing else."""

from dataclasses import replace

import pytest

from schemas.records.log import IncidentCommand
from schemas.samples import sample
from state.admission import refusal, sealed_event
from state.incident import EventType, IncidentState, Status, follow

STATE = IncidentState(incident_id="inc-1", version=4, episode=2, status=Status.DIAGNOSED, root_cause="db")
SAID = sample(
    IncidentCommand, incident_id="inc-1", type=EventType.INCIDENT_ACKNOWLEDGED, expected_version=None,
    payload='{"by":"Ada","via":"PagerDuty"}',
)  # fmt: skip


@pytest.mark.parametrize("episode", [0, 2])
def test_it_is_of_the_episode_that_is_under_way(episode: int) -> None:
    """Whoever acknowledges from outside does not know how often the incident has come back."""
    command = replace(SAID, episode=episode)
    assert refusal(STATE, command) is None
    event = sealed_event(STATE, "", command, 7, 1_800_000_000_000)
    assert (event.episode, event.version) == (2, 5)
    after = follow(STATE, event)
    assert (after.status, after.root_cause, after.version) == (Status.DIAGNOSED, "db", 5)


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (replace(STATE, status=Status.RESOLVED), replace(SAID, episode=0)),
        (IncidentState(incident_id="inc-1"), replace(SAID, episode=0)),
        (STATE, replace(SAID, episode=1)),
        (STATE, replace(SAID, episode=0, payload='{"by":"Ada"}')),
        (STATE, replace(SAID, episode=0, type=EventType.DIAGNOSIS_MADE)),
    ],
)
def test_what_is_over_or_was_never_there_is_not_taken_on(state: IncidentState, command: IncidentCommand) -> None:
    """Nor does any other command name no episode."""
    assert refusal(state, command)
