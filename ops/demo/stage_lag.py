"""How far the workers are behind: records that their consumer groups have not acknowledged, asked for once a second."""

import threading
from collections import Counter
from collections.abc import Mapping

from ops.lag.judgement import lag_of
from ops.lag.probe import GROUPS, LagProbe
from schemas.errors import BreakwaterError
from streams.topics import BY_NAME

_EVERY_S = 1.0


class StageLag:
    """Asks in a thread of its own; `behind` is the last answer, by worker, without those that gave none."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._behind: Mapping[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stage-lag", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def behind(self) -> Mapping[str, int]:
        """Records behind by worker: edge, analysis, command; one that has acknowledged nothing yet is not there."""
        return self._behind

    def _run(self) -> None:
        with LagProbe(self._bootstrap) as probe:
            while not self._stopping.wait(_EVERY_S):
                try:
                    self._behind = _behind(probe)
                except BreakwaterError:
                    continue  # the broker is busy: the next second tells


def _behind(probe: LagProbe) -> dict[str, int]:
    sample = probe.sample(GROUPS, limit_s=_EVERY_S, incidents=False)
    found: Counter[str] = Counter()
    for place in sample.committed:
        group, topic, _ = place
        # Changelogs are read at a start only; nothing is ever acknowledged on them.
        if topic in BY_NAME:
            found[group.rpartition("-")[2]] += lag_of(place, sample)
    return dict(found)
