"""What can go wrong with dead letters."""

from ops.errors import OperationError


class LetterNotFoundError(OperationError):
    """The id that was given names no dead letter, or several."""


class RedriveError(OperationError):
    """A redrive had to stop; every letter was put back wholly or not at all, so it can be run again."""

    retriable = True
