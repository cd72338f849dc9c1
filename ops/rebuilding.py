"""Filling the store of incidents from the log's first event on, and holding a store against one that was filled so."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ops.errors import OperationError
from ops.terminal.words import counted
from ops.verifying import Trust, verify_store
from state.ports import Projection
from state.projection_digest import Held, compared, digest_of, held_by
from state.rebuild import rebuild
from state.repaired_log import read_repaired

Progress = Callable[[str], None]

_SHOWN = 5


class DamagedLogError(OperationError):
    """The log has faults, so the store of incidents is what it can be repaired from."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a filling came to.

    Attributes:
        seconds: of filling alone; `events_per_s` is by them. digest: of all rows (state.projection_digest).
        alike, different, missing: incidents, against the live store; of those in `moved` the log had more meanwhile.
    """

    events: int
    incidents: int
    seconds: float
    events_per_s: float
    digest: str
    alike: int = 0
    different: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


def rebuild_store(bootstrap: str, projection: Projection, trust: Trust, progress: Progress) -> Rebuilt:
    """Empty the store, and fill it.

    Raises:
        DamagedLogError: nothing was done. StoreUnavailableError, ProjectionUnavailableError: do it again.
    """
    verdict = verify_store(bootstrap, trust, progress=lambda count: progress(f"{count:,} events verified"))
    if not verdict.verified:
        raise DamagedLogError(
            f"The log has faults ({len(verdict.faults):,}): the store may be all that they can be repaired from, and was left "
            "as it is. Run `breakwater events repair --dry-run` first."
        )
    projection.clear()
    return _filled(bootstrap, projection, trust, progress)[0]


def check_store(bootstrap: str, live: Projection, second: Projection, trust: Trust, progress: Progress) -> Rebuilt:
    """Fill `second`, which is empty, and hold the live store against it.

    Raises:
        StoreUnavailableError, ProjectionUnavailableError: do it again.
        ProjectionGapError, ProjectionConflictError: the log has faults.
    """
    report, held = _filled(bootstrap, second, trust, progress)
    progress("reading the live store")
    found = compared(held, held_by(live))
    return Rebuilt(
        report.events, report.incidents, report.seconds, report.events_per_s, report.digest,
        found.alike, found.different, found.missing, found.moved,
    )  # fmt: skip


def rebuilt_line(report: Rebuilt) -> str:
    """The report as a sentence or two."""
    filled = (
        f"{counted(report.events, 'event')} of {counted(report.incidents, 'incident')} in {report.seconds:.1f} s, "
        f"{report.events_per_s:,.0f} a second; digest {report.digest}."
    )
    wrong = (*report.different, *report.missing)
    if wrong:
        return f"{filled}\nThe live store differs in {counted(len(wrong), 'incident')}: {', '.join(wrong[:_SHOWN])}."
    return f"{filled}\nThe live store has the same rows." if report.alike else filled


def _filled(
    bootstrap: str, projection: Projection, trust: Trust, progress: Progress
) -> tuple[Rebuilt, Mapping[str, Held]]:
    began = time.monotonic()
    events = read_repaired(bootstrap, trust.keys, progress=lambda count: progress(f"{count:,} events read"))
    count = rebuild(projection, events)
    seconds = time.monotonic() - began
    progress(f"{count:,} events taken in; reading them back")
    held = held_by(projection)
    return Rebuilt(count, len(held), round(seconds, 3), round(count / max(seconds, 1e-9), 1), digest_of(held)), held
