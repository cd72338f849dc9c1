"""An incident lived through by all pure stages and the ledger, without Kafka, and recorded as the workers record it.

Records lie in one partition of a log in memory. Stages read it as chance has it: who is next, of which topic, how many at once;
now and then a worker dies after it published and before it wrote its rows, and the next one begins where those rows are; some of
the dead go on for a while, as one does that was stopped and has not heard that it lost its partition.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from agents.resolution.targets import Target
from ops.composition.analysis_stages import incident_stages, series_stages
from ops.composition.command_stages import command_stages
from ops.composition.decision_settings import basis_of
from ops.reexecution.recording import Recording
from ops.settings import Settings
from schemas.convert import from_dict
from schemas.records.command import ActionRecord, ActionState
from schemas.records.grouping import GroupChange
from schemas.records.intake import LogLine, MetricPoint
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Agent, Millis, Severity
from state.commands import append_event
from state.event_log import event_key
from state.incident import EventType
from state.ledger import PartitionLedger
from state.log_reader import RawRecord
from streams.answers import AnswersNoted
from streams.deciding import PartitionDecisions
from streams.journal import Basis, PartitionJournal
from streams.outbox import Message
from streams.rows import PartitionRows
from streams.stage import Output, Position, Received, Stage
from streams.topics import (
    ACTIONS,
    BY_NAME,
    COMMANDS,
    EVENTS,
    GROUPS,
    LOGS,
    METRICS,
    SAMPLED,
    STORMS,
    Topic,
)
from streams.turns import whole
from streams.wire import Wire
from tests.support.signals import INCIDENT, NOW, alert, group, point, resolved, storm

S = 1000
PARTITION = 2
SETTINGS = Settings.model_construct()
Wrap = Callable[[Stage[Any]], Stage[Any]]


class OneTarget:
    """What the operator allows: checkout, by process."""

    def find(self, tenant: str, environment: str, service: str) -> Target | None:
        """The target, for checkout."""
        if service != "checkout":
            return None
        return Target.model_validate({
            "service": service, "tenant": tenant, "environment": environment, "executor": "process",
            "health_url": "http://127.0.0.1:9/health",
        })  # fmt: skip


@dataclass
class Table:
    """Rows as a changelog keeps them."""

    rows: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, partition: int, key: bytes) -> bytes | None:  # noqa: ARG002
        return self.rows.get(key)

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:  # noqa: ARG002
        return [key for key, row in self.rows.items() if not waiting or row.startswith(b'{"w":1')]

    def put(self, rows: dict[bytes, bytes | None]) -> None:
        for key, row in rows.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row


class Desk:
    """One stage at work: what it read, its rows, its journal."""

    def __init__(self, run: "RecordedRun", stage: Stage[Any], basis: Basis | None) -> None:
        self.stage, self._run, self._basis = stage, run, basis
        self.table, self.epoch = Table(), 0
        self.read: dict[str, int] = dict.fromkeys((topic.name for topic in stage.sources), 0)
        self.zombie: tuple[PartitionDecisions[Any], dict[str, int]] | None = None
        self.decisions = self._taken_over()

    def _taken_over(self) -> PartitionDecisions[Any]:
        self.epoch += 1
        journal = None
        if self._basis is not None:
            journal = PartitionJournal(self.stage.name, PARTITION, self.epoch, self._basis, self._run.answers)
        rows = PartitionRows(self.stage, self.table, PARTITION)
        return PartitionDecisions(self.stage, rows, self._run.wire, journal)

    def behind(self) -> list[str]:
        """Topics with records that it has not read."""
        return [name for name, read in self.read.items() if read < len(self._run.log[name])]

    def take(self, topic: str, most: int, *, die: bool) -> None:
        """Decide on the next records of a topic, at most so many; `die` before rows and acknowledgement are written."""
        first = self.read[topic]
        batch = self._run.log[topic][first : first + most]
        messages: list[Message] = []
        for raw in batch:
            messages += self.decisions.record(self._run.wire.received(BY_NAME[topic], PARTITION, raw))
        self._flush(messages, die=die)
        if not die:
            self.read[topic] = first + len(batch)
        elif self.zombie is not None:
            self.zombie[1][topic] = first + len(batch)

    def haunt(self, most: int) -> None:
        """The worker before, which does not know that it lost the partition, decides on a few records more, and publishes."""
        if self.zombie is None:
            return
        decisions, read = self.zombie
        self.zombie = None
        topic = max(read, key=lambda name: len(self._run.log[name]) - read[name])
        messages: list[Message] = []
        for raw in self._run.log[topic][read[topic] : read[topic] + most]:
            messages += decisions.record(self._run.wire.received(BY_NAME[topic], PARTITION, raw))
        self._run.publish([*decisions.written(), *messages])

    def tick(self, now: Millis) -> None:
        """Tell every key that waits."""
        messages: list[Message] = []
        for key in self.decisions.rows.turn():
            messages += self.decisions.tick(key, now)
        self._flush(messages, die=False)

    def _flush(self, messages: list[Message], *, die: bool) -> None:
        self._run.publish([*self.decisions.written(), *messages])
        if die:
            # Each worker has rows of its own: what the next one writes, the one before does not see.
            self.zombie = self.decisions, dict(self.read)
            self.table = Table(dict(self.table.rows))
            self.decisions = self._taken_over()
        else:
            self.table.put(whole(self.decisions.rows.take_dirty()))


class RecordedRun:
    """Args: chance: of everything that may come otherwise. wrap: changes stages, so that a test can make them impure."""

    def __init__(self, chance: Random, *, wrap: Wrap = lambda stage: stage, deaths: float = 0.03) -> None:
        self.chance, self._deaths = chance, deaths
        self.log: dict[str, list[RawRecord]] = defaultdict(list)
        self.wire, self.answers, self.now = Wire(), AnswersNoted(), NOW
        basis = basis_of(SETTINGS)
        journaled = [*incident_stages(SETTINGS, self.answers), *command_stages(SETTINGS, OneTarget(), self.answers)]
        self._desks = [Desk(self, wrap(stage), basis) for stage in journaled]
        self._desks += [Desk(self, stage, None) for stage in series_stages(SETTINGS)]
        self._ledger, self._sequenced, self._executed = PartitionLedger(), 0, 0

    def publish(self, messages: Iterable[Message]) -> None:
        """Messages go to the end of their topics, and into the views."""
        for message in messages:
            self._append(message.topic, message.key, message.value)

    def send(self, topic: Topic, record: Any) -> None:
        """A record from outside."""
        self.publish([self.wire.message(Output(topic, INCIDENT, record))])

    def live(self, seconds: int, signals: Callable[[int], Iterable[tuple[Topic, Any]]]) -> None:
        """Time passes; `signals` says what comes in a second (its number, from 0)."""
        for second in range(seconds):
            for topic, record in signals(second):
                self.send(topic, record)
                self.now += self.chance.randrange(1, 20)
            self._work_off()
            self.now = max(self.now, NOW + (second + 1) * S)
            for desk in self._desks:
                desk.tick(self.now)
            self._work_off()

    def recording(self) -> Recording:
        """What was recorded, read long after."""
        records = {name: tuple(raws) for name, raws in self.log.items()}
        begins = {(name, PARTITION): 0 for name in records}
        return Recording(INCIDENT, records, begins, self.now + 60_000, {})

    def _append(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        raw = RawRecord(topic, PARTITION, len(self.log[topic]), self.now, key, value, [])
        self.log[topic].append(raw)
        for desk in self._desks:
            if any(view.name == topic for view in desk.stage.views):
                desk.stage.observe(self.wire.received(BY_NAME[topic], PARTITION, raw))

    def _work_off(self) -> None:
        while True:
            choices = [(desk, topic) for desk in self._desks for topic in desk.behind()]
            if choices:
                desk, topic = self.chance.choice(choices)
                desk.take(topic, self.chance.randrange(1, 6), die=self.chance.random() < self._deaths)
                if self.chance.random() < 0.3:
                    desk.haunt(self.chance.randrange(1, 4))
            elif not (self._sequence() or self._execute()):
                return
            self.now += self.chance.randrange(3)

    def _sequence(self) -> bool:
        waiting = self.log[COMMANDS.name][self._sequenced :]
        if not waiting:
            return False
        commands = [(self.wire.received(COMMANDS, PARTITION, raw).record, raw.offset) for raw in waiting]
        step = self._ledger.decide(commands, self.now)
        first = len(self.log[EVENTS.name])
        self._ledger.advance(self._ledger.place(step, list(range(first, first + len(step.events)))))
        for event in step.events:
            value = self.wire.message(Output(EVENTS, "", event)).value
            self._append(EVENTS.name, event_key(event.incident_id, event.version), value)
        self._sequenced += len(waiting)
        return True

    def _execute(self) -> bool:
        """The executor's answer to an intent: it succeeded, and the service is healthy."""
        waiting = self.log[EVENTS.name][self._executed :]
        self._executed += len(waiting)
        for raw in waiting:
            received: Received[IncidentEvent] = self.wire.received(EVENTS, PARTITION, raw)
            if received.record.type == EventType.ACTION_INTENDED:
                self._done(received.record, received.position)
        return bool(waiting)

    def _done(self, event: IncidentEvent, where: Position) -> None:
        intent = from_dict(ActionRecord, json.loads(event.payload))
        outcome = replace(intent, state=ActionState.SUCCEEDED, healthy=True, checks=1, detail="restarted")
        over = {"how": "restart verified healthy", "action_id": intent.action_id}
        for kind, payload in ((EventType.ACTION_COMPLETED, outcome), (EventType.INCIDENT_RESOLVED, over)):
            command = append_event(
                kind, incident_id=event.incident_id, tenant=event.tenant, episode=event.episode, payload=payload,
                agent=Agent.RESOLUTION, occurred_at=self.now, source=where.evidence("intended"),
                causation_id=intent.action_id,
            )  # fmt: skip
            self.send(COMMANDS, command)
        self.send(ACTIONS, outcome)


