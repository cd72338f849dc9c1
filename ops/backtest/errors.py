"""What can be wrong with the files of a backtest."""

from pathlib import Path

from ops.errors import OperationError


class UnusableSeriesError(OperationError):
    """A file does not hold what the backtest reads; the message names the file and what is missing."""

    def __init__(self, path: Path | str, what: str) -> None:
        super().__init__(f"{path}: {what}")
