"""What an incident costs, what was saved, and how long is left: figures of the business beside an incident's state."""

from dataclasses import dataclass
from typing import Any

from agents.communication.impact import CURRENCY, cost, cost_per_minute, cost_saved
from schemas.records.vocabulary import Millis, Tier
from state.incident import IncidentState


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Times in seconds: in which an incident should be over, and in which a human would have had it over."""

    mttr_target_s: float
    human_mttr_s: float


def impact_view(state: IncidentState, yardstick: Yardstick, now: Millis) -> dict[str, Any] | None:
    """The figures as of `now` (`as_of`), or None where no episode has begun or the tier is unknown.

    While the episode lasts, `saved` is what is saved if it ended now, and `left_s` runs towards the target and below 0.
    """
    begun = state.opened_at
    if begun is None or state.tier not in Tier.__members__.values():
        return None
    tier, users = Tier(state.tier), state.affected_users
    end = max(begun, now if state.ended_at is None else state.ended_at)
    return {
        "currency": CURRENCY,
        "per_minute": cost_per_minute(tier, now, users) if state.active else 0.0,
        "cost": round(cost(tier, begun, end, users), 2),
        "saved": round(cost_saved(tier, begun, end, yardstick.human_mttr_s, users), 2),
        "mttr_target_s": yardstick.mttr_target_s,
        "human_mttr_s": yardstick.human_mttr_s,
        "left_s": round(yardstick.mttr_target_s - (end - begun) / 1000, 1),
        "as_of": end,
    }


def steady(impact: dict[str, Any] | None) -> Any:
    """Of the figures what the clock alone does not move; what is left out, a reader extends from `as_of` by `per_minute`."""
    return None if impact is None else (impact["per_minute"], impact["mttr_target_s"], impact["human_mttr_s"])
