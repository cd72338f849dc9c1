"""One stage's decisions on one partition: each record of a key once, ticks for those that wait, every step in the journal."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog

from streams.journal import PartitionJournal
from streams.outbox import Message
from streams.rows import PartitionRows, Row
from streams.stage import Output, Received, SharingStage, Stage, Step
from streams.wire import Wire

log = structlog.get_logger()

S = TypeVar("S")


# The answer to a record, and the key of the shared state that has learnt of it.
_Decide = Callable[[S, Received[Any]], tuple[Step[S], str | None]]


def _alone(stage: Stage[S]) -> _Decide[S]:
    return lambda state, received: (stage.decide(state, received), None)


def _among(stage: SharingStage[S], rows: PartitionRows[S]) -> _Decide[S]:
    def decide(state: S, received: Received[Any]) -> tuple[Step[S], str | None]:
        key = stage.shared_key(received)
        return stage.decide_among(state, rows.row(key).state, received), key

    return decide


class PartitionDecisions(Generic[S]):
    """From when a worker takes a partition over until it loses it.

    Args:
        stage: what decides. rows: its states. wire: the codecs. journal: None writes none.
    """

    def __init__(
        self,
        stage: Stage[S] | SharingStage[S],
        rows: PartitionRows[S],
        wire: Wire,
        journal: PartitionJournal | None = None,
    ) -> None:
        self.rows = rows
        self._stage, self._wire, self._journal = stage, wire, journal
        self._decide = _among(stage, rows) if isinstance(stage, SharingStage) else _alone(stage)

    def record(self, received: Received[Any]) -> list[Message]:
        """Decide on a record that the key's row has not seen; returns what is to be published.

        Raises:
            DecodeError and whatever else the decision raises: the key's state is as it was before, but for what a stage
            that learns in place has learnt (streams.stage).
        """
        key = self._stage.key(received)
        if key is None:
            return []
        row, where = self.rows.row(key), received.position
        if where.offset <= row.upto.get(where.topic, -1):
            return []
        self._begin()
        step, learnt = self._decide(row.state, received)
        # Encoded before the state changes: a record whose outputs cannot be written leaves none of its traces.
        messages = self._wire.messages(self._stamped(step))
        row.upto[where.topic] = where.offset
        if self._journal is not None:
            self._journal.took(key, row, where, len(step.outputs))
        self._changed(key, row, step)
        if learnt is not None:
            self.rows.learned(learnt)
        return messages

    def tick(self, key: str, now: int) -> list[Message]:
        """Tell a key what time it is; returns what is to be published. A tick that fails ends the key's waiting."""
        try:
            row = self.rows.row(key)
            self._begin()
            step = self._stage.tick(key, row.state, now)
            messages = self._wire.messages(self._stamped(step)) if step is not None else []
        except Exception:
            # It would fail every second: the key waits for its next record instead.
            log.exception("a tick failed", stage=self._stage.name, key=key)
            self.rows.waiting.discard(key)
            return []
        if step is not None:
            if self._journal is not None:
                self._journal.ticked(key, row, now, len(step.outputs))
            self._changed(key, row, step)
        return messages

    def written(self) -> list[Message]:
        """The journal of what was decided since the last call."""
        return [] if self._journal is None else self._journal.take(self._wire)

    def _stamped(self, step: Step[S]) -> tuple[Output, ...]:
        return step.outputs if self._journal is None else self._journal.stamped(step.outputs)

    def _begin(self) -> None:
        if self._journal is not None:
            self._journal.begin()

    def _changed(self, key: str, row: Row[S], step: Step[S]) -> None:
        self.rows.changed(key, row, step.state)
        if step.state is None and self._journal is not None:
            self._journal.forgot(key)
