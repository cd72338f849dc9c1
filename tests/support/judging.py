"""What detection says of labelled troubles: the stage's own decisions, as they come."""

from dataclasses import dataclass

from agents.detection.candidates_stage import CandidatesStage
from schemas.records.analysis import Anomaly, CandidateState, IncidentCandidate
from schemas.records.intake import Alert
from schemas.records.vocabulary import Classification, Millis
from streams.stage import Position, Received
from streams.topics import ACCOUNT, ANOMALIES, SAMPLED
from tests.support.signals import INCIDENT
from tests.support.troubles import Signal


@dataclass(frozen=True, slots=True)
class Said:
    """The kind that was said last, and when (event time) the incident was opened; both None where none was."""

    kind: Classification | None
    opened_at: Millis | None
    candidates: tuple[IncidentCandidate, ...]


def said_of(signals: list[tuple[Millis, Signal]]) -> Said:
    """What the stage `candidates` says, fed each signal as it arrives."""
    stage = CandidatesStage()
    state, found = stage.initial(INCIDENT), []
    for offset, (arrived_at, signal) in enumerate(signals):
        topic = SAMPLED if isinstance(signal, Alert) else ANOMALIES if isinstance(signal, Anomaly) else ACCOUNT
        step = stage.decide(state, Received(signal, Position(topic.name, 0, offset, arrived_at)))
        state = step.state or stage.initial(INCIDENT)
        found += [output.record for output in step.outputs if isinstance(output.record, IncidentCandidate)]
    opens = [one for one in found if one.state is CandidateState.OPEN]
    return Said(opens[-1].classification if opens else None, opens[0].occurred_at if opens else None, tuple(found))