def random_signals(chance: Random) -> Callable[[int], list[tuple[Topic, Any]]]:
    """What one incident's world sends, second by second: by chance mild or severe, with or without logs and metrics."""
    names = chance.sample(["HighErrorRate", "OutOfMemory", "SlowResponses", "PodRestarted", "QueueFull"], 3)
    begins = chance.randrange(20, 25)
    clears = begins + chance.randrange(10, 35)
    severe, with_logs = (chance.random() < 0.6 for _ in range(2))
    faulty = chance.sample(["memory_limit_ratio", "latency_ms", "error_rate"], chance.randrange(4))

    def signals(second: int) -> list[tuple[Topic, Any]]:
        at = NOW + second * S
        found: list[tuple[Topic, Any]] = []
        found += [(METRICS, _measured(name, second - begins, at, chance)) for name in faulty]
        if second < begins:
            return found
        found += _grouped(second - begins, at, begins + clears)
        if second == begins and severe:
            found.append((STORMS, storm(at=at)))
        if second < clears:
            level = chance.choice([Severity.CRITICAL, Severity.ERROR]) if severe else Severity.WARNING
            found += [
                (SAMPLED, alert(chance.choice(names), at + n, severity=level)) for n in range(chance.randrange(5))
            ]
            if with_logs and chance.random() < 0.5:
                found.append((LOGS, _line(at)))
        elif second < clears + 3:
            found += [(SAMPLED, resolved(name, at)) for name in names]
        return found

    return signals


