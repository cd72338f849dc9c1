"""Structured logs on standard error: one line an event, with the worker's name."""

import io
import logging
import sys
import time
from collections.abc import Callable
from typing import TextIO, cast

import structlog

# A client that cannot reach its broker says so sixty times a second, for as long as that lasts.
_ALIKE_EVERY_S = 10.0
_MOST_REMEMBERED = 1_000


class Sparingly(logging.Filter):
    """Lets each message of the libraries through once in `every_s`; the next one says how many were kept back.

    Messages are alike where logger, level and text are, the text before its values are filled in.
    """

    def __init__(self, every_s: float = _ALIKE_EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s, self._clock = every_s, clock
        self._told: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is let through."""
        key, now = (record.name, record.levelno, str(record.msg)), self._clock()
        at, kept_back = self._told.get(key, (now - self._every_s, 0))
        if now - at < self._every_s:
            self._told[key] = (at, kept_back + 1)
            return False
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[key] = (now, 0)
        if kept_back:
            record.msg = f"{record.msg} (and {kept_back} more)"
        return True


class StandardError(io.TextIOBase):
    """Standard error as it is when something is written, which may not be what it was when the logs were configured."""

    def write(self, text: str) -> int:
        """Write at once; returns how many characters were written."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Hand on what is buffered."""
        sys.stderr.flush()


def configure_logs(level: str, worker: str) -> None:
    """Log to standard error from `level` on; `worker` is on every line."""
    numeric = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, StandardError())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(worker=worker)
    logging.basicConfig(
        level=max(numeric, logging.INFO),
        stream=StandardError(),
        force=True,
        format="%(levelname)s %(name)s %(message)s",
    )
    for handler in logging.root.handlers:
        handler.addFilter(Sparingly())
    for chatty in ("aiokafka", "faust", "mode", "httpx", "cassandra"):
        logging.getLogger(chatty).setLevel(max(numeric, logging.WARNING))
