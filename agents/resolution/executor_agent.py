"""Carries committed intents out: asks whether it was done, does it, verifies it, says how it went.

The intent is in the event store before its effect, and every intent gets an outcome. Called again with the same events,
after a crash at any point, it asks the target first (and its own note of outcomes before that), so nothing is done twice.
"""

import asyncio
import json
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from agents.resolution.errors import ResolutionError
from agents.resolution.executors import Executor, Outcome
from agents.resolution.health import Health, HealthCheck
from agents.resolution.outcomes import OutcomeLog
from agents.resolution.plan import Plan, plan_in
from agents.resolution.targets import Targets
from schemas.convert import from_dict
from schemas.records.command import ActionRecord, ActionState
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action, Agent, Millis
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output, Position, Received
from streams.topics import ACTIONS, COMMANDS

log = structlog.get_logger()

# Facts remembered about actions and episodes; older ones are asked of the targets.
_REMEMBERED = 10_000
_HOW = {Action.RESTART: "restart", Action.SCALE_UP: "scale-up", Action.ROLLBACK: "rollback"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionLimits:
    """Seconds that one action may take, verification included; and the age from which an intent is not begun any more."""

    limit_s: float = 300.0
    stale_intent_s: float = 300.0


class ActionExecutor:
    """The effect handler for `incident.events`.

    Args:
        executors: by the name that targets.json uses. targets: what may be acted on. health: verifies.
        outcomes: what was told. clock: epoch ms.
    """

    def __init__(
        self,
        executors: Mapping[str, Executor],
        targets: Targets,
        health: HealthCheck,
        outcomes: OutcomeLog,
        clock: Callable[[], Millis],
        limits: ExecutionLimits | None = None,
    ) -> None:
        self._executors, self._targets, self._health = executors, targets, health
        self._outcomes, self._clock, self._limits = outcomes, clock, limits or ExecutionLimits()
        self._completed: OrderedDict[str, None] = OrderedDict()
        self._ended: OrderedDict[str, int] = OrderedDict()

    async def handle(self, received: list[Received[IncidentEvent]]) -> list[Output]:
        """Carry the intents among these events out: incidents at once, an incident's own in order.

        Never raises for what a target or an executor does: that is an outcome.
        """
        intents: dict[str, list[Received[IncidentEvent]]] = defaultdict(list)
        for item in received:
            self._learn(item.record)
            if item.record.type == EventType.ACTION_INTENDED:
                intents[item.record.incident_id].append(item)
        answers = await asyncio.gather(*(self._in_order(items) for items in intents.values()))
        return [output for outputs in answers for output in outputs]

    def _learn(self, event: IncidentEvent) -> None:
        if event.type == EventType.ACTION_COMPLETED:
            self._completed[json.loads(event.payload).get("action_id", "")] = None
            if len(self._completed) > _REMEMBERED:
                self._completed.popitem(last=False)
        elif event.type in (EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED):
            self._ended[event.incident_id] = max(event.episode, self._ended.get(event.incident_id, 0))
            if len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)

    async def _in_order(self, items: list[Received[IncidentEvent]]) -> list[Output]:
        outputs: list[Output] = []
        for item in items:
            intent = _intent(item.record)
            if intent is not None and intent.action_id not in self._completed:
                outputs += _told(await self._outcome_of(intent), item.position, self._clock())
        return outputs

    async def _outcome_of(self, intent: ActionRecord) -> ActionRecord:
        told = await asyncio.to_thread(self._outcomes.find, intent.action_id)
        if told is not None:
            return told
        outcome = replace(await self._carried_out(intent), occurred_at=self._clock())
        await asyncio.to_thread(self._outcomes.add, outcome)
        return outcome

    async def _carried_out(self, intent: ActionRecord) -> ActionRecord:
        limit = asyncio.timeout(self._limits.limit_s)
        try:
            async with limit:
                return await self._attempt(intent, plan_in(intent))
        except ResolutionError as error:
            return _failed(intent, str(error))
        except Exception as error:  # whatever a plugged-in executor raises is the action's outcome
            if limit.expired():
                return _failed(
                    intent, f"not done and verified within {self._limits.limit_s:.0f} s; it may yet take effect"
                )
            log.exception("an executor failed", action_id=intent.action_id, executor=intent.executor)
            return _failed(intent, f"the executor {intent.executor} failed: {type(error).__name__}: {error}")

    async def _attempt(self, intent: ActionRecord, plan: Plan) -> ActionRecord:
        executor = self._executors.get(plan.executor)
        if executor is None:
            return _failed(intent, f"this worker has no executor {plan.executor!r}; it has {sorted(self._executors)}")
        found = await executor.find(plan)
        if found is None:
            obstacle = self._obstacle(intent, plan) or await executor.dry_run(plan)
            if obstacle:
                return _failed(intent, f"nothing was done: {obstacle}")
        effect = found or await executor.execute(plan)
        record = replace(intent, reconciled=found is not None, detail=effect.detail)
        if effect.undone:
            return replace(record, state=ActionState.ROLLED_BACK)
        health = await self._health.verify(plan.health_url)
        record = replace(record, healthy=health.healthy, checks=health.checks)
        if health.healthy:
            return replace(record, state=ActionState.SUCCEEDED, detail=f"{effect.detail}; {health.detail}")
        return await self._taken_back(executor, plan, record, effect, health)

    async def _taken_back(
        self, executor: Executor, plan: Plan, record: ActionRecord, effect: Outcome, health: Health
    ) -> ActionRecord:
        tried = f"{effect.detail}; {health.detail}"
        try:
            undone = await executor.undo(plan)
        except ResolutionError as error:
            return replace(record, state=ActionState.FAILED, detail=f"{tried}; it could not be taken back: {error}")
        if undone is None:
            detail = f"{tried}; a {_HOW.get(plan.action, plan.action)} cannot be taken back"
            return replace(record, state=ActionState.FAILED, detail=detail)
        return replace(record, state=ActionState.ROLLED_BACK, detail=f"{tried}; {undone.detail}")

    def _obstacle(self, intent: ActionRecord, plan: Plan) -> str | None:
        """What has changed since the intent so that it must not be begun now."""
        if self._ended.get(intent.incident_id, 0) >= intent.episode:
            return "the episode had ended before the action began"
        # A plan that a person approved is older than the word to carry it out.
        age_s = (self._clock() - max(plan.intended_at, intent.occurred_at)) / 1000
        if age_s > self._limits.stale_intent_s:
            return f"the intent is {age_s:.0f} s old, more than {self._limits.stale_intent_s:.0f} s"
        target = self._targets.find(plan.tenant, plan.environment, plan.service)
        if target is None or not target.allows(plan.action):
            return f"targets.json does not allow {plan.action} on {plan.service} any more"
        if (target.executor, target.handle, str(target.health_url)) != (plan.executor, plan.name, plan.health_url):
            return f"the target {plan.service} was changed in targets.json since the intent"
        return None


