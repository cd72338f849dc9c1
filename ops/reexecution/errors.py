"""What keeps decisions from being made again."""

from ops.errors import OperationError


class ReexecutionError(OperationError):
    """The root of re-execution's errors."""


class BundleError(ReexecutionError):
    """A file is no bundle, or not the one that was written."""


class NothingRecordedError(ReexecutionError):
    """There is nothing of an incident that could be made again."""


class EffectSealedError(ReexecutionError):
    """A decision that is made again tried to touch the world."""

    def __init__(self, event: str) -> None:
        super().__init__(f"A decision tried {event} while it was made again. Decisions are pure: mend the stage.")
