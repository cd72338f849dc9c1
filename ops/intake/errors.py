"""What can go wrong with telemetry on its way in."""

from ops.errors import OperationError
from schemas.errors import BreakwaterError, InvalidInputError


class UnusableInputError(OperationError):
    """A file cannot be read, or is of another format; the message says what to give."""


class BrokenInputError(OperationError):
    """A file breaks off in the middle; what came before was sent."""


class BodyRefusedError(BreakwaterError):
    """A body that is refused as a whole; `reason` is the dead letter's code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ItemRefusedError(InvalidInputError):
    """One item is refused: the code, and the fields at fault."""

    def __init__(self, message: str, reason: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.fields = fields


class NotAdmittedError(BreakwaterError):
    """A request that is not let in; nothing of it is kept. `status` is HTTP's, `reason` the code that it is counted by."""

    def __init__(self, status: int, reason: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s
