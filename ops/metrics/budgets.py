"""How long each stage may take from a record's arrival to its acknowledgement: a target, and a most (docs/operations.md)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds."""

    target_s: float
    most_s: float


_DETECTION, _PREDICTION = Budget(30, 60), Budget(90, 150)
_RESOLUTION, _COMMUNICATION = Budget(180, 300), Budget(10, 30)

# By the names of stages and effects; who is not named has no budget of its own.
BUDGETS = {
    "metrics": _DETECTION, "candidates": _DETECTION,
    "forecasts": _PREDICTION, "breaches": _PREDICTION, "warnings": _PREDICTION,
    "diagnosis": Budget(120, 180),
    "planning": _RESOLUTION, "executor": _RESOLUTION,
    "notices": _COMMUNICATION, "sender": _COMMUNICATION,
}  # fmt: skip
