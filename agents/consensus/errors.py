"""What can go wrong in setting up a consensus."""

from schemas.errors import BreakwaterError


class ConsensusError(BreakwaterError):
    """The root of this stage's errors."""


class WeightsError(ConsensusError):
    """Weights that no vote can be counted by."""
