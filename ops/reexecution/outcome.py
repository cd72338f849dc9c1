"""What a re-execution finds: decisions that differ, what is missing, and the verdict."""

from dataclasses import asdict, dataclass
from typing import Any

from schemas.records.vocabulary import Millis
from streams.topics import Topic

IDENTICAL, DIVERGED = "identical", "diverged"
# What differs: what was decided, or by what (the `basis` that the record names, and that of the step that makes it again).
DECISION, SETTINGS = "decision", "settings"

# In the order in which they follow from one another, for those of one millisecond.
ORDER = ("metrics", "forecasts", "candidates", "warnings", "diagnosis", "consensus", "planning", "notices", "ledger")


@dataclass(frozen=True, slots=True)
class Window:
    """Which decisions are judged: those from `first` to `last` (epoch ms), both ends included; None leaves an end open."""

    first: Millis | None = None
    last: Millis | None = None

    def holds(self, at: Millis) -> bool:
        """Whether a time is within."""
        return (self.first is None or self.first <= at) and (self.last is None or at <= self.last)


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Decided:
    """A record that a stage made again: at which time, at which place of its stage's steps, from which record or tick."""

    stage: str
    at: Millis
    number: int
    cause: str
    topic: Topic
    record: Any


@dataclass(frozen=True, slots=True)
class Missing:
    """What the log no longer holds: offsets `first` to `last` of a partition, and what cannot be judged without them."""

    topic: str
    partition: int
    first: int
    last: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """A decision that differs. `recorded` and `decided` are the two sides, None where there is none; `fields` differ.

    `kind` says whether the settings differ, or with equal ones the decision.
    `topic`, `partition`, `offset` are the recorded record's, -1 where there is none; `cause` is what was decided on.
    """

    stage: str
    at: Millis
    what: str
    topic: str
    kind: str = DECISION
    partition: int = -1
    offset: int = -1
    cause: str = ""
    fields: tuple[str, ...] = ()
    recorded: dict[str, Any] | None = None
    decided: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome.

    Attributes:
        decisions: how many were made again and held against the record, events among them; by stage in `by_stage`.
        divergences: the first ones, in order of time.
        missing: with anything here the verdict is partial: it is of what there is.
        same_code: whether this program is the one that decided then.
        window: which of the incident's decisions were judged.
    """

    incident_id: str
    decisions: int
    by_stage: dict[str, int]
    divergences: tuple[Divergence, ...]
    missing: tuple[Missing, ...]
    same_code: bool
    window: Window = ALWAYS

    @property
    def result(self) -> str:
        """`identical` or `diverged`."""
        return DIVERGED if self.divergences else IDENTICAL

    @property
    def same_settings(self) -> bool:
        """Whether every decision was made by the settings that its record names."""
        return all(one.kind != SETTINGS for one in self.divergences)

    @property
    def whole(self) -> bool:
        """Whether all that was decided was decided alike."""
        return not self.divergences and not self.missing

    def document(self) -> dict[str, Any]:
        """The JSON of `breakwater rerun --json`."""
        return {
            "incident_id": self.incident_id,
            "result": self.result,
            "partial": bool(self.missing),
            "decisions": self.decisions,
            "by_stage": self.by_stage,
            "first_divergence": self.divergences[0].document() if self.divergences else None,
            "divergences": len(self.divergences),
            "missing": [asdict(one) for one in self.missing],
            "same_code": self.same_code,
            "same_settings": self.same_settings,
            "window": asdict(self.window),
        }
