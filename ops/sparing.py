"""What Kafka's client says again and again while Kafka is away, said once a second at most, with what to do.

By itself it writes several lines a tenth of a second on standard error.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY_S = 1.0
_LONGEST = 200
# aiokafka's modules log below this name.
_CLIENT = "aiokafka"


class Sparing(logging.Handler):
    """Tells a line a second of warnings and errors, the latest of them, and how many it left out.

    Args:
        bootstrap: of Kafka, named in each line. say: takes a line. clock: seconds that only grow.
    """

    def __init__(self, bootstrap: str, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self._bootstrap, self._say, self._clock = bootstrap, say, clock
        self._said_at: float | None = None
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the client's."""
        now = self._clock()
        if self._said_at is not None and now - self._said_at < _EVERY_S:
            self._left_out += 1
            return
        more = f", and {self._left_out} lines more" if self._left_out else ""
        self._said_at, self._left_out = now, 0
        self._say(
            f"Kafka at {self._bootstrap} does not answer as it should ({_short(record.getMessage())}{more}). What is not "
            "acknowledged is sent again. See `breakwater status`; `breakwater kafka up` starts the embedded one; Ctrl-C gives up."
        )


@contextmanager
def told_sparingly(
    bootstrap: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Have the client's lines told so for the block, and nowhere else."""
    client, handler = logging.getLogger(_CLIENT), Sparing(bootstrap, say, clock)
    passed_on, client.propagate = client.propagate, False
    client.addHandler(handler)
    try:
        yield
    finally:
        client.removeHandler(handler)
        client.propagate = passed_on


def _short(text: str) -> str:
    """One line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
