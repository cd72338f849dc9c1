"""What the diagnosis stage publishes of a finding: the diagnosis, the recommendation, and the fact for the event store."""

from dataclasses import dataclass

from agents.diagnosis.hypotheses import Explanation
from agents.diagnosis.remedies import action_for, confidence_in, root_cause
from agents.diagnosis.signals import Case
from schemas.identity import stable_id
from schemas.records.analysis import Diagnosis, Recommendation
from schemas.records.vocabulary import Action, Agent, Classification
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output
from streams.topics import COMMANDS, DIAGNOSES, RECOMMENDATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The `number`-th diagnosis of an episode, before it is put into records."""

    case: Case
    explanations: list[Explanation]
    best: Explanation
    partial: bool
    number: int

    @property
    def diagnosis_id(self) -> str:
        """Said twice after a crash, it is the same diagnosis: its id is of the episode and the number."""
        candidate = self.case.candidate
        return stable_id("diagnosis", candidate.incident_id, candidate.episode, self.number)


def outputs_of(finding: Finding) -> tuple[Output, ...]:
    """The records of a finding, in the order in which they are published."""
    candidate, diagnosis = finding.case.candidate, _diagnosis(finding)
    command = append_event(
        EventType.DIAGNOSIS_MADE, incident_id=candidate.incident_id, tenant=candidate.tenant, episode=candidate.episode,
        payload=diagnosis, agent=Agent.DIAGNOSIS, occurred_at=finding.case.now, source=finding.case.guess,
        causation_id=diagnosis.diagnosis_id,
    )  # fmt: skip
    return (
        Output(DIAGNOSES, candidate.incident_id, diagnosis),
        Output(COMMANDS, candidate.incident_id, command),
        Output(RECOMMENDATIONS, candidate.incident_id, _recommendation(finding)),
    )


def _diagnosis(finding: Finding) -> Diagnosis:
    candidate, best = finding.case.candidate, finding.best
    return Diagnosis(
        diagnosis_id=finding.diagnosis_id,
        incident_id=candidate.incident_id,
        tenant=candidate.tenant,
        environment=candidate.environment,
        service=candidate.service,
        episode=candidate.episode,
        root_cause=root_cause(best),
        classification=Classification.CASCADE if best.suspect else best.hypothesis.classification,
        confidence=confidence_in(best),
        parent_incident_id=best.suspect.incident_id if best.suspect else None,
        hypotheses=[each.hypothesis for each in finding.explanations],
        partial=finding.partial,
        occurred_at=finding.case.now,
    )


def _recommendation(finding: Finding) -> Recommendation:
    candidate, best = finding.case.candidate, finding.best
    return Recommendation(
        recommendation_id=stable_id("recommendation", finding.diagnosis_id),
        incident_id=candidate.incident_id,
        tenant=candidate.tenant,
        environment=candidate.environment,
        service=candidate.service,
        tier=candidate.tier,
        episode=candidate.episode,
        agent=Agent.DIAGNOSIS,
        abstains=False,
        action=action_for(best),
        target=candidate.service,
        confidence=confidence_in(best),
        rationale=_rationale(best),
        evidence=best.hypothesis.evidence,
        occurred_at=finding.case.now,
        parameters={"parent_incident_id": best.suspect.incident_id} if best.suspect else {},
    )


def _rationale(best: Explanation) -> str:
    said = best.hypothesis.rationale
    if best.suspect is not None:
        return f"{said} Nothing is to be done here: {best.suspect.service} is to blame ({best.suspect.incident_id})."
    if action_for(best) == Action.NOOP:
        return f"{said} No remedy is known for it."
    return said
