"""Commands as stages send them: legal ones made from a history of events, and any that may go wrong."""

import json

from hypothesis import strategies as st

from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Agent
from state.incident import EventType, IncidentState
from tests.support.event_sequences import FIRST_MS
from tests.support.payloads import payload_of


def command(
    kind: str = EventType.INCIDENT_OPENED,
    *,
    command_id: str = "command-1",
    incident_id: str = "inc-checkout",
    episode: int = 1,
    payload: str | None = None,
    expected_version: int | None = None,
    ordinal: int = 1,
) -> IncidentCommand:
    """A command; its payload is one that its type takes, but where another is given."""
    state = IncidentState(incident_id=incident_id)
    fields = payload_of(EventType(kind), state, FIRST_MS, ordinal) if payload is None else None
    return IncidentCommand(
        command_id=command_id,
        incident_id=incident_id,
        tenant="default",
        episode=episode,
        type=kind,
        payload=json.dumps(fields, sort_keys=True) if payload is None else payload,
        expected_version=expected_version,
        occurred_at=FIRST_MS,
        agent=Agent.DETECTION,
        correlation_id=f"{incident_id}:{episode}",
        causation_id=f"cause-{command_id}",
        source_topic="incident.candidates",
        source_partition=0,
        source_offset=ordinal,
        basis=f"{ordinal:016x}" if ordinal % 2 else "",
    )


@st.composite
def command_logs(draw: st.DrawFn, *, most: int = 40) -> list[IncidentCommand]:
    """A commands' topic: of a few incidents, many commands refused, some made twice."""
    log: list[IncidentCommand] = []
    for ordinal in range(draw(st.integers(0, most))):
        if log and draw(st.integers(0, 9)) == 0:
            log.append(draw(st.sampled_from(log)))
            continue
        kind = draw(st.sampled_from(_OFTEN))
        made = command(
            kind,
            command_id=f"command-{ordinal}",
            incident_id=draw(st.sampled_from(["inc-0", "inc-1", "inc-2"])),
            episode=draw(st.sampled_from([1, 1, 1, 2, 2, 3])),
            payload=draw(st.sampled_from(["{}", "[]", "null", "{", '{"how": 7}'])) if draw(st.booleans()) else None,
            expected_version=draw(st.sampled_from([None, None, None, 0, 1, 2, 5])),
            ordinal=ordinal,
        )
        log.append(made)
    return log


# Opening and ending are drawn more often than the rest, so that histories have several episodes.
_OFTEN = [*EventType, *[EventType.INCIDENT_OPENED] * 6, *[EventType.INCIDENT_RESOLVED] * 3]
