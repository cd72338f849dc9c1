"""What can go wrong with files of telemetry."""

from ops.errors import OperationError


class UnusableInputError(OperationError):
    """A file cannot be read, or is of another format; the message says what to give."""


class BrokenInputError(OperationError):
    """A file breaks off in the middle; what came before was sent."""
