"""A live pipeline behind the page: a Kafka, the command worker and `serve` of its own, and a service that may be restarted."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.resolution.process_units import ProcessUnits
from ops.embedded.kafka import EmbeddedKafka
from ops.listening import free_port
from schemas.codec import Codec
from schemas.convert import from_dict
from schemas.identity import stable_id
from schemas.records.analysis import Prediction, Recommendation
from schemas.records.command import Decision
from schemas.records.log import DeadLetter
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import Action, Agent, Evidence
from schemas.samples import sample
from state.commands import append_event
from state.incident import EventType, IncidentState
from streams.partitioning import PARTITIONER
from streams.topics import (
    ACCOUNT,
    CANDIDATES,
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    PREDICTIONS,
    RECOMMENDATIONS,
    STORMS,
    Topic,
    create_topics,
)
from tests.support.payloads import payload_of
from tests.support.waiting import eventually

SERVICE = "checkout"
_HOST = "127.0.0.1"


class LivePage:
    """Started by `up`, ended by `down`; `url` is the page's."""

    def __init__(self, home: Path, jars_dir: Path) -> None:
        self.home, self.port = home, free_port(_HOST)
        self.url = f"http://{_HOST}:{self.port}"
        self._jars = jars_dir
        self._kafka = EmbeddedKafka(home, jars_dir=jars_dir, progress=print)
        self._units = ProcessUnits(home / "units")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._bootstrap = ""
        self._producer: Producer | None = None

    def up(self) -> None:
        """Start everything, and wait until the page is there."""
        self._bootstrap = self._kafka.up().address
        create_topics(self._bootstrap, 2, 1)
        self._producer = Producer({"bootstrap.servers": self._bootstrap, "partitioner": PARTITIONER})
        self._service()
        self._start("worker", "command")
        self.serve()

    def down(self) -> None:
        """End everything that was started."""
        try:
            for name in list(self._processes):
                self._end(name)
            for name in self._units.names():
                self._units.stop(name)
        finally:
            self._kafka.down()

    def serve(self) -> None:
        """Start the page's server."""
        self._start("serve")
        eventually(self._ready, limit_s=120)

    def stop_serving(self) -> None:
        """End the page's server, and it alone."""
        self._end("serve")

    def tell(self, incident_id: str, kind: EventType, **changes: Any) -> dict[str, Any]:
        """Command an event whose payload is as the stages write it; `changes` replace fields."""
        now = int(time.time() * 1000)
        state = IncidentState(incident_id=incident_id, tenant="default", environment="production", episode=1)
        payload = payload_of(kind, state, now, 1, **changes)
        command = append_event(
            kind,
            incident_id=incident_id,
            tenant="default",
            episode=1,
            payload=payload,
            agent=Agent.DETECTION,
            occurred_at=now,
            source=Evidence(topic="alerts.sampled", partition=0, offset=7, summary=""),
            causation_id=stable_id("told", kind, now),
        )
        self._send(COMMANDS, incident_id, command)
        return payload

    def tell_and_see(self, incident_id: str, kind: EventType, **changes: Any) -> None:
        """Command an event, and wait until the API shows the incident with it."""
        before = self._version(incident_id)
        self.tell(incident_id, kind, **changes)
        eventually(lambda: self._version(incident_id) > before, limit_s=120)

    def _version(self, incident_id: str) -> int:
        found = httpx.get(f"{self.url}/api/v1/incidents/{incident_id}", timeout=20)
        return int(found.json()["version"]) if found.status_code == 200 else 0

    def decide(self, incident_id: str) -> None:
        """Consensus settles on a restart that a human has to approve: its event, and the decision that is planned."""
        reason = "Decided as all agents spoke: RESTART checkout. A human decides: support 0.44 is below 0.5."
        said = self.tell(
            incident_id,
            EventType.DECISION_MADE,
            decision_id=f"decision-{incident_id}",
            autonomous=False,
            escalated_to="senior_sre",
            reason=reason,
            support=0.44,
        )
        self.tell(incident_id, EventType.HUMAN_REQUESTED, reason=reason)
        self._send(DECISIONS, incident_id, from_dict(Decision, said))

    def shelve(self, detail: str) -> str:
        """A dead letter that can go back; its id."""
        letter = DeadLetter(
            dead_letter_id=stable_id("letter", detail), topic="alerts", partition=0, offset=11, key=b"inc-checkout",
            value=b"\x00\xff<b>no alert</b>", headers={}, stage="sampling", reason="malformed", detail=detail,
            tenant="default", occurred_at=int(time.time() * 1000),
        )  # fmt: skip
        self._send(DEAD_LETTERS, letter.dead_letter_id, letter)
        return letter.dead_letter_id

    def storm(self, incident_id: str) -> None:
        """A storm of two thousand alerts, as sampling tells of it."""
        now = int(time.time() * 1000)
        account = sample(
            AlertAccount, incident_id=incident_id, tenant="default", service=SERVICE, partition=0, received=2_000,
            total_received=2_000, total_kept=100, total_suppressed=1_900, total_late=0, total_dead_lettered=0,
        )  # fmt: skip
        self._send(ACCOUNT, incident_id, account)
        storm = sample(
            StormChanged, incident_id=incident_id, service=SERVICE, open=True, partition=0, occurred_at=now,
            rate_per_s=1_000.0, baseline_per_s=0.1,
        )  # fmt: skip
        self._send(STORMS, incident_id, storm)

    def foretell(self, incident_id: str) -> None:
        """A breach that is foretold, and one that came as it was."""
        now = int(time.time() * 1000)
        made = sample(
            Prediction, incident_id=incident_id, service=SERVICE, series="a", metric="memory_limit_ratio", probability=0.91,
            outcome="", occurred_at=now, to_s=1_800, breach_in_s=95.0,
        )  # fmt: skip
        self._send(PREDICTIONS, incident_id, made)
        self._send(
            PREDICTIONS,
            incident_id,
            replace(made, prediction_id="told", series="b", outcome="hit", made_at=now - 60_000),
        )

    def recommend(self, incident_id: str, service: str) -> None:
        """All four agents are sure of a restart."""
        now = int(time.time() * 1000)
        for agent in (Agent.DETECTION, Agent.DIAGNOSIS, Agent.PREDICTION, Agent.RESOLUTION):
            said = sample(
                Recommendation, recommendation_id=stable_id("said", incident_id, agent), incident_id=incident_id,
                tenant="default", environment="production", service=service, episode=1, agent=agent, abstains=False,
                action=Action.RESTART, target=service, confidence=0.9, occurred_at=now,
            )  # fmt: skip
            self._send(RECOMMENDATIONS, incident_id, said)

    def fall_behind(self, group: str, age_s: int = 600) -> None:
        """A group that has read nothing of the candidates, the oldest of which is minutes old; nobody is in it."""
        topic = CANDIDATES.name
        assert self._producer is not None
        self._producer.produce(topic, b"old", b"inc-checkout", 0, timestamp=int((time.time() - age_s) * 1000))
        self._producer.flush(20)
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": group})
        consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
        consumer.close()

    def _send(self, topic: Topic, key: str, record: Any) -> None:
        assert self._producer is not None
        self._producer.produce(topic.name, Codec(topic.record).encode(record), key.encode())
        assert self._producer.flush(20) == 0

    def _service(self) -> None:
        """A real process that may be restarted, and the operator's word that it may."""
        port, folder = free_port(_HOST), self.home / "site"
        folder.mkdir(parents=True)
        (folder / "health").write_text("well")
        command = [sys.executable, "-m", "http.server", str(port), "--bind", _HOST, "--directory", str(folder)]
        self._units.define(SERVICE, command, workdir=self.home)
        self._units.start(SERVICE)
        (self.home / "targets.json").write_text(
            f'[{{"service": "{SERVICE}", "tenant": "default", "environment": "production", "executor": "process",'
            f' "health_url": "http://{_HOST}:{port}/health", "cost_per_action": 12}}]'
        )

    def _start(self, *arguments: str) -> None:
        environment = {
            **os.environ,
            "BREAKWATER_HOME": str(self.home),
            "BREAKWATER_JARS_DIR": str(self._jars),
            "BREAKWATER_HTTP_PORT": str(self.port),
            "BREAKWATER_PARTITIONS": "2",
            "BREAKWATER_SUPERVISED": "1",
            "KAFKA_BOOTSTRAP_SERVERS": self._bootstrap,
        }
        with (self.home / f"{arguments[0]}.log").open("ab") as log:
            self._processes[arguments[0]] = subprocess.Popen(
                [Path(sys.executable).parent / "breakwater", *arguments], env=environment, stdout=log, stderr=log
            )

    def _end(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=6).status_code == 200
        except httpx.HTTPError:
            return False
