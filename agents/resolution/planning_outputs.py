"""What the planning stage says: votes, intents, refusals, and questions to a human."""

from agents.resolution.plan import action_id, refusal_of
from agents.resolution.planning_state import Held, PlanningState, Subject, Waiting
from agents.resolution.runbook import Advice
from agents.resolution.targets import Target
from schemas.identity import stable_id
from schemas.records.analysis import Recommendation
from schemas.records.command import ActionRecord
from schemas.records.vocabulary import Action, Agent, Millis
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output, Position
from streams.topics import ACTIONS, COMMANDS, RECOMMENDATIONS

# Who is asked, as consensus asks.
ROLE = "senior_sre"


def vote(
    incident_id: str, state: PlanningState, subject: Subject, advice: Advice | None, position: Position, because: str
) -> Output:
    """The runbook's vote; an abstention where it advises nothing."""
    kind = state.classification.lower().replace("_", " ")
    nothing = f"The runbook has no remedy for {kind} that is allowed and has not failed in this episode."
    record = Recommendation(
        recommendation_id=position.derived_id("planning"),
        incident_id=incident_id,
        tenant=subject.tenant,
        environment=subject.environment,
        service=subject.service,
        tier=subject.tier,
        episode=state.episode,
        agent=Agent.RESOLUTION,
        abstains=advice is None,
        action=advice.action if advice else Action.NOOP,
        target=subject.service,
        confidence=advice.confidence if advice else 0.0,
        rationale=advice.rationale if advice else nothing,
        evidence=[position.evidence(because)],
        occurred_at=position.arrived_at,
    )
    return Output(RECOMMENDATIONS, incident_id, record)


def intent(record: ActionRecord, held: Held) -> tuple[Output, ...]:
    """The command that puts an intent on record, and the intent itself."""
    command = append_event(
        EventType.ACTION_INTENDED,
        incident_id=record.incident_id,
        tenant=record.tenant,
        episode=record.episode,
        payload=record,
        agent=Agent.RESOLUTION,
        occurred_at=record.occurred_at,
        source=held.source,
        causation_id=record.action_id,
    )
    return (Output(COMMANDS, record.incident_id, command), Output(ACTIONS, record.incident_id, record))


def refusal(state: PlanningState, held: Held, reason: str, target: Target | None, now: Millis) -> tuple[Output, ...]:
    """The record of what was refused, and the question to a human that takes its place."""
    incident_id = held.decision.incident_id
    record = refusal_of(held.decision, reason, target, now)
    about = held.waiting(action_id(held.decision), now)
    return (Output(ACTIONS, incident_id, record), question(incident_id, state, about, reason, now))


def question(incident_id: str, state: PlanningState, about: Waiting, reason: str, now: Millis) -> Output:
    """The command that asks a human: what for, and what was tried. About one thing it asks once."""
    command = append_event(
        EventType.HUMAN_REQUESTED,
        incident_id=incident_id,
        tenant=about.tenant,
        episode=state.episode,
        payload={"role": ROLE, "reason": reason, "tried": state.tried, "about": about.about},
        agent=Agent.RESOLUTION,
        occurred_at=now,
        source=about.source,
        causation_id=stable_id("asked", about.about),
    )
    return Output(COMMANDS, incident_id, command)
