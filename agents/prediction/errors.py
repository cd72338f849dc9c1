"""Errors of prediction."""

from schemas.errors import BreakwaterError


class PredictionError(BreakwaterError):
    """Root of what prediction raises."""


class UnreadableFleetError(PredictionError):
    """What was remembered of a fleet cannot be read; the message says why. It is learned anew."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The memory of a fleet of series cannot be read: {reason}. It is learned anew.")
