"""`rerun`: every decision of an incident made again from its recording, sealed off, and held against the record."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ops.composition.analysis_stages import incident_stages, series_stages
from ops.composition.command_stages import command_stages
from ops.composition.decision_settings import as_recorded, code_digest
from ops.reexecution.comparison import IN_FLIGHT_MS, Comparison
from ops.reexecution.errors import NothingRecordedError
from ops.reexecution.ledger_again import STAGE as LEDGER
from ops.reexecution.ledger_again import LedgerAgain
from ops.reexecution.outcome import ALWAYS, ORDER, Decided, Divergence, Missing, Verdict, Window
from ops.reexecution.reading_back import ReadBack
from ops.reexecution.recording import Recording
from ops.reexecution.seal import sealed
from ops.reexecution.series_again import series_again
from ops.reexecution.stage_again import StageAgain
from ops.settings import Settings
from schemas.records.journal import StepTaken
from schemas.records.vocabulary import Millis
from streams.answers import Answers, AnswersAgain
from streams.journal import Basis
from streams.stage import Stage
from streams.topics import JOURNAL

MakeStages = Callable[[Settings, Answers], Iterable[Stage[Any]]]


class NoTargets:
    """What may be acted on is on record; nothing is looked up."""

    def find(self, tenant: str, environment: str, service: str) -> None:
        """Nothing: an answer that is not on record is none."""


def stages_of(settings: Settings, answers: Answers) -> list[Stage[Any]]:
    """The stages whose steps are in the journal, as the workers make them."""
    return [*incident_stages(settings, answers), *command_stages(settings, NoTargets(), answers)]


def rerun(recording: Recording, make_stages: MakeStages = stages_of, window: Window = ALWAYS) -> Verdict:
    """Make the decisions again, compare them, and say what differs and what is missing.

    Args:
        window: of what is judged. All is made again: each state rests on those before it.

    Raises:
        NothingRecordedError: no step of the incident is in the journal.
    """
    with sealed():
        return _Rerun(recording, make_stages).verdict(window)


class _Rerun:
    def __init__(self, recording: Recording, make_stages: MakeStages) -> None:
        self._recording = recording
        self._log = ReadBack(recording)
        steps = self._log.steps()
        self._steps = _by_stage(steps, recording.incident_id)
        if not self._steps:
            raise NothingRecordedError(
                f"No decision about {recording.incident_id} is in the decision journal: it was decided by a version that kept "
                "none, or retention took it. `breakwater incidents timeline` tells what its events hold."
            )
        # One that is not what its digest says was changed; what rests on it cannot be made again.
        self._bases = {s.basis: s for s in steps if not s.key and Basis(s.settings, s.code).digest == s.basis}
        self._answers = AnswersAgain()
        self._settings = {basis: as_recorded(step.settings) for basis, step in self._bases.items()}
        self._stages = {
            basis: {stage.name: stage for stage in make_stages(settings, self._answers)}
            for basis, settings in self._settings.items()
        }
        self._decided: list[Decided] = []
        self._divergences: list[Divergence] = []
        self._missing: list[Missing] = []
        self._blind: set[str] = set()

    def verdict(self, window: Window) -> Verdict:
        """Run all, and say what came of it."""
        for name, steps in self._steps.items():
            self._run_stage(name, steps)
        self._run_series()
        # Of the chain, so that what was tampered with in an event is not told as a stage's doing.
        ledger = LedgerAgain(self._log, until=self._recording.read_at - IN_FLIGHT_MS, window=window)
        ledger.run()
        comparison = Comparison(
            self._log, until=self._recording.read_at, blind=self._blind, bases=self._bases, window=window
        )
        comparison.hold(self._decided)
        own = [one for one in self._divergences if window.holds(one.at)]
        divergences = [*own, *comparison.divergences, *ledger.divergences]
        by_stage: dict[str, int] = defaultdict(int)
        for one in self._decided:
            by_stage[one.stage] += window.holds(one.at)
        by_stage[LEDGER] = ledger.compared
        return Verdict(
            incident_id=self._recording.incident_id,
            decisions=sum(by_stage.values()),
            by_stage={name: by_stage[name] for name in ORDER if by_stage[name]},
            divergences=tuple(sorted(divergences, key=lambda one: (one.at, ORDER.index(one.stage)))),
            missing=(*self._missing, *ledger.missing),
            same_code=all(step.code == code_digest() for step in self._bases.values()),
            window=window,
        )

    def _run_stage(self, name: str, steps: Sequence[StepTaken]) -> None:
        stages = {basis: stages[name] for basis, stages in self._stages.items() if name in stages}
        if not stages:
            why = f"no settings of {name} are in the journal"
            self._lacks(name, [Missing(JOURNAL.name, steps[0].partition, -1, -1, why)])
            return
        again = StageAgain(name, self._recording.incident_id, self._log, stages, self._answers)
        again.run(steps)
        self._decided += again.decided
        self._divergences += again.divergences
        self._lacks(name, again.missing)

    def _run_series(self) -> None:
        at = _SettingsAt([step for steps in self._steps.values() for step in steps], self._settings)
        for name in ("metrics", "forecasts"):
            if not at.known:
                self._lacks(name, [Missing(JOURNAL.name, -1, -1, -1, f"no settings of {name} are in the journal")])
                continue
            decided, missing = series_again(name, self._log, _StageAt(name, at))
            self._decided += decided
            self._lacks(name, missing)

    def _lacks(self, stage: str, missing: Sequence[Missing]) -> None:
        if missing:
            self._blind.add(stage)
            self._missing += missing


class _SettingsAt:
    """The settings that held at a time: those of the last step before it, else of the first."""

    def __init__(self, steps: Sequence[StepTaken], settings: Mapping[str, Settings]) -> None:
        known = sorted((step for step in steps if step.basis in settings), key=lambda step: step.at)
        self._changes: list[tuple[Millis, Settings]] = []
        for step in known:
            if not self._changes or self._changes[-1][1] is not settings[step.basis]:
                self._changes.append((step.at, settings[step.basis]))

    @property
    def known(self) -> bool:
        """Whether any are."""
        return bool(self._changes)

    def __call__(self, at: Millis) -> Settings:
        held = [settings for since, settings in self._changes if since <= at]
        return held[-1] if held else self._changes[0][1]


class _StageAt:
    """A stage by series, by the settings that held at a time."""

    def __init__(self, name: str, settings_at: _SettingsAt) -> None:
        self._name, self._settings_at = name, settings_at
        self._made: dict[int, Stage[Any]] = {}

    def __call__(self, at: Millis) -> Stage[Any]:
        settings = self._settings_at(at)
        if id(settings) not in self._made:
            self._made[id(settings)] = next(one for one in series_stages(settings) if one.name == self._name)
        return self._made[id(settings)]


def _by_stage(steps: Sequence[StepTaken], key: str) -> dict[str, list[StepTaken]]:
    found: dict[str, list[StepTaken]] = defaultdict(list)
    for step in steps:
        if step.key == key:
            found[step.stage].append(step)
    return dict(found)
