"""The gates: what may be done without a human."""

from dataclasses import replace

import pytest

from agents.consensus.arithmetic import Option, tally
from agents.consensus.gates import Gates, obstacles
from schemas.records.vocabulary import Action, Agent, Tier
from tests.support.votes import vote


def option(action: Action = Action.RESTART, confidence: float = 0.8, support: float = 0.7) -> Option:
    """A winner with these figures."""
    winner = tally([vote(Agent.DIAGNOSIS, action, confidence)]).winner
    assert winner is not None
    return replace(winner, support=support)


def against(
    winner: Option, *, participants: int = 3, tier: Tier = Tier.CRITICAL, stale_s: float | None = None
) -> list[str]:
    """What speaks against it."""
    return obstacles(winner, participants=participants, tier=tier, stale_s=stale_s, gates=Gates())


def test_nothing_speaks_against_figures_that_just_meet_the_gates() -> None:
    """0.7, 0.5 and three agents are enough."""
    assert against(option(confidence=0.7, support=0.5)) == []


@pytest.mark.parametrize(
    ("winner", "participants", "stale_s", "words"),
    [
        (option(confidence=0.69), 3, None, "confidence 0.69 is below 0.7"),
        (option(support=0.49), 3, None, "support 0.49 is below 0.5"),
        (option(), 2, None, "2 of at least 3 agents took part"),
        (option(), 3, 121.0, "the newest evidence is 121 s old"),
    ],
)
def test_each_gate_alone_asks_for_a_human(winner: Option, participants: int, stale_s: float | None, words: str) -> None:
    """And says why."""
    assert against(winner, participants=participants, stale_s=stale_s) == [words]


@pytest.mark.parametrize("action", [Action.ROLLBACK, Action.SCALE_UP])
def test_a_risky_action_on_a_critical_service_needs_more_confidence(action: Action) -> None:
    """0.84 is not enough, 0.85 is; on a lesser service 0.7 is."""
    assert "needs confidence 0.85" in against(option(action, 0.84))[0]
    assert against(option(action, 0.85)) == []
    assert against(option(action, 0.7), tier=Tier.IMPORTANT) == []


@pytest.mark.parametrize("action", [Action.RESTART, Action.NOOP])
def test_a_restart_and_waiting_are_not_risky(action: Action) -> None:
    """They bring back what ran before, or nothing at all."""
    assert against(option(action, 0.7)) == []
