"""What can go wrong in a benchmark."""

from schemas.errors import BreakwaterError


class BenchError(BreakwaterError):
    """A run told nothing: a process died, stood still, or baseline and product did not do the same."""
