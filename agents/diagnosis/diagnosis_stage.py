"""The diagnosis stage: answers an open candidate with a diagnosis, a recommendation and the fact for the record.

It speaks as soon as two kinds of evidence name a cause, else when the wait is over, with whatever there is (`partial`). It
speaks again, at most every `again_s`, while nothing was decided but that a human shall: when the candidate was reclassified,
or when its last word was partial, unsure or named no cause and more evidence came that changes it.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from agents.diagnosis.case_file import Bounds, CaseFile, Opening, Told, closed, opened, opening_of, since, with_evidence
from agents.diagnosis.hypotheses import Explanation, best_of, explain, is_unknown
from agents.diagnosis.log_evidence import is_telling
from agents.diagnosis.neighbourhood import Neighbourhood
from agents.diagnosis.outputs import Finding, outputs_of
from agents.diagnosis.remedies import confidence_in, root_cause
from agents.diagnosis.signals import Case
from agents.series.values import check_finite
from schemas.convert import from_dict, to_dict
from schemas.records.analysis import CandidateState, IncidentCandidate
from schemas.records.command import ActionState
from schemas.records.intake import LogLine, TopologyEdge
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Classification, Millis
from state.incident import EventType
from streams.stage import Received, Step
from streams.topics import ANOMALIES, CANDIDATES, DIAGNOSES, EVENTS, LOGS, SAMPLED, TOPOLOGY, Topic

_ENDS = (EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED)
_READ = frozenset({EventType.DECISION_MADE, EventType.ACTION_COMPLETED, *_ENDS})
# Kinds of evidence from which a diagnosis need not wait for more.
ENOUGH_KINDS = 2
# A second word is worth saying when it names another cause, or is surer by this.
SURER = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisRules:
    """The stage's numbers.

    Args:
        wait_s: longest wait for a second kind of evidence, in arrival time.
        again_s: least time between two diagnoses of an episode.
        enough_confidence: in a named cause, from which the wait ends early.
        sure_confidence: from which more evidence is not looked at again. Above consensus' gates: telemetry that comes late
            takes back what its absence cost.
        idle_s: without evidence or an episode, after which an incident is forgotten.
    """

    wait_s: float = 5.0
    again_s: float = 10.0
    enough_confidence: float = 0.5
    sure_confidence: float = 0.85
    idle_s: float = 900.0
    bounds: Bounds = field(default_factory=Bounds)


class DiagnosisStage:
    """Implements Stage[CaseFile], by incident; `neighbourhood` is its view of all others."""

    name = "diagnosis"
    # The graph is read as a view; as a source it is passed over, but for what cannot be read: that is dead-lettered here.
    sources: tuple[Topic, ...] = (CANDIDATES, SAMPLED, ANOMALIES, LOGS, EVENTS, TOPOLOGY)
    views: tuple[Topic, ...] = (TOPOLOGY, ANOMALIES, DIAGNOSES)

    def __init__(self, rules: DiagnosisRules | None = None, neighbourhood: Neighbourhood | None = None) -> None:
        self._rules = rules or DiagnosisRules()
        self.neighbourhood = neighbourhood or Neighbourhood()

    def key(self, received: Received[Any]) -> str | None:
        """The incident; log lines that tell nothing and events of no concern are passed over.

        Raises:
            DecodeError: a candidate has a figure that is not finite; such a one would outlive its record in the state.
        """
        record = received.record
        if isinstance(record, IncidentCandidate):
            quality = record.quality
            check_finite("A candidate", record.confidence, record.confidence_low, record.confidence_high)
            check_finite(
                "A candidate's quality", quality.stale_s, quality.late_share, quality.missing_share, quality.skew_s
            )
        if isinstance(record, TopologyEdge):
            return None
        if isinstance(record, LogLine) and not is_telling(record):
            return None
        if isinstance(record, IncidentEvent) and record.type not in _READ:
            return None
        found: str = record.incident_id
        return found

    def initial(self, key: str) -> CaseFile:  # noqa: ARG002 - the protocol's shape
        """Nothing was heard."""
        return CaseFile()

    def decide(self, state: CaseFile, received: Received[Any]) -> Step[CaseFile]:
        """Take evidence in, follow the episode, and diagnose when it is time."""
        record, now = received.record, received.position.arrived_at
        if isinstance(record, IncidentCandidate):
            return self._look(self._with_candidate(state, received), now)
        if isinstance(record, IncidentEvent):
            return self._look(self._with_event(state, record), now)
        return self._look(self._with_evidence(state, received), now)

    def tick(self, key: str, state: CaseFile, now: Millis) -> Step[CaseFile] | None:  # noqa: ARG002
        """Diagnose when the wait is over; forget what nothing has come of."""
        if state.due_at is not None:
            return self._look(state, now) if now >= state.due_at else None
        if state.opening is None and not state.empty and now - state.heard_at > self._rules.idle_s * 1000:
            return Step(closed(state.episode) if state.episode else None)
        return None

    def waits(self, state: CaseFile) -> bool:
        """While a diagnosis is due, or evidence without an episode may have to be forgotten."""
        return state.due_at is not None or (state.opening is None and not state.empty)

    def observe(self, received: Received[Any]) -> None:
        """Take an edge, or an anomaly or a diagnosis of any incident, into the view."""
        self.neighbourhood.observe(received)

    def dump(self, state: CaseFile) -> dict[str, Any]:
        """As JSON holds it."""
        return to_dict(state)

    def load(self, fields: dict[str, Any]) -> CaseFile:
        """What `dump` wrote."""
        return from_dict(CaseFile, fields)

    def _with_candidate(self, file: CaseFile, received: Received[IncidentCandidate]) -> CaseFile:
        candidate, where = received.record, received.position
        if candidate.episode < file.episode or (candidate.episode == file.episode and file.over):
            return file
        if candidate.state != CandidateState.OPEN:
            return closed(candidate.episode)
        if candidate.episode > file.episode:
            return opened(file, received, int(self._rules.wait_s * 1000))
        file = replace(file, opening=opening_of(received))
        if file.told is not None and file.told.of != candidate.classification:
            return self._again(file, where.arrived_at)
        return file

    def _with_event(self, file: CaseFile, event: IncidentEvent) -> CaseFile:
        if event.type in _ENDS:
            return closed(event.episode) if event.episode >= file.episode else file
        if event.episode != file.episode:
            return file
        if event.type == EventType.DECISION_MADE:
            # The first diagnosis of an episode is owed to people even then.
            decided = bool(json.loads(event.payload).get("autonomous", True))
            return replace(file, decided=decided, due_at=None if file.told and decided else file.due_at)
        failed = json.loads(event.payload)["state"] in (ActionState.FAILED, ActionState.ROLLED_BACK)
        return replace(file, decided=False) if failed else file

    def _with_evidence(self, file: CaseFile, received: Received[Any]) -> CaseFile:
        file = with_evidence(file, received, self._rules.bounds)
        if file.told is not None and not file.told.settled and file.due_at is None:
            return self._again(file, received.position.arrived_at)
        return file

    def _again(self, file: CaseFile, now: Millis) -> CaseFile:
        if file.decided or file.over or file.opening is None:
            return file
        return replace(file, due_at=max(now, file.looked_at + int(self._rules.again_s * 1000)))

    def _look(self, file: CaseFile, now: Millis) -> Step[CaseFile]:
        if file.due_at is None or file.opening is None:
            return Step(file)
        overdue = now >= file.due_at
        if file.told is not None and not overdue:
            return Step(file)
        case = self._case(file, file.opening, now)
        explanations = explain(case)
        best = best_of(explanations)
        if not overdue and not self._enough(case, best):
            return Step(file)
        return self._tell(file, case, explanations, best)

    def _case(self, file: CaseFile, opening: Opening, now: Millis) -> Case:
        file = since(file, now - int(self._rules.bounds.window_s * 1000))
        candidate = opening.candidate
        place = (candidate.tenant, candidate.environment, candidate.service)
        around = max([candidate.occurred_at, *(fact.last_at for fact in file.anomalies)])
        return Case(
            candidate=candidate, guess=opening.trigger, alerts=file.alerts, anomalies=file.anomalies, logs=file.logs,
            suspects=self.neighbourhood.suspects(place, now, around), now=now,
        )  # fmt: skip

    def _enough(self, case: Case, best: Explanation) -> bool:
        if len(case.kinds()) < ENOUGH_KINDS or is_unknown(best):
            return False
        # A cascade whose origin the view does not show yet is worth the wait.
        if case.candidate.classification == Classification.CASCADE and best.suspect is None:
            return False
        return best.hypothesis.confidence >= self._rules.enough_confidence

    def _tell(self, file: CaseFile, case: Case, explanations: list[Explanation], best: Explanation) -> Step[CaseFile]:
        partial = len(case.kinds()) < ENOUGH_KINDS
        told = Told(
            number=file.told.number + 1 if file.told else 1, at=case.now, of=case.candidate.classification,
            root_cause=root_cause(best), confidence=confidence_in(best),
            settled=not partial and not is_unknown(best) and confidence_in(best) >= self._rules.sure_confidence,
        )  # fmt: skip
        looked = replace(file, due_at=None, looked_at=case.now)
        if file.told is not None and not _worth_saying(file.told, told):
            return Step(looked)
        finding = Finding(case=case, explanations=explanations, best=best, partial=partial, number=told.number)
        return Step(replace(looked, told=told), outputs_of(finding))


def _worth_saying(before: Told, after: Told) -> bool:
    if before.of != after.of or before.root_cause != after.root_cause or before.settled != after.settled:
        return True
    return after.confidence >= before.confidence + SURER
