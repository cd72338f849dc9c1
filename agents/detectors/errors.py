"""What can be wrong with a stored memory."""

from schemas.errors import BreakwaterError


class UnreadableMemoryError(BreakwaterError):
    """A stored memory is of another version, or damaged; the message says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"A stored memory of a series cannot be read ({reason}). The series is learned anew.")
