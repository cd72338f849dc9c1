"""Structured logs on standard error: one line an event, with the worker's name."""

import logging
import sys

import structlog


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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(worker=worker)
    logging.basicConfig(
        level=max(numeric, logging.INFO), stream=sys.stderr, force=True, format="%(levelname)s %(name)s %(message)s"
    )
    for chatty in ("aiokafka", "faust", "mode", "httpx", "cassandra"):
        logging.getLogger(chatty).setLevel(max(numeric, logging.WARNING))
