"""When a winning option may be carried out without a human. See docs/decisions/0003-consensus-gates.md."""

from dataclasses import dataclass

from agents.consensus.arithmetic import Option
from schemas.records.vocabulary import Action, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """The least figures of an autonomous decision; all must be met.

    Args:
        confidence, support: of the winning option.
        least_agents: participants; an abstention is not one.
        risky_confidence: instead of `confidence`, for a risky action on a critical service.
    """

    confidence: float = 0.7
    support: float = 0.5
    least_agents: int = 3
    risky_confidence: float = 0.85


# These change what runs or what it costs; a restart brings back what ran before.
RISKY = frozenset({Action.ROLLBACK, Action.SCALE_UP})


def obstacles(option: Option, *, participants: int, tier: Tier, stale_s: float | None, gates: Gates) -> list[str]:
    """What speaks against carrying an option out without a human, as words; empty where nothing does.

    Args:
        participants: how many agents took part in the vote.
        stale_s: the age of the newest evidence where it is past the limit, else None.
    """
    risky = option.action in RISKY and tier == Tier.CRITICAL
    checks = (
        (option.confidence < gates.confidence, f"confidence {option.confidence:.4g} is below {gates.confidence:.4g}"),
        (option.support < gates.support, f"support {option.support:.4g} is below {gates.support:.4g}"),
        (participants < gates.least_agents, f"{participants} of at least {gates.least_agents} agents took part"),
        (
            risky and option.confidence < gates.risky_confidence,
            f"{option.action} on a critical service needs confidence {gates.risky_confidence:.4g}",
        ),
        (stale_s is not None, f"the newest evidence is {stale_s or 0:.0f} s old"),
    )
    return [words for fails, words in checks if fails]
