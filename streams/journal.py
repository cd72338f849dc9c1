"""Writes the decision journal: one small record for all that a stage took into one key at once, with what it was told.

The journal gives a re-execution what the records themselves do not hold: in which order a key took the records of several
topics, when it was told what time it is, what it heard from outside, by which settings and which code it decided.
"""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import structlog

from schemas.records.journal import AnswerHeard, StepTaken
from schemas.records.vocabulary import Millis
from streams.answers import AnswersNoted
from streams.errors import OutputTooLargeError
from streams.outbox import Message
from streams.stage import Output, Position
from streams.topics import COMMANDS, JOURNAL
from streams.wire import Wire

log = structlog.get_logger()

_DIGEST_CHARS = 16


def with_basis(outputs: tuple[Output, ...], basis: str) -> tuple[Output, ...]:
    """Outputs of which each command names the basis that it was decided by: its event has it in its hash."""
    return tuple(
        replace(output, record=replace(output.record, basis=basis)) if output.topic is COMMANDS else output
        for output in outputs
    )


class Counted(Protocol):
    """A row of a key: it counts its steps."""

    steps: int


@dataclass(frozen=True)
class Basis:
    """By what a stage decides: its worker's settings as a JSON object, and the code as a digest."""

    settings: str
    code: str

    @cached_property
    def digest(self) -> str:
        """Names the basis in every step."""
        return hashlib.sha256(f"{self.code}\n{self.settings}".encode()).hexdigest()[:_DIGEST_CHARS]


@dataclass(slots=True)
class _Open:
    """A step that more records of the same batch may join."""

    number: int
    topic: str
    first: int
    last: int
    at: Millis
    records: int = 0
    outputs: int = 0
    asked: int = 0
    answers: list[AnswerHeard] = field(default_factory=list)

    def hear(self, texts: list[str]) -> None:
        """Answers in order; one like the answer before it is not written again."""
        for text in texts:
            if not self.answers or self.answers[-1].text != text:
                self.answers.append(AnswerHeard(asked=self.asked, text=text))
            self.asked += 1


class PartitionJournal:
    """The journal of one stage and partition, while a worker holds it.

    Args:
        stage: its name. epoch: of the worker's hold on the partition.
        answers: what the stage asks goes through it; None for a stage that asks nothing.
    """

    def __init__(
        self, stage: str, partition: int, epoch: int, basis: Basis, answers: AnswersNoted | None = None
    ) -> None:
        self._stage, self._partition, self._epoch = stage, partition, epoch
        self._basis, self._answers = basis, answers
        self._declared = False
        self._open: dict[str, _Open] = {}
        self._done: list[tuple[str, _Open]] = []

    def stamped(self, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
        """The outputs with the basis in what is to be put on record (`with_basis`)."""
        return with_basis(outputs, self._basis.digest)

    def begin(self) -> None:
        """A decision begins: what one before it asked, and failed, is forgotten."""
        if self._answers is not None:
            self._answers.take()

    def took(self, key: str, row: Counted, where: Position, outputs: int) -> None:
        """A record was decided on, at this place, with so many outputs."""
        step = self._open.get(key)
        if step is None:
            row.steps += 1
            step = self._open[key] = _Open(row.steps, where.topic, where.offset, where.offset, where.arrived_at)
        step.last, step.at = where.offset, where.arrived_at
        step.records += 1
        step.outputs += outputs
        step.hear(self._heard())

    def ticked(self, key: str, row: Counted, now: Millis, outputs: int) -> None:
        """A tick changed the key or had outputs."""
        row.steps += 1
        step = _Open(row.steps, "", -1, -1, now, outputs=outputs)
        step.hear(self._heard())
        self._done.append((key, step))

    def forgot(self, key: str) -> None:
        """The key has no state any more: what comes next is its first step."""
        step = self._open.pop(key, None)
        if step is not None:
            self._done.append((key, step))

    def take(self, wire: Wire) -> list[Message]:
        """The records of what was taken since the last call."""
        steps = [*self._done, *self._open.items()]
        self._done, self._open = [], {}
        found = [self._written(key, step, wire) for key, step in steps]
        written = [message for message in found if message is not None]
        if written and not self._declared:
            self._declared = True
            written.insert(0, self._message(self._declaration(), wire))
        return written

    def _heard(self) -> list[str]:
        return [] if self._answers is None else self._answers.take()

    def _written(self, key: str, step: _Open, wire: Wire) -> Message | None:
        try:
            return self._message(self._step(key, step), wire)
        except OutputTooLargeError as error:
            # The decision stands; a re-execution will find the step's number missing and say so.
            log.error("a step is not in the journal", stage=self._stage, key=key[:256], reason=str(error))
            return None

    def _message(self, taken: StepTaken, wire: Wire) -> Message:
        return wire.message(Output(JOURNAL, taken.key or self._stage, taken))._replace(partition=self._partition)

    def _step(self, key: str, step: _Open) -> StepTaken:
        return StepTaken(
            stage=self._stage, key=key, partition=self._partition, epoch=self._epoch, number=step.number,
            topic=step.topic, first_offset=step.first, last_offset=step.last, records=step.records, at=step.at,
            outputs=step.outputs, answers=step.answers, basis=self._basis.digest, settings="", code="",
        )  # fmt: skip

    def _declaration(self) -> StepTaken:
        empty = self._step("", _Open(0, "", -1, -1, 0))
        return replace(empty, settings=self._basis.settings, code=self._basis.code)
