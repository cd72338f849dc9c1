"""An incident lived through again by other settings: the same world outside, all agents, the ledger; no Kafka, no effect.

Where `rerun` gives every stage its recorded input, here a stage gets what the stages before it say now. What they hand on is read
at once: on a calm machine it takes milliseconds. Ticks come once a second. Outside is what is on record: alerts, metrics, log
lines, what was allowed, what other services suffered, and what an action came to, if the same action was taken then.
"""

import json
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any

from ops.composition.analysis_stages import incident_stages, series_stages
from ops.composition.command_stages import command_stages
from ops.composition.edge import sampling_rules
from ops.reexecution.figures import Figures, figures_of
from ops.reexecution.reading_back import ReadBack
from ops.reexecution.rerun import NoTargets
from ops.reexecution.resampling import Arrival, resample
from ops.reexecution.seal import sealed
from ops.settings import Settings
from schemas.convert import from_dict
from schemas.errors import DecodeError
from schemas.records.command import ActionRecord, ActionState
from schemas.records.grouping import GroupChange, GroupTold
from schemas.records.journal import StepTaken
from schemas.records.log import IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Agent, Millis
from state.commands import append_event
from state.incident import EventType
from state.ledger import PartitionLedger
from streams.stage import Output, Position, Received, Stage, Step
from streams.topics import (
    ACCOUNT,
    ALERTS,
    ANOMALIES,
    COMMANDS,
    EVENTS,
    GROUPS,
    LOGS,
    METRICS,
    PREDICTIONS,
    SAMPLED,
    STORMS,
    Topic,
)

_TICK_MS = 1_000
# After the last record: waits for humans and for alerts to clear end within it.
_AFTER_MS = 330_000
_NOTHING = {"diagnosis": "[]", "planning": '{"target":null}', "consensus": '{"group":"","topic":"","lag_s":0}'}


def simulate(log: ReadBack, settings: Settings) -> Figures:
    """What becomes of the incident by these settings."""
    with sealed():
        return _World(log, settings).lived()


def as_recorded(log: ReadBack) -> Figures:
    """What became of it, by the record."""
    kept = sum(1 for _ in log.all(SAMPLED))
    return figures_of(log.recording.incident_id, [received.record for received in log.all(EVENTS)], kept)


class AnswersThen:
    """Answers with what the stage was told last, at the time that the simulation is at."""

    def __init__(self, stage: str, steps: Iterable[StepTaken]) -> None:
        told = sorted((step.at, one.text) for step in steps if step.stage == stage for one in step.answers)
        self._times, self._texts = [at for at, _ in told], [text for _, text in told]
        self._nothing = _NOTHING[stage]
        self.now: Millis = 0

    def ask(self, answer: Callable[[], str]) -> str:  # noqa: ARG002 - sealed off
        """The last answer before now, else the first there is."""
        if not self._texts:
            return self._nothing
        return self._texts[max(bisect_right(self._times, self.now) - 1, 0)]


