"""All agents at one incident, without Kafka: what a stage publishes is read by those whose source it is, through the ledger."""

from collections import deque
from collections.abc import Collection
from typing import Any

from agents.consensus.consensus_stage import ConsensusStage
from agents.detection.candidates_stage import CandidatesStage
from agents.diagnosis.diagnosis_stage import DiagnosisStage
from agents.prediction.warnings_stage import WarningsStage
from agents.resolution.gate import PlanningLimits
from agents.resolution.planning_stage import PlanningStage
from agents.resolution.targets import Target
from schemas.records.log import IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Agent, Millis
from state.commands import append_event
from state.incident import EventType, IncidentState, fold
from streams.stage import Output, Position, Received, Stage
from streams.topics import COMMANDS, EVENTS, Topic
from tests.support.ledger_run import Run
from tests.support.stage_run import StageRun

_STEP_MS = 1000


class NoTargets:
    """Nothing may be acted on."""

    def find(self, tenant: str, environment: str, service: str) -> Target | None:  # noqa: ARG002
        """None."""
        return None


class AgentsRun:
    """Detection, prediction, diagnosis, consensus, planning and the ledger on one partition, but for agents that are `dead`.

    Events are read `late_ms` after they are on record, as by workers that are behind; all else is read at once.
    """

    def __init__(self, incident_id: str, dead: Collection[Agent] = (), late_ms: Millis = 0) -> None:
        stages: dict[Agent, Stage[Any]] = {
            Agent.DETECTION: CandidatesStage(), Agent.PREDICTION: WarningsStage(), Agent.DIAGNOSIS: DiagnosisStage(),
            Agent.CONSENSUS: ConsensusStage(), Agent.RESOLUTION: PlanningStage(NoTargets(), PlanningLimits()),
        }  # fmt: skip
        self._stages = [StageRun(stage) for agent, stage in stages.items() if agent not in dead]
        self._incident_id = incident_id
        self._ledger = Run()
        self._commands = 0
        self._late_ms = late_ms
        self._unread: deque[tuple[Millis, IncidentEvent]] = deque()
        self._offsets: dict[str, int] = {}
        self.now: Millis = 0

    @property
    def events(self) -> list[IncidentEvent]:
        """What is on record."""
        return self._ledger.events

    @property
    def state(self) -> IncidentState:
        """The incident as its events tell it."""
        return fold(self._incident_id, self.events)

    def take(self, topic: Topic, record: Any, now: Millis) -> None:
        """A record arrives at `now`; what comes of it is worked off at once, and so are events that are due."""
        self.now = max(self.now, now)
        self._work_off(deque([(topic, record, self.now)]))

    def pass_time(self, until: Millis) -> None:
        """Every stage that waits is asked once a second."""
        while self.now < until:
            self.now += _STEP_MS
            for stage in self._stages:
                before = len(stage.outputs)
                stage.tick(self.now)
                for output in stage.outputs[before:]:
                    self.take(output.topic, output.record, self.now)
            self._work_off(deque())

    def resolve(self, now: Millis) -> None:
        """Resolution has verified the service healthy."""
        over = append_event(
            EventType.INCIDENT_RESOLVED, incident_id=self._incident_id, tenant=self.state.tenant,
            episode=self.state.episode, payload={"how": "restart verified healthy"}, agent=Agent.RESOLUTION,
            occurred_at=now, source=Position(EVENTS.name, 0, 0, now).evidence("healthy"), causation_id=f"end-{now}",
        )  # fmt: skip
        self.take(COMMANDS, over, now)

    def _work_off(self, ahead: deque[tuple[Topic, Any, Millis]]) -> None:
        while ahead or (self._unread and self._unread[0][0] + self._late_ms <= self.now):
            if not ahead:
                written, event = self._unread.popleft()
                ahead.append((EVENTS, event, written))
            ahead += [(output.topic, output.record, self.now) for output in self._read(*ahead.popleft())]

    def _read(self, topic: Topic, record: Any, arrived_at: Millis) -> list[Output]:
        if topic is COMMANDS:
            self._record(record)
            return []
        offset = self._offsets[topic.name] = self._offsets.get(topic.name, -1) + 1
        received = Received(record, Position(topic.name, 0, offset, arrived_at))
        found: list[Output] = []
        for stage in self._stages:
            if topic in stage.stage.views:
                stage.stage.observe(received)
            if topic in stage.stage.sources:
                before = len(stage.outputs)
                stage.decide(received)
                found += stage.outputs[before:]
        return found

    def _record(self, command: IncidentCommand) -> None:
        before = len(self.events)
        self._ledger.feed([(command, self._commands)], self.now)
        self._commands += 1
        self._unread += [(self.now, event) for event in self.events[before:]]
