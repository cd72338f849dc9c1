"""One stage's decisions on one key made again: its steps in the journal's order, each from the state that it began with.

A step whose number is not greater than the last was taken after a crash, from the row that was written before: it begins with
the state of that row. Each epoch has its own states: it begins with those of the epoch before it. A worker that lost the
partition without knowing may go on for a while with its own; its outputs are in the log, its rows count for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.reexecution.errors import EffectSealedError
from ops.reexecution.outcome import Decided, Divergence, Missing
from ops.reexecution.reading_back import ReadBack
from schemas.records.journal import StepTaken
from streams.answers import AnswersAgain
from streams.errors import NoAnswerError
from streams.journal import with_basis
from streams.stage import Received, Stage, Step
from streams.topics import JOURNAL
from streams.wire import Wire


@dataclass(slots=True)
class Held:
    """A state of the key, and how far each topic is in it."""

    state: Any
    upto: dict[str, int] = field(default_factory=dict)


class StageAgain:
    """Args: stages: the stage by basis, as its steps name it; answers: through which they all ask."""

    def __init__(
        self, name: str, key: str, log: ReadBack, stages: dict[str, Stage[Any]], answers: AnswersAgain
    ) -> None:
        self._name, self._key, self._log, self._stages, self._answers = name, key, log, stages, answers
        self._wire = Wire()
        # By epoch, the states after each step by number; None where they are not known.
        self._lines: dict[int, list[Held] | None] = {}
        self.decided: list[Decided] = []
        self.divergences: list[Divergence] = []
        self.missing: list[Missing] = []

    def run(self, steps: Sequence[StepTaken]) -> None:
        """Make these decisions again; what comes of it is in `decided`, `divergences` and `missing`."""
        for step in steps:
            held = self._before(step)
            if held is None:
                continue
            self._keep(step, self._again(step, held))

    def _initial(self) -> Held:
        return Held(next(iter(self._stages.values())).initial(self._key))

    def _line(self, epoch: int) -> list[Held] | None:
        """The states of an epoch; one that begins takes over what the greatest before it has."""
        if epoch not in self._lines:
            before = max((known for known in self._lines if known < epoch), default=None)
            line = [self._initial()] if before is None else self._lines[before]
            self._lines[epoch] = None if line is None else list(line)
        return self._lines[epoch]

    def _before(self, step: StepTaken) -> Held | None:
        """The state that a step began with; None where it is not known."""
        line = self._line(step.epoch)
        if step.number == 1:
            return self._initial()
        if line is not None and step.number <= len(line):
            return line[step.number - 1]
        if line is not None:
            why = f"steps {len(line)} to {step.number - 1} of {self._name} are not in the journal"
            self.missing.append(Missing(JOURNAL.name, step.partition, -1, -1, why))
        self._lines[step.epoch] = None
        return None

    def _keep(self, step: StepTaken, after: Held | None) -> None:
        line = [self._initial()] if step.number == 1 else self._lines[step.epoch]
        self._lines[step.epoch] = None if after is None or line is None else [*line[: step.number], after]

    def _again(self, step: StepTaken, held: Held) -> Held | None:
        self._answers.expect(step.answers)
        stage = self._stages.get(step.basis)
        if stage is None:
            why = f"the settings of {self._name} (basis {step.basis}) are not in the journal"
            self.missing.append(Missing(JOURNAL.name, step.partition, -1, -1, why))
            return None
        return self._ticked(stage, step, held) if not step.topic else self._taken(stage, step, held)

    def _ticked(self, stage: Stage[Any], step: StepTaken, held: Held) -> Held:
        cause = f"tick {step.number}"
        try:
            answer = stage.tick(self._key, held.state, step.at)
        except (NoAnswerError, EffectSealedError) as error:
            self._differs(step, cause, str(error))
            return held
        if answer is None:
            self._differs(step, cause, "the tick brought something then, and nothing now")
            return held
        self._publish(step, step.at, cause, answer)
        return self._next(answer, held.upto)

    def _taken(self, stage: Stage[Any], step: StepTaken, held: Held) -> Held | None:
        upto, state, count = dict(held.upto), held.state, 0
        for received in self._log.between(step.topic, step.partition, step.first_offset, step.last_offset):
            where = received.position
            if where.offset <= upto.get(where.topic, -1) or state is None:
                continue
            answer = self._decide(stage, state, received, step)
            if answer is not None:
                state, count = answer.state, count + 1
                upto[where.topic] = where.offset
        if count < step.records:
            self._lacks(step, count)
            return None
        if count > step.records:
            self._differs(step, _place(step), f"{step.records} records were decided on then, {count} now")
        return self._next(Step(state), upto)

    def _decide(self, stage: Stage[Any], state: Any, received: Received[Any], step: StepTaken) -> Step[Any] | None:
        where, asked = received.position, self._answers.asked
        cause = f"{where.topic}/{where.partition}/{where.offset}"
        try:
            if stage.key(received) != self._key:
                return None
            answer = stage.decide(state, received)
            self._wire.messages(answer.outputs)
        except (NoAnswerError, EffectSealedError) as error:
            self._differs(step, cause, str(error))
            return None
        except Exception:  # noqa: BLE001 - as in the shell: it became a dead letter, and no state came of it
            self._answers.asked = asked
            return None
        self._publish(step, where.arrived_at, cause, answer)
        return answer

    def _next(self, answer: Step[Any], upto: dict[str, int]) -> Held:
        return self._initial() if answer.state is None else Held(answer.state, upto)

    def _publish(self, step: StepTaken, at: int, cause: str, answer: Step[Any]) -> None:
        outputs = with_basis(answer.outputs, step.basis)
        self.decided += [Decided(self._name, at, step.number, cause, o.topic, o.record) for o in outputs]

    def _lacks(self, step: StepTaken, count: int) -> None:
        gone = self._log.begins(step.topic, step.partition) > step.first_offset
        by = "retention took them" if gone else "they are not in the log"
        why = f"{step.records - count} of {step.records} records that {self._name} decided on: {by}"
        self.missing.append(Missing(step.topic, step.partition, step.first_offset, step.last_offset, why))

    def _differs(self, step: StepTaken, cause: str, what: str) -> None:
        self.divergences.append(
            Divergence(stage=self._name, at=step.at, what=what, topic=step.topic, partition=step.partition, cause=cause)
        )


def _place(step: StepTaken) -> str:
    return f"{step.topic}/{step.partition}/{step.first_offset}-{step.last_offset}"
