"""Notices of what many series have in common: one of each, where a change of version would else make one of each series."""

from functools import lru_cache

import structlog

log = structlog.get_logger()


@lru_cache(maxsize=256)
def tell_once(what: str, reason: str) -> None:
    """Warn of it, unless that was done since the process began (or so many others since)."""
    log.warning(what, reason=reason)
