"""After a demonstration its incidents' decisions are made again from the log, as `breakwater rerun` does it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.reexecution.errors import NothingRecordedError
from ops.reexecution.outcome import IDENTICAL, Verdict
from ops.reexecution.reading import read_recordings
from ops.reexecution.rerun import rerun
from ops.terminal.words import counted

# Incidents after the first are left out beyond this.
LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class RerunCheck:
    """What became of it: of `incidents`, so many were made again, so many decisions; `first` is the first that was not whole.

    `empty` are those of which the log holds no decision.
    """

    incidents: int
    made_again: int
    decisions: int
    first: Verdict | None
    empty: int = 0

    @property
    def left(self) -> int:
        """Those that were not looked at, as time was up."""
        return self.incidents - self.made_again - self.empty

    @property
    def told(self) -> Any:
        """`identical`, or the first divergence; or what is missing."""
        if self.first is None and not self.left:
            return IDENTICAL
        if self.first is None:
            why = f"{counted(self.left, 'incident')} of {self.incidents} not looked at: time was up"
            return {"result": IDENTICAL, "partial": True, "missing": [why]}
        if self.first.divergences:
            return self.first.divergences[0].document()
        return {"result": IDENTICAL, "partial": True, "missing": [one.why for one in self.first.missing]}

    @property
    def counted(self) -> dict[str, int]:
        """How many incidents there were, and how many of them it holds for."""
        return {"of": self.incidents, "made_again": self.made_again, "decisions": self.decisions}

    @property
    def sentence(self) -> str:
        """For people."""
        of = f"{counted(self.decisions, 'decision')} of {counted(self.made_again, 'incident')} made again"
        if self.first is None and self.left:
            return (
                f"{of}: identical; {self.left} of {self.incidents} not looked at, time was up (`breakwater rerun ID`)"
            )
        if self.first is None:
            return f"{of}: identical"
        if self.first.divergences:
            found = self.first.divergences[0]
            where = f"{found.topic} offset {found.offset}" if found.offset >= 0 else f"{found.topic}, on {found.cause}"
            code = "" if self.first.same_code else " (the code has changed since)"
            return f"{of}: {self.first.incident_id} diverged at {where}: {found.what}{code}"
        return f"{of}: identical as far as it goes; missing: {self.first.missing[0].why}"


def check_rerun(bootstrap: str, incident_ids: Sequence[str]) -> RerunCheck | None:
    """Make their decisions again, the first incident's first; None where there is nothing to be made.

    Raises:
        StateError: the log cannot be read.
    """
    if not incident_ids:
        return None
    began = time.monotonic()
    recordings = read_recordings(bootstrap, incident_ids)
    verdicts: list[Verdict] = []
    empty = 0
    for incident_id in incident_ids:
        if verdicts and time.monotonic() - began > LIMIT_S:
            break
        try:
            verdicts.append(rerun(recordings[incident_id]))
        except NothingRecordedError:
            empty += 1
    if not verdicts:
        return None
    first = next((one for one in verdicts if not one.whole), None)
    return RerunCheck(len(incident_ids), len(verdicts), sum(one.decisions for one in verdicts), first, empty)
