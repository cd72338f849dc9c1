"""What a stage is: a pure decision over keyed state, and the records that go in and come out.

A stage reads topics of one partition in order, keeps one state per key, and answers each record with a new state and with
records to publish. The shell (streams.shell) does the rest: decoding, durability, redelivery, acknowledgement.
"""

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from schemas.identity import derived_id
from schemas.records.vocabulary import Evidence, Millis
from streams.topics import Topic

R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record is in the log, and when the broker took it (epoch ms): the only clock that a decision knows."""

    topic: str
    partition: int
    offset: int
    arrived_at: Millis

    def derived_id(self, stage: str, ordinal: int = 0) -> str:
        """The id of the `ordinal`-th record that `stage` makes of the record here; a redelivery gives the same."""
        return derived_id(stage, self.topic, self.partition, self.offset, ordinal)

    def evidence(self, summary: str) -> Evidence:
        """This record as a link of an evidence chain."""
        return Evidence(topic=self.topic, partition=self.partition, offset=self.offset, summary=summary)


@dataclass(frozen=True, slots=True)
class Received(Generic[R]):
    """A decoded record and its position."""

    record: R
    position: Position


@dataclass(frozen=True, slots=True)
class Output:
    """A record to publish: to which topic, by which key."""

    topic: Topic
    key: str
    record: Any
    headers: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """The answer to one record: the key's next state (None forgets the key), and what to publish, in order."""

    state: S | None
    outputs: tuple[Output, ...] = ()


class KeyedStage(Protocol[S]):
    """What the shell needs of every stage: which state a record belongs to, and how states are made and kept.

    Attributes:
        name: names the stage's table, its consumer metrics and its dead letters.
        sources: topics whose records are decided on, each partition in order; all are keyed alike.
        views: topics that every worker reads whole, all partitions, through `observe`; for facts about other keys.
    """

    name: str
    sources: tuple[Topic, ...]
    views: tuple[Topic, ...]

    def key(self, received: Received[Any]) -> str | None:
        """The state that a record belongs to; None passes the record over."""

    def initial(self, key: str) -> S:
        """The state of a key that was never seen."""

    def tick(self, key: str, state: S, now: Millis) -> Step[S] | None:
        """Called about once a second for keys of which `waits` says so, less often where they are thousands; None: no change."""

    def waits(self, state: S) -> bool:
        """Whether a state wants ticks: it waits for something that time alone can bring."""

    def observe(self, received: Received[Any]) -> None:
        """Take a record of `views` into the stage's picture of the world. Bounded in memory."""

    def dump(self, state: S) -> dict[str, Any]:
        """The state as JSON holds it; `load(dump(s)) == s`."""

    def load(self, fields: dict[str, Any]) -> S:
        """The state that `dump` wrote, by this or an earlier version."""


class Stage(KeyedStage[S], Protocol[S]):
    """A pure decision over keyed state. Implementations keep no state of their own but settings and `views`.

    No clock, chance or I/O. States are values; where a copy a record costs too much (models of thousands of numbers), a stage may
    learn within the state that it was given, and says so at its `decide`: that state is good for one decision, and a record of
    which no output can be written has been learnt all the same, here as in every re-execution.
    """

    def decide(self, state: S, received: Received[Any]) -> Step[S]:
        """The next state and the outputs. Pure: time is `received.position.arrived_at` or in the record."""


@runtime_checkable
class SharingStage(KeyedStage[S], Protocol[S]):
    """As a stage; but the keys of a partition that belong together have one more state, which all of them learn in.

    It is made and kept as the keys' own states are, under a key of its own. Its row is written behind theirs: after a crash in
    between it has not learnt what they went through last, and never twice what they did.
    """

    def shared_key(self, received: Received[Any]) -> str:
        """The state that is shared; no record's `key`."""

    def decide_among(self, state: S, shared: S, received: Received[Any]) -> Step[S]:
        """The next state of the key, and the outputs; `shared` is learnt in."""
