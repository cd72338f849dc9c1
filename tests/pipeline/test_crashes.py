"""Workers and the broker die in the middle of a storm around a failing service: nothing is lost, nothing is done twice."""

from collections.abc import Callable

import pytest

from state.incident import Status
from tests.pipeline.conftest import Fail
from tests.pipeline.facts import (
    assert_account_exact,
    assert_chain_whole,
    assert_restarted_once,
    assert_told_once,
)
from tests.pipeline.failing_service import FailingService
from tests.pipeline.platform import Platform

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(900)]


def in_the_storm(service: FailingService) -> None:
    """A third of the storm is sent; the service fails."""
    service.await_storm()


def in_the_remedy(service: FailingService) -> None:
    """The intent to restart the service is on record, the outcome is not."""
    service.await_status(Status.REMEDIATING, Status.RESOLVED)


# The service that fails, when, and what dies then.
CRASHES: dict[str, tuple[Callable[[FailingService], None], str]] = {
    "pay-edge": (in_the_storm, "edge-1"),
    "pay-analysis": (in_the_storm, "analysis-1"),
    "pay-command": (in_the_storm, "command-1"),
    "pay-remedy": (in_the_remedy, "command-1"),
    "pay-broker": (in_the_storm, "Kafka"),
}


@pytest.mark.parametrize("name", list(CRASHES))
def test_a_crash_loses_nothing_and_repeats_nothing(name: str, failing: Fail, program: Platform) -> None:
    """Each alert is accounted for, the incident is resolved by one restart, people are told once, the chain is whole."""
    service, (moment, dies) = failing(name), CRASHES[name]
    service.await_warm()
    service.break_out()
    moment(service)
    if dies == "Kafka":
        program.restart_kafka()
    else:
        program.kill(dies)
    service.settle()
    assert_account_exact(program, service)
    assert_restarted_once(program, service)
    assert_told_once(program, service)
    assert_chain_whole(program)