def _intent(event: IncidentEvent) -> ActionRecord | None:
    try:
        return from_dict(ActionRecord, json.loads(event.payload))
    except (ValueError, KeyError, TypeError) as error:
        # Nothing can be said about an action without its id; the planning stage asks a human when no outcome comes.
        log.error("an intent cannot be read", event_id=event.event_id, reason=str(error))
        return None


def _failed(intent: ActionRecord, reason: str) -> ActionRecord:
    return replace(intent, state=ActionState.FAILED, detail=reason)


def _told(outcome: ActionRecord, position: Position, now: Millis) -> list[Output]:
    """The outcome for the event store and for `actions`; and that the incident is resolved, where it is."""
    said: list[tuple[EventType, ActionRecord | dict[str, str]]] = [(EventType.ACTION_COMPLETED, outcome)]
    if outcome.state == ActionState.SUCCEEDED:
        how = f"{_HOW.get(outcome.action, outcome.action.lower())} verified healthy"
        said.append((EventType.INCIDENT_RESOLVED, {"how": how, "action_id": outcome.action_id}))
    commands = [
        append_event(
            kind,
            incident_id=outcome.incident_id,
            tenant=outcome.tenant,
            episode=outcome.episode,
            payload=payload,
            agent=Agent.RESOLUTION,
            occurred_at=now,
            source=position.evidence(f"{outcome.action} on {outcome.target} intended"),
            causation_id=outcome.action_id,
        )
        for kind, payload in said
    ]
    outputs = [Output(COMMANDS, outcome.incident_id, command) for command in commands]
    return [*outputs, Output(ACTIONS, outcome.incident_id, outcome)]