class _World:
    def __init__(self, log: ReadBack, settings: Settings) -> None:
        self._log, self._incident_id = log, log.recording.incident_id
        steps = [step for step in log.steps() if step.key == self._incident_id]
        self._answers = [AnswersThen(stage, steps) for stage in ("diagnosis", "planning", "consensus")]
        self._stages: list[Stage[Any]] = [
            *series_stages(settings),
            *incident_stages(settings, self._answers[0]),
            *command_stages(settings, NoTargets(), self._answers[1], lag_answers=self._answers[2]),
        ]
        self._states: dict[tuple[str, str], Any] = {}
        self._offsets: dict[str, int] = {}
        self._ledger, self._events = PartitionLedger(), list[IncidentEvent]()
        self._due: list[tuple[Millis, int, Topic, Any]] = []
        self._number = 0
        self._outcomes = _Outcomes(log)
        self._kept = 0
        self._now: Millis = 0
        for at, topic, record in _outside(log, settings):
            self._kept += topic is SAMPLED
            self._later(at, topic, record)

    def lived(self) -> Figures:
        """Everything that comes, in order of time, and a tick each second in between and for a while after."""
        if self._due:
            self._now = self._due[0][0]
            end = max(at for at, *_ in self._due) + _AFTER_MS
            self._live(end)
        known = not self._outcomes.asked_in_vain
        return figures_of(self._incident_id, self._events, self._kept, outcome_known=known)

    def _live(self, end: Millis) -> None:
        tick = self._now + _TICK_MS
        while self._now < end and (self._due or self._waiting()):
            if self._due and self._due[0][0] <= tick:
                at, _, topic, record = heappop(self._due)
                self._set(at)
                self._read(topic, record)
            else:
                self._set(tick)
                self._tick()
                tick += _TICK_MS

    def _set(self, now: Millis) -> None:
        self._now = max(self._now, now)
        for answers in self._answers:
            answers.now = self._now

    def _later(self, at: Millis, topic: Topic, record: Any) -> None:
        self._number += 1
        heappush(self._due, (at, self._number, topic, record))

    def _waiting(self) -> bool:
        return any(stage.waits(state) for stage in self._stages for state in self._of(stage).values())

    def _of(self, stage: Stage[Any]) -> dict[str, Any]:
        return {key: state for (name, key), state in self._states.items() if name == stage.name}

    def _tick(self) -> None:
        for stage in self._stages:
            for key, state in sorted(self._of(stage).items()):
                step = stage.tick(key, state, self._now) if stage.waits(state) else None
                if step is not None:
                    self._keep(stage, key, step)
                    self._read_all(step.outputs)

    def _read_all(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self._read(output.topic, output.record)

    def _read(self, topic: Topic, record: Any) -> None:
        ahead = deque([(topic, record)])
        while ahead:
            ahead += [(output.topic, output.record) for output in self._taken(*ahead.popleft())]

    def _taken(self, topic: Topic, record: Any) -> list[Output]:
        """What comes of a record at once."""
        if topic is COMMANDS:
            return [Output(EVENTS, self._incident_id, event) for event in self._appended(record)]
        offset = self._offsets[topic.name] = self._offsets.get(topic.name, -1) + 1
        received = Received(record, Position(topic.name, 0, offset, self._now))
        if topic is EVENTS and record.type == EventType.ACTION_INTENDED:
            self._act(received)
        return [output for stage in self._stages if topic in stage.sources for output in self._decided(stage, received)]

    def _decided(self, stage: Stage[Any], received: Received[Any]) -> tuple[Output, ...]:
        try:
            key = stage.key(received)
        except DecodeError:
            return ()  # it was dead-lettered
        if key is None:
            return ()
        held = self._states.get((stage.name, key))
        step = stage.decide(stage.initial(key) if held is None else held, received)
        self._keep(stage, key, step)
        return step.outputs

    def _keep(self, stage: Stage[Any], key: str, step: Step[Any]) -> None:
        if step.state is None:
            self._states.pop((stage.name, key), None)
        else:
            self._states[stage.name, key] = step.state

    def _appended(self, command: IncidentCommand) -> list[IncidentEvent]:
        offset = self._ledger.command_offset + 1
        step = self._ledger.decide([(command, offset)], self._now)
        first = self._ledger.next_offset
        self._ledger.advance(self._ledger.place(step, list(range(first, first + len(step.events)))))
        self._events += step.events
        return list(step.events)

    def _act(self, received: Received[IncidentEvent]) -> None:
        intent = from_dict(ActionRecord, json.loads(received.record.payload))
        found = self._outcomes.of(intent)
        if found is None:
            return
        delay_ms, outcome = found
        for command in _told(intent, outcome, received, self._now + delay_ms):
            self._later(self._now + delay_ms, COMMANDS, command)


class _Outcomes:
    """What actions came to, by action and target, and how long they took."""

    def __init__(self, log: ReadBack) -> None:
        self._found: dict[tuple[str, str], tuple[Millis, ActionRecord]] = {}
        self.asked_in_vain = False
        began: dict[str, Millis] = {}
        for received in log.all(EVENTS):
            event = received.record
            if event.type in (EventType.ACTION_INTENDED, EventType.ACTION_COMPLETED):
                told = from_dict(ActionRecord, json.loads(event.payload))
                if event.type == EventType.ACTION_INTENDED:
                    began[told.action_id] = event.recorded_at
                elif told.action_id in began:
                    took = event.recorded_at - began[told.action_id]
                    self._found[str(told.action), told.target] = (took, told)

    def of(self, intent: ActionRecord) -> tuple[Millis, ActionRecord] | None:
        """How long the same took then, and what it came to; None where it was not done then."""
        found = self._found.get((str(intent.action), intent.target))
        self.asked_in_vain = self.asked_in_vain or found is None
        return found


def _told(
    intent: ActionRecord, outcome: ActionRecord, cause: Received[IncidentEvent], at: Millis
) -> list[IncidentCommand]:
    now = replace(
        intent,
        state=outcome.state,
        healthy=outcome.healthy,
        checks=outcome.checks,
        detail=outcome.detail,
        occurred_at=at,
    )
    said: list[tuple[EventType, Any]] = [(EventType.ACTION_COMPLETED, now)]
    if outcome.state == ActionState.SUCCEEDED:
        said.append((EventType.INCIDENT_RESOLVED, {"how": "as on record", "action_id": intent.action_id}))
    return [
        append_event(
            kind, incident_id=intent.incident_id, tenant=intent.tenant, episode=intent.episode, payload=payload,
            agent=Agent.RESOLUTION, occurred_at=at, source=cause.position.evidence("intended"),
            causation_id=intent.action_id,
        )
        for kind, payload in said
    ]  # fmt: skip


def _outside(log: ReadBack, settings: Settings) -> list[Arrival]:
    """What came from outside, in order of time. What was derived then is derived anew where its source is there whole."""
    alerts = log.recording.of(ALERTS)
    found: list[Arrival] = _recorded(log, LOGS)
    if alerts and _whole(log, ALERTS):
        found += resample(alerts, sampling_rules(settings, settings.partitions))
    else:
        found += [*_recorded(log, SAMPLED), *_recorded(log, ACCOUNT), *_recorded(log, STORMS)]
    points = _recorded(log, METRICS)
    found += [each for each in _recorded(log, GROUPS) if _is_told(each[2], log.recording.incident_id)]
    if points and _whole(log, METRICS):
        found += points
    else:
        found += [*_recorded(log, ANOMALIES), *_recorded(log, PREDICTIONS)]
    return sorted(found, key=lambda arrival: arrival[0])


def _recorded(log: ReadBack, topic: Topic) -> list[Arrival]:
    return [(received.position.arrived_at, topic, received.record) for received in log.all(topic)]


def _is_told(told: GroupTold, incident_id: str) -> bool:
    """Whether a group's change was told to the incident, and not by it."""
    return told.change is not GroupChange.TAKEN or told.member_id == incident_id


def _whole(log: ReadBack, topic: Topic) -> bool:
    return not any(begins for (name, _), begins in log.recording.begins.items() if name == topic.name)
