"""Runs a pure stage as its shell does: by key, its states through JSON between any two steps, outputs collected."""

import json
from dataclasses import dataclass, field
from typing import Any

from streams.stage import Output, Position, Received, SharingStage, Step
from streams.topics import Topic
from streams.wire import Wire


@dataclass
class StageRun:
    """One stage on one partition; `offsets` counts each topic up, so that records get the places they would have."""

    stage: Any  # a Stage or a SharingStage
    states: dict[str, Any] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def place(self, topic: Topic, record: Any, now: int) -> Received[Any]:
        """The record at the topic's next offset, arrived at `now`."""
        offset = self.offsets[topic.name] = self.offsets.get(topic.name, -1) + 1
        return Received(record, Position(topic.name, 0, offset, now))

    def take(self, topic: Topic, record: Any, now: int) -> list[Any]:
        """Decide on a record; returns the records that were published."""
        return self.decide(self.place(topic, record, now))

    def decide(self, received: Received[Any]) -> list[Any]:
        """Decide on a record that has its place."""
        key = self.stage.key(received)
        if key is None:
            return []
        if not isinstance(self.stage, SharingStage):
            return self._step(key, self.stage.decide(self.state(key), received))
        shared_key = self.stage.shared_key(received)
        shared = self.state(shared_key)
        made = self._step(key, self.stage.decide_among(self.state(key), shared, received))
        self._step(shared_key, Step(shared))
        return made

    def tick(self, now: int) -> list[Any]:
        """Tick every key that waits."""
        published: list[Any] = []
        for key in sorted(self.states):
            state = self.state(key)
            if self.stage.waits(state) and (step := self.stage.tick(key, state, now)) is not None:
                published += self._step(key, step)
        return published

    def state(self, key: str) -> Any:
        """The key's state, read back from what JSON holds of it."""
        return self.stage.load(json.loads(self.states[key])) if key in self.states else self.stage.initial(key)

    def _step(self, key: str, step: Step[Any]) -> list[Any]:
        for output in step.outputs:
            self.wire.message(output)  # must be encodable by its topic's contract
            assert isinstance(output.record, output.topic.record)
        self.outputs += step.outputs
        if step.state is None:
            self.states.pop(key, None)
            return [output.record for output in step.outputs]
        dumped = json.dumps(self.stage.dump(step.state), allow_nan=False)
        assert self.stage.load(json.loads(dumped)) == step.state, "a state does not survive its dump"
        self.states[key] = dumped
        return [output.record for output in step.outputs]
