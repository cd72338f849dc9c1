"""What comes back is a new episode, what comes together is told apart, and what cannot be healed is handed to a human."""

import pytest

from schemas.records.command import ActionState
from schemas.records.vocabulary import Action
from state.incident import EventType, Status
from tests.pipeline.conftest import Fail
from tests.pipeline.facts import (
    assert_account_exact,
    assert_chain_whole,
    assert_restarted_once,
    assert_told_once,
    events_of,
    payloads,
    statuses_told,
)
from tests.pipeline.platform import Platform

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(900)]


def test_two_services_that_fail_at_once_are_two_incidents(program: Platform, failing: Fail) -> None:
    """In one environment, one leaks and one runs out of connections: each is restarted once, for its own cause."""
    leaking = failing("shop", environment="twins")
    exhausted = failing("ledger", environment="twins", scenario="database-cascade")
    for service in (leaking, exhausted):
        service.await_warm()
    for service in (leaking, exhausted):
        service.break_out()
    found = [service.settle() for service in (leaking, exhausted)]
    assert [state.classification for state in found] == ["MEMORY_LEAK", "DATABASE_FAILURE"]
    assert [state.parent_incident_id for state in found] == [None, None]
    for service in (leaking, exhausted):
        assert_account_exact(program, service)
        assert_restarted_once(program, service)
        assert_told_once(program, service)
    assert_chain_whole(program)


def test_a_second_fault_is_a_second_episode(program: Platform, failing: Fail) -> None:
    """After the resolution, the same service fails anew: the same incident, episode 2, is resolved by a second restart."""
    service = failing("basket")
    service.await_warm()
    service.break_out()
    assert service.settle().episode == 1
    service.fail_again()
    assert service.settle().episode == 2
    assert_account_exact(program, service)
    assert_restarted_once(program, service, episodes=2)
    assert_told_once(program, service)
    assert_chain_whole(program)


def test_what_a_restart_does_not_heal_ends_at_a_human(program: Platform, failing: Fail) -> None:
    """The new process is out of memory from its start: the restart is not repeated, a human is told what was tried."""
    service = failing("mailer")
    service.await_warm()
    service.restart_with([*service.unit.command, "--sticky", "--headroom-mb", "0"])
    service.break_out()
    found = service.await_status(Status.ESCALATED)
    assert found.escalation is not None
    assert any("RESTART on mailer: failed" in told for told in found.escalation["tried"]), found.escalation
    # The storm goes on, and nobody listens to it twice.
    service.await_told_more(150)
    service.until(lambda seen: seen.observed.alerts.received == service.sent)
    program.await_taken_in("breakwater-command", "incident.events", "notifications")
    program.await_taken_in("breakwater-command-projection", "incident.events")
    events = events_of(program, service.incident_id)
    (completed,) = payloads(events, EventType.ACTION_COMPLETED, 1)
    assert (completed["action"], completed["state"]) == (Action.RESTART, ActionState.FAILED)
    assert service.await_status(Status.ESCALATED).episode == 1
    assert (len(service.restarts), service.starts) == (1, 2)
    assert "escalated" in statuses_told(program, service.incident_id)
    assert_chain_whole(program)


def test_what_a_restart_heals_for_moments_only_ends_at_a_human(program: Platform, failing: Fail) -> None:
    """Each new process is well at first and leaks again: after two restarts that did not last, a human is told of both."""
    service = failing("search")
    service.await_warm()
    service.restart_with([*service.unit.command, "--sticky"])
    service.break_out()
    found = service.await_status(Status.ESCALATED)
    assert found.escalation is not None
    assert sum("RESTART on search: succeeded" in told for told in found.escalation["tried"]) == 2, found.escalation
    service.await_told_more(150)
    program.await_taken_in("breakwater-command", "incident.events", "notifications")
    program.await_taken_in("breakwater-command-projection", "incident.events")
    assert service.await_status(Status.ESCALATED).episode == found.episode
    assert (len(service.restarts), service.starts) == (2, 3)
    assert "escalated" in statuses_told(program, service.incident_id)
    assert_chain_whole(program)
