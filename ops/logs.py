"""Structured logs on standard error: a JSON line an event: the worker's name, the incident where there is one, no secrets."""

import io
import logging
import sys
import time
from collections.abc import Callable, Collection
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from ops.masking import Masking

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


def configure_logs(level: str, worker: str, secrets: Collection[str] = ()) -> None:
    """Log JSON lines to standard error from `level` on, the libraries' too; `worker` is on every line.

    Args:
        secrets: what must not appear in any line; what looks like a secret does not appear either (ops.masking).
    """
    numeric = logging.getLevelNamesMapping()[level]
    masking = Masking(secrets)
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    after: list[Processor] = [
        structlog.processors.format_exc_info,
        masking,
        structlog.processors.JSONRenderer(default=str),
    ]
    structlog.configure(
        processors=[*before, *after],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, StandardError())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(worker=worker)
    logging.basicConfig(level=max(numeric, logging.INFO), stream=StandardError(), force=True)
    formatter = structlog.stdlib.ProcessorFormatter(
        # Threads of the libraries have no context of their own.
        foreign_pre_chain=[*before, structlog.stdlib.add_logger_name, _of_worker(worker)],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
    )
    for handler in logging.root.handlers:
        handler.setFormatter(formatter)
        handler.addFilter(Sparingly())
    for chatty in ("aiokafka", "faust", "mode", "httpx", "cassandra"):
        logging.getLogger(chatty).setLevel(max(numeric, logging.WARNING))


def _of_worker(worker: str) -> Processor:
    def named(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("worker", worker)
        return event

    return named
