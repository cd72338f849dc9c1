"""Pages of incidents as they are sent, made once for all who ask for the same within a moment; and looking for a text in them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ops.api.impact import Yardstick, impact_view, steady
from ops.api.remembered import Remembered
from ops.api.tags import Shown, shown
from ops.api.views import incident_view
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from state.incident import IncidentState
from state.ports import IncidentQuery, Page, Projection

DEFAULT_YARDSTICK = Yardstick(mttr_target_s=180.0, human_mttr_s=1_800.0)

# A page of a search looks through so many incidents, at some 40 µs each.
_LOOKED_THROUGH = 2_000
_STEP = 200
_SEARCHED = ("incident_id", "title", "service", "root_cause", "classification", "tenant")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page; with `text`, of the incidents that hold it in one of their names."""

    query: IncidentQuery
    text: str = ""


class IncidentPages:
    """Threads may share it; `fresh_s`: so old an answer may be."""

    def __init__(
        self,
        projection: Callable[[], Projection],
        yardstick: Yardstick = DEFAULT_YARDSTICK,
        clock: Callable[[], Millis] = wall_clock_ms,
        fresh_s: float = 0.0,
    ) -> None:
        self._projection, self._yardstick, self._clock = projection, yardstick, clock
        self._pages: Remembered[Shown] = Remembered(fresh_s)

    def shown(self, wanted: Wanted) -> Shown:
        """The page, as it is sent.

        Raises:
            BadCursorError: the cursor is none that the store gave.
        """
        if wanted.query.since is not None:
            return self._made(wanted)  # what began a while ago moves with every question: nobody asks the same again
        return self._pages.get(wanted, lambda: self._made(wanted))

    def held(self, wanted: Wanted) -> Shown | None:
        """The page where it was made lately, or None; it waits for nobody."""
        return self._pages.held(wanted)

    def with_impact(self, state: IncidentState, at: Millis) -> dict[str, Any]:
        """An incident's state with what it costs, as of an instant."""
        return {**incident_view(state), "impact": impact_view(state, self._yardstick, at)}

    def _made(self, wanted: Wanted) -> Shown:
        now = self._clock()
        page = self._found(wanted) if wanted.text else self._projection().incidents(wanted.query)
        told = [self.with_impact(state, now) for state in page.incidents]
        told_by = [[one["incident_id"], one["version"], one["head_hash"], steady(one["impact"])] for one in told]
        return shown({"incidents": told, "cursor": page.cursor}, [told_by, page.cursor])

    def _found(self, wanted: Wanted) -> Page:
        """Those with the text among the next thousands: at least a page of them, or what there is."""
        text, query, found = wanted.text.casefold(), replace(wanted.query, limit=_STEP), list[IncidentState]()
        for _ in range(_LOOKED_THROUGH // _STEP):
            page = self._projection().incidents(query)
            found += [state for state in page.incidents if _holds(state, text)]
            query = replace(query, cursor=page.cursor)
            if page.cursor is None or len(found) >= wanted.query.limit:
                break
        return Page(found, query.cursor)


def _holds(state: IncidentState, text: str) -> bool:
    return any(text in str(getattr(state, name)).casefold() for name in _SEARCHED)
