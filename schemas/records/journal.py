"""The decision journal: in which order and at what time a stage took what, so that its decisions can be made again."""

from dataclasses import dataclass

from schemas.records.vocabulary import Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHeard:
    """What a step was told from outside of its records (`text`, JSON), from its question number `asked` on (0 the first)."""

    asked: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """What a stage took into the state of one key at once: records of one topic in order, or one tick.

    A step without a `key` declares the basis that those with the same `basis` rest on: `settings` (a JSON object) and `code`.

    Attributes:
        epoch: of the worker that took it, as in its table's changelog; a greater one has taken the partition over.
        number: of the key's steps, from 1. One that is not greater than the last began anew from the state before it.
        topic: where the records lie, all in `partition`; empty for a tick.
        records: how many of the offsets from `first_offset` to `last_offset` were decided on.
        at: arrival of the last record, or the time that the tick was told; epoch ms.
        outputs: how many records were published.
    """

    stage: str
    key: str
    partition: int
    epoch: int
    number: int
    topic: str
    first_offset: int
    last_offset: int
    records: int
    at: Millis
    outputs: int
    answers: list[AnswerHeard]
    basis: str
    settings: str
    code: str
