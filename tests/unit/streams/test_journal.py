"""The decision journal: which records a step took, in which order, with which answers, by what."""

from dataclasses import dataclass, field, replace
from typing import Any

from schemas.codec import Codec
from schemas.records.intake import MetricPoint
from schemas.records.journal import AnswerHeard, StepTaken
from streams.answers import AnswersNoted
from streams.deciding import PartitionDecisions
from streams.journal import Basis, PartitionJournal, with_basis
from streams.rows import PartitionRows
from streams.stage import Output, Position, Received, Step
from streams.topics import COMMANDS, LOGS, METRICS, Topic
from streams.turns import whole
from streams.wire import Wire
from tests.support.commands import command
from tests.support.streaming import POINTS, point
from tests.support.worker import POISON, CountingStage

JOURNALED = Codec(StepTaken)
SECOND = Topic("second", MetricPoint)
FORGET = -4.0


@dataclass
class AskingStage(CountingStage):
    """Counts, and asks for the weather with every record; may be told to forget."""

    answers: AnswersNoted = field(default_factory=AnswersNoted)
    weather: str = '"dry"'

    def decide(self, state: int, received: Received[MetricPoint]) -> Step[int]:
        self.answers.ask(lambda: self.weather)
        return Step(None) if received.record.value == FORGET else super().decide(state, received)

    def tick(self, _key: str, state: int, now: int) -> Step[int] | None:  # type: ignore[override]
        return Step(state + 1) if now > 1_000 else None


@dataclass
class OneRow:
    """A table that holds the same row of every key, or none."""

    row: bytes | None = None

    def get(self, partition: int, key: bytes) -> bytes | None:  # noqa: ARG002
        return self.row

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:  # noqa: ARG002
        return []


class Bench:
    """A stage on partition 3, and its journal."""

    def __init__(self) -> None:
        self.stage = AskingStage((METRICS, SECOND), LOGS)
        self.rows: PartitionRows[int] = PartitionRows(self.stage, OneRow(), 3)
        journal = PartitionJournal("counting", 3, 7, Basis('{"limit":1}', "abc"), self.stage.answers)
        self.decisions = PartitionDecisions(self.stage, self.rows, Wire(), journal)

    def take(self, offset: int, topic: Topic = METRICS, **changes: Any) -> None:
        record = POINTS.decode(point(**changes))
        self.decisions.record(Received(record, Position(topic.name, 3, offset, 1_000 + offset)))

    def written(self) -> list[StepTaken]:
        """The steps since the last call; all are in the stage's own partition."""
        messages = self.decisions.written()
        assert {m.partition for m in messages} <= {3}
        return [JOURNALED.decode(m.value) for m in messages]


def test_records_of_a_batch_are_one_step_of_their_key() -> None:
    """What a key took at once is one record: from where to where, and how many."""
    bench = Bench()
    for offset in (4, 6, 9):
        bench.take(offset, series="a")
    bench.take(7, series="b")
    _, a, b = bench.written()
    assert (a.key, a.topic, a.first_offset, a.last_offset, a.records, a.outputs) == ("a", "metrics", 4, 9, 3, 3)
    assert (a.number, a.epoch, a.at) == (1, 7, 1_009)
    assert (b.key, b.records) == ("b", 1)


def test_the_basis_is_declared_once_and_named_by_every_step() -> None:
    """Settings and code are written down at the first step, and found by their digest from then on."""
    bench = Bench()
    bench.take(1, series="a")
    declared, first = bench.written()
    bench.take(2, series="a")
    (second,) = bench.written()
    assert (declared.key, declared.settings, declared.code) == ("", '{"limit":1}', "abc")
    assert declared.basis == first.basis == second.basis
    assert (first.settings, second.number) == ("", 2)


def test_what_is_put_on_record_names_the_basis() -> None:
    """A command, whose event has it in its hash; what else a stage says stays as the stage said it."""
    said = (Output(COMMANDS, "i", command()), Output(LOGS, "i", "a line"))
    asked, line = with_basis(said, "0f1e")
    assert asked == replace(said[0], record=replace(said[0].record, basis="0f1e"))
    assert line is said[1]


def test_an_answer_is_written_when_it_changes() -> None:
    """Of many questions with the same answer the first is told, with its number."""
    bench = Bench()
    bench.take(1, series="a")
    bench.take(2, series="a")
    bench.stage.weather = '"wet"'
    bench.take(3, series="a")
    _, step = bench.written()
    assert step.answers == [AnswerHeard(asked=0, text='"dry"'), AnswerHeard(asked=2, text='"wet"')]


def test_a_decision_that_failed_leaves_no_answer_behind() -> None:
    """What was asked by a decision that counts for nothing is not taken for the next one's."""
    bench = Bench()
    bench.take(1, series="a", value=2.0)
    bench.stage.weather = '"wet"'
    try:
        bench.take(2, series="a", value=POISON)
    except ValueError:
        bench.stage.weather = '"dry"'
    bench.take(3, series="a", value=2.0)
    _, step = bench.written()
    assert (step.records, [answer.text for answer in step.answers]) == (2, ['"dry"'])


def test_a_tick_is_a_step_with_the_time_that_it_was_told() -> None:
    """Time comes to a decision as an argument, and the argument is on record; a tick that changed nothing is not."""
    bench = Bench()
    bench.take(1, series="a")
    bench.written()
    bench.decisions.tick("a", 900)
    assert bench.written() == []
    bench.decisions.tick("a", 1_500)
    (step,) = bench.written()
    assert (step.topic, step.at, step.number, step.records) == ("", 1_500, 2, 0)


def test_a_key_that_was_forgotten_begins_at_one() -> None:
    """A step's number says which state it began with: after nothing is known any more, the first."""
    bench = Bench()
    bench.take(1, series="a")
    bench.take(2, series="a", value=FORGET)
    bench.take(3, series="a")
    assert [(s.number, s.first_offset) for s in bench.written() if s.key] == [(1, 1), (1, 3)]


def test_the_count_of_steps_survives_the_row() -> None:
    """A worker that takes the partition over goes on counting where the row was written."""
    bench = Bench()
    bench.take(1, series="a")
    bench.written()
    bench.take(2, SECOND, series="a")
    row = whole(bench.rows.take_dirty())[b"a"]
    assert PartitionRows(bench.stage, OneRow(row), 3).row("a").steps == 2


def test_the_state_of_before_the_journal_is_no_beginning() -> None:
    """A row that counts no steps yet was made by some: the next is not the first, which would begin with nothing."""
    stage = AskingStage((METRICS, SECOND), LOGS)
    assert PartitionRows(stage, OneRow(b'{"u":{"metrics":4},"s":{"n":7}}'), 3).row("a").steps == 1
    assert PartitionRows(stage, OneRow(), 3).row("a").steps == 0


def test_an_output_is_of_its_records_step() -> None:
    """Outputs are counted with the step that made them."""
    bench = Bench()
    bench.take(1, series="a")
    _, step = bench.written()
    assert step.outputs == 1
