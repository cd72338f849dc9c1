"""From a counted vote to what is published: the decision with its votes and its reason, and the question to a human."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.consensus.arithmetic import Option, Tally
from agents.consensus.ballot_box import BallotBox
from schemas.identity import stable_id
from schemas.records.analysis import Recommendation
from schemas.records.command import Decision, Vote
from schemas.records.vocabulary import Action, Agent, Evidence, Millis, Tier
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output
from streams.topics import COMMANDS, DECISIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """How a vote ended: the option that was taken (None: there was nothing to take), on what occasion, what speaks against
    carrying it out without a human, and at what time."""

    box: BallotBox
    counted: Tally
    taken: Option | None
    occasion: str
    against: list[str]
    role: str
    now: Millis

    @property
    def incident(self) -> Recommendation:
        """The latest word, for what all of them say alike: incident, tenant, service."""
        return self.box.heard[-1].recommendation

    @property
    def decision_id(self) -> str:
        """Concluded twice after a crash, it is the same decision: its id is of the episode and the round."""
        return stable_id("decision", self.incident.incident_id, self.box.episode, self.box.round + 1)

    @property
    def tier(self) -> Tier:
        """The highest tier that any agent named: risk is judged by it."""
        return tier_of(self.box)


def tier_of(box: BallotBox) -> Tier:
    """The highest tier that any agent named."""
    return max((each.recommendation.tier for each in box.heard), key=lambda tier: tier.rank)


def evidence_at(counted: Tally, otherwise: Millis) -> Millis:
    """When the newest of the counted recommendations was made."""
    return max((voice.occurred_at for voice in counted.participants), default=otherwise)


def reason_of(conclusion: Conclusion) -> str:
    """The decision in words: what, by whom, on what occasion, why a human has to decide, and who was not counted."""
    taken, box = conclusion.taken, conclusion.box
    parts = [f"Decided {conclusion.occasion}: {_what(taken)}"]
    if conclusion.against:
        parts.append(f"A human decides: {'; '.join(conclusion.against)}.")
    if box.clarified:
        parts.append(f"{box.clarified} clarification rounds passed before.")
    abstaining = [each.recommendation.agent for each in box.heard if each.recommendation.abstains and not each.fault]
    if abstaining:
        parts.append(f"Abstaining: {', '.join(sorted(abstaining))}.")
    faults = [each.fault for each in box.heard if each.fault]
    if faults:
        parts.append(f"Set aside ({len(faults)}): {'; '.join(sorted(faults))}.")
    if box.excluded:
        parts.append(f"Not again: {', '.join(f'{each.action} {each.target}' for each in box.excluded)}.")
    return " ".join(parts)


def outputs_of(conclusion: Conclusion, weights: Mapping[Agent, float]) -> tuple[Output, ...]:
    """The decision, its fact for the event store, and the question to a human where one has to decide."""
    decision = _decision(conclusion, weights)
    key = conclusion.incident.incident_id
    made = (
        Output(DECISIONS, key, decision),
        Output(COMMANDS, key, _fact(conclusion, EventType.DECISION_MADE, decision)),
    )
    return made if decision.autonomous else (*made, question(conclusion))


def question(conclusion: Conclusion) -> Output:
    """Asks a human, with all that was tried."""
    payload = {
        "role": conclusion.role,
        "reason": reason_of(conclusion),
        "decision_id": conclusion.decision_id,
        "tried": conclusion.box.tried,
    }
    return Output(COMMANDS, conclusion.incident.incident_id, _fact(conclusion, EventType.HUMAN_REQUESTED, payload))


def _what(taken: Option | None) -> str:
    if taken is None:
        return "no agent recommends anything that could be counted."
    by = ", ".join(voice.agent for voice in taken.supporters)
    return f"{taken.action} {taken.target} by {by}, confidence {taken.confidence:.4g}, support {taken.support:.4g}."


def _fact(conclusion: Conclusion, kind: EventType, payload: object) -> object:
    incident = conclusion.incident
    return append_event(
        kind, incident_id=incident.incident_id, tenant=incident.tenant, episode=conclusion.box.episode,
        payload=payload, agent=Agent.CONSENSUS, occurred_at=conclusion.now, source=conclusion.box.heard[-1].place,
        causation_id=conclusion.decision_id,
    )  # fmt: skip


def _decision(conclusion: Conclusion, weights: Mapping[Agent, float]) -> Decision:
    incident, taken = conclusion.incident, conclusion.taken
    autonomous = taken is not None and not conclusion.against
    return Decision(
        decision_id=conclusion.decision_id,
        incident_id=incident.incident_id,
        tenant=incident.tenant,
        environment=incident.environment,
        service=incident.service,
        tier=conclusion.tier,
        episode=conclusion.box.episode,
        action=taken.action if taken else Action.NOOP,
        target=taken.target if taken else incident.service,
        parameters=taken.supporters[0].parameters if taken else {},
        score=taken.score if taken else 0.0,
        confidence=taken.confidence if taken else 0.0,
        support=taken.support if taken else 0.0,
        autonomous=autonomous,
        escalated_to="" if autonomous else conclusion.role,
        reason=reason_of(conclusion),
        fallback=False,
        votes=_votes(conclusion, weights),
        evidence_at=evidence_at(conclusion.counted, conclusion.now),
        occurred_at=conclusion.now,
    )


def _votes(conclusion: Conclusion, weights: Mapping[Agent, float]) -> list[Vote]:
    places = {each.recommendation.agent: each.place for each in conclusion.box.heard}
    return [_vote(voice, weights[voice.agent], places[voice.agent]) for voice in conclusion.counted.participants]


def _vote(voice: Recommendation, weight: float, place: Evidence) -> Vote:
    """A vote; its evidence begins with the recommendation's own record."""
    return Vote(
        agent=voice.agent,
        weight=weight,
        action=voice.action,
        target=voice.target,
        confidence=voice.confidence,
        rationale=voice.rationale,
        evidence=[place, *voice.evidence],
    )
