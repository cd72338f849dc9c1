"""What the page asks: the functions below the API, without HTTP between."""

from collections.abc import Callable
from dataclasses import dataclass

from ops.api.approvals import Approvals
from ops.api.condition import Condition
from ops.api.exports import Exports
from ops.api.incident_pages import IncidentPages
from ops.api.lag import Board
from ops.api.letters import LettersDesk
from ops.api.overview import Overview
from ops.api.records import ReadRecord
from ops.api.sightings import Sightings
from schemas.records.vocabulary import Millis
from state.ports import Projection


@dataclass(frozen=True, slots=True)
class Sources:
    """All that is shown comes from here; `clock`: epoch ms."""

    projection: Callable[[], Projection]
    pages: IncidentPages
    overview: Overview
    board: Board
    sightings: Sightings
    condition: Condition
    approvals: Approvals
    letters: LettersDesk
    exports: Exports
    read: ReadRecord
    clock: Callable[[], Millis]
