"""The page over a store of its own, with what else it asks in place of Kafka and its workers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI

from ops.api.alert_rates import AlertRates
from ops.api.approval_desk import ApprovalsDesk
from ops.api.approvals import Approvals
from ops.api.condition import Condition
from ops.api.exports import Exports
from ops.api.feed import Feed
from ops.api.incident_pages import IncidentPages
from ops.api.letters import LettersDesk
from ops.api.overview import Overview
from ops.api.predictions_seen import PredictionsSeen
from ops.api.sightings import Sightings
from ops.api.stream import stream_router
from ops.dead_letters.redrive import Outcome, Redrive
from ops.dead_letters.shelf import Overview as ShelfOverview
from ops.dead_letters.shelf import Shelf
from ops.lag.history import LagHistory
from ops.lag.judgement import LagRow, LagStatus
from ops.page.files import files_router
from ops.page.fragments import Fragments
from ops.page.held import HeldPages
from ops.page.routes import page_router
from ops.page.sources import Sources
from schemas.codec import Codec
from schemas.convert import to_dict
from schemas.records.log import DeadLetter, IncidentCommand, WorkSignal
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.samples import sample
from state.log_reader import RawRecord
from tests.support.api import DirectCommands

LETTER = "7be1c0"


@dataclass(slots=True)
class FakeBoard:
    """One group that stands still."""

    history: LagHistory = field(default_factory=LagHistory)

    def latest(self, _patience_s: float = 1.0) -> tuple[tuple[LagRow, ...], float]:
        rows = (
            LagRow(
                "breakwater-analysis", "incident.candidates", 0, 40, 61.5, 0.0, None, LagStatus.STOP, ["inc-checkout"]
            ),
        )
        self.history.add(1_700_000_000.0, rows)
        return rows, 1_700_000_000.0


class FakeSightings:
    """A storm of 2,000 alerts, a signal, no prediction."""

    def __init__(self, now: int) -> None:
        self._rates, self._predictions = AlertRates(), PredictionsSeen(0.8)
        self._rates.account(
            sample(AlertAccount, incident_id="inc-checkout", tenant="default", service="checkout", partition=0, received=2_000,
                   total_received=2_000, total_kept=100, total_suppressed=1_900, total_late=0, total_dead_lettered=0),
            now - 10_000,
        )  # fmt: skip
        self._rates.storm(sample(StormChanged, incident_id="inc-checkout", service="checkout", open=True, partition=0))

    def rates(self, now: int) -> dict[str, Any]:
        return self._rates.view(now)

    def predictions(self, now: int) -> dict[str, Any]:
        return self._predictions.view(now)

    def signals(self) -> list[WorkSignal]:
        return [sample(WorkSignal)]


class FakeShelf:
    """One letter; `back` once it was put back."""

    def __init__(self) -> None:
        self.back: set[str] = set()
        self.letter = sample(DeadLetter, dead_letter_id=LETTER, reason="malformed", value=b"\x00<b>no alert</b>")

    def newest(self, _limit: int, _reason: str | None = None) -> tuple[list[DeadLetter], ShelfOverview]:
        return [self.letter], ShelfOverview(1, {"malformed": 1}, self.back)

    def find(self, _text: str) -> tuple[DeadLetter, bool]:
        return self.letter, bool(self.back)

    def run(self, _reason: str | None, _letter_id: str | None) -> list[Outcome]:
        self.back.add(LETTER)
        return [Outcome(self.letter, "redriven")]


async def _rerun(_arguments: Sequence[str]) -> tuple[int, bytes, bytes]:
    return 0, b'{"result": "identical", "decisions": 3, "by_stage": {"consensus": 3}}', b""


def page_over(pipeline: DirectCommands, folder: Path) -> FastAPI:
    """The page, its files and the stream; its clock is the log's."""

    def clock() -> int:
        return pipeline.log.now_ms

    desk = ApprovalsDesk(
        lambda: pipeline.store,
        lambda: pipeline,
        lambda: Codec(IncidentCommand),
        clock,
        lambda said, _: to_dict(said),
        5.0,
    )
    shelf, board, sightings = FakeShelf(), FakeBoard(), FakeSightings(clock())
    questions = dict.fromkeys(("brokers", "workers", "keeping up", "store", "events"), dict)
    sources = Sources(
        projection=lambda: pipeline.store, pages=IncidentPages(lambda: pipeline.store, clock=clock),
        overview=Overview(lambda: pipeline.store, board, sightings, lambda: 1, lambda: True, clock), board=board,
        sightings=cast(Sightings, sightings), condition=Condition(questions, clock), approvals=Approvals(desk),
        letters=LettersDesk(lambda: cast(Shelf, shelf), lambda _: cast(Redrive, shelf)),
        exports=Exports(lambda: pipeline.store, _rerun, folder), read=_read, clock=clock,
    )  # fmt: skip
    app = FastAPI(docs_url=None)
    app.include_router(files_router())
    fragments = Fragments(sources)
    app.include_router(page_router(sources, fragments))
    app.add_middleware(HeldPages, fragments=fragments)
    app.include_router(stream_router(Feed(), lambda: False))
    return app


def _read(topic: str, partition: int, offset: int) -> RawRecord | str:
    return f"{topic}[{partition}] ends at offset 5: offset {offset} is not written yet."
