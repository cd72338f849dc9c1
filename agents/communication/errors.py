"""What can go wrong between a notice and the people it is for."""

from schemas.errors import BreakwaterError


class CommunicationError(BreakwaterError):
    """The root of this stage's errors."""


class ChannelError(CommunicationError):
    """A channel did not take a notification."""


class ReceiverBusyError(ChannelError):
    """The receiver answered that it cannot take it now; `after_s` is how long it asks to be left alone, if it says."""

    retriable = True

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s