def _grouped(since: int, at: int, kind: int) -> list[tuple[Topic, Any]]:
    """What grouping says, if anything: its news and a member that joins, or that another incident answers for this one."""
    if since == 2 and kind % 3 == 1:
        return [(GROUPS, group(GroupChange.OPENED, at))]
    if since == 4 and kind % 3 == 1:
        return [(GROUPS, group(GroupChange.JOINED, at, member_id="inc-database", service="database"))]
    if since == 3 and kind % 3 == 2:
        return [(GROUPS, group(GroupChange.TAKEN, at, incident_id="inc-database"))]
    return []


def _measured(name: str, since: int, at: int, chance: Random) -> MetricPoint:
    """Quiet before the fault, and `since` seconds into it far off, and rising."""
    usual, risen = {"memory_limit_ratio": (0.3, 0.6), "latency_ms": (100.0, 900.0), "error_rate": (0.01, 0.4)}[name]
    value = usual if since < 0 else min(risen * (1 + since / 60), 0.99 if risen < 1 else 1e6)
    return point(value * (1 + chance.random() / 50), at, name)


def _line(at: int) -> LogLine:
    return LogLine(
        incident_id=INCIDENT, tenant="acme", environment="prod", service="checkout", level=Severity.ERROR,
        source="checkout-01", message="java.lang.OutOfMemoryError: heap at 97 % of its limit", occurred_at=at,
        received_at=at,
    )  # fmt: skip


def lived(seed: int, seconds: int = 60, *, wrap: Wrap = lambda stage: stage, deaths: float = 0.03) -> RecordedRun:
    """A random incident, lived through; the same seed gives the same."""
    chance = Random(seed)
    run = RecordedRun(chance, wrap=wrap, deaths=deaths)
    run.live(seconds, random_signals(chance))
    return run
