"""The HTTP side's composition root: intake, API, page, health and metrics in one application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import stamina
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from ops.api.approval_desk import ApprovalsDesk
from ops.api.approvals import Approvals, approvals_router
from ops.api.condition import (
    ClusterQuestions,
    Condition,
    condition_router,
    keeping_up_question,
    log_question,
    store_question,
)
from ops.api.exports import Exports, exports_router, run_breakwater
from ops.api.feed import Feed
from ops.api.health import health_router, kafka_check
from ops.api.impact import Yardstick
from ops.api.incident_pages import IncidentPages
from ops.api.incident_paths import IncidentPaths
from ops.api.incidents import incidents_router
from ops.api.lag import lag_router
from ops.api.letters import LettersDesk, letters_router, letters_waiting
from ops.api.overview import Overview, overview_router
from ops.api.reach import LocalOnly, names_of
from ops.api.records import read_record, records_router
from ops.api.sightings import Sightings, sightings_router
from ops.api.stream import stream_router
from ops.api.tail import EventTail
from ops.api.unexpected import Unexpected, tell_problems
from ops.dead_letters.redrive import Redrive
from ops.dead_letters.remap import Remapper
from ops.dead_letters.shelf import Shelf
from ops.intake.batch import BatchReader
from ops.intake.composition import compose_intake, compose_recall, intake_rules
from ops.intake.formats import FORMATS
from ops.intake.guard import is_loopback
from ops.intake.http import Intake, IntakePaths, intake_router
from ops.intake.recall import Recall
from ops.lag.watch import LagBoard
from ops.metrics.lag import LagCollector
from ops.page.astray import told
from ops.page.files import files_router
from ops.page.fragments import Fragments
from ops.page.held import HeldPages
from ops.page.routes import page_router
from ops.page.sources import Sources
from ops.projections import chosen_store, show_projection
from ops.settings import Settings
from state.clock import wall_clock_ms
from state.errors import ProjectionUnavailableError
from state.log_reader import RawRecord
from state.personal import sealed
from state.ports import Projection
from state.subject_keys import SubjectKeys
from streams.encoder import TelemetryEncoder
from streams.registry import CodecFactory
from streams.telemetry import TelemetryProducer
from streams.topics import COMMANDS, DEAD_LETTERS

log = structlog.get_logger()

OpenProjection = Callable[[Settings], Projection]

# What Kafka has not acknowledged stays queued, for as long as it takes: its sender's repetition joins it (ops.intake.handover).
# A time limit here would leave it open whether a record that was given up is in the log.
_DELIVERY_TIMEOUT_S = 86_400.0
_BACKPRESSURE_S = 5.0
_LAG_EVERY_S = 2.5
# Hundreds of pages that hear of the same event ask the same questions within a moment.
_FRESH_S = 0.3
_LETTERS_FRESH_S = 3.0
# A store that is started together with this process may not answer before.
_STORE_PATIENCE_S = 60.0
_RECALL_PATIENCE_S = 15.0


def create_app(
    settings: Settings,
    bootstrap: str,
    open_store: OpenProjection = show_projection,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """The application; nothing is connected before it starts.

    Args:
        settings: limits and the home.
        bootstrap: Kafka's `host:port,…`.
        open_store: opens the store that incidents are read from.
        registry: where metrics are kept; by default one of its own.
    """
    parts = _Parts(settings, bootstrap, open_store, registry or CollectorRegistry())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await parts.open()
        try:
            yield
        finally:
            await parts.close()

    app = _Application(
        parts.intake,
        title="Breakwater",
        description="Intake of telemetry, and what became of it.",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own loads its programs from elsewhere; ops.page has one that does not
        redoc_url=None,
    )
    # `serve` says when the process is to end, so that streams end too.
    app.state.stopping = lambda: False
    tell_problems(app, told)
    app.include_router(intake_router(parts.intake))
    _include_routes(app, parts)
    app.include_router(health_router({"kafka": kafka_check(bootstrap)}, parts.metrics))
    app.add_middleware(IncidentPaths)
    # The last one stands in front: nobody is answered whom it has not let pass.
    app.add_middleware(LocalOnly, open_to_all=settings.api_open, names=names_of(settings.api_names))
    return app


class _Application(FastAPI):
    """The intake's paths lie in front of all that FastAPI does to a request, which is a tenth of a small one's price."""

    def __init__(self, intake: Intake, **more: Any) -> None:
        super().__init__(**more)
        self._intake = intake

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's, behind the intake's paths; around both, what tells the errors that nobody foresaw."""
        return Unexpected(IntakePaths(super().build_middleware_stack(), self._intake), told)


class _Parts:
    """What works behind the routes; connected between `open` and `close`."""

    def __init__(
        self, settings: Settings, bootstrap: str, open_store: OpenProjection, metrics: CollectorRegistry
    ) -> None:
        self.settings, self.bootstrap, self.metrics = settings, bootstrap, metrics
        self._open_store = open_store
        self._running: list[tuple[TelemetryProducer, Projection]] = []
        self.codec_for = CodecFactory(settings.schema_registry_url, bootstrap)
        self.encoder = TelemetryEncoder(self.codec_for)
        self.intake = compose_intake(settings, self.encoder, self.producer, metrics)
        self.feed, self.sightings = Feed(), Sightings(bootstrap, settings.prediction_threshold)
        self._tail = EventTail(bootstrap, self.feed)
        self._recall: Recall | None = None
        self.board = LagBoard(bootstrap, every_s=_LAG_EVERY_S)  # looks once somebody asks
        metrics.register(LagCollector(self.board.wanted_rows))
        self.pages = IncidentPages(self.projection, _yardstick(settings), fresh_s=_FRESH_S)
        cluster = ClusterQuestions(bootstrap)
        self.condition = Condition(
            {"brokers": cluster.brokers, "workers": cluster.workers, "keeping up": keeping_up_question(self.board),
             "store": store_question(self.projection, chosen_store(settings)),
             "events": log_question(lambda: self.feed.following)},
            wall_clock_ms,
        )  # fmt: skip

    def producer(self) -> TelemetryProducer:
        """The way to Kafka, there once the application has started."""
        return self._running[0][0]

    def projection(self) -> Projection:
        """The store that incidents are read from, there once the application has started."""
        return self._running[0][1]

    async def open(self) -> None:
        """Connect."""
        await asyncio.to_thread(_register, self.encoder)
        projection = await asyncio.to_thread(_opened, self._open_store, self.settings)
        self._running.append((_producer(self.bootstrap, self.settings), projection))
        self._tail.start()
        self.sightings.start()
        if self.settings.intake_dedup_s:
            await asyncio.to_thread(self.intake.unsettled.recover, wall_clock_ms())
            self._recall = compose_recall(self.settings, self.bootstrap, self.encoder, self.intake)
            self._recall.start()
            # Where Kafka is away the intake says so until it is back, and all else goes on.
            await asyncio.to_thread(self._recall.wait, _RECALL_PATIENCE_S)
        if not self.settings.api_open and not is_loopback(self.settings.http_host):
            log.warning("page and API answer this machine only: there are no keys and roles yet", see="docs/api.md")

    async def close(self) -> None:
        """Disconnect; what waits for Kafka is given up."""
        self.condition.close()
        recall = (self._recall.stop,) if self._recall is not None else ()
        ends = (self._tail.stop, self.sightings.stop, self.board.close, *recall)
        await asyncio.gather(*map(asyncio.to_thread, ends))
        producer, projection = self._running.pop()
        producer.close()
        projection.close()
        self.intake.unsettled.close()


def _include_routes(app: FastAPI, parts: _Parts) -> None:
    """What programs ask, and what the page shows of it."""
    approvals, letters = _desks(parts)
    exports = Exports(parts.projection, run_breakwater, parts.settings.home / "exports")
    overview = Overview(
        parts.projection, parts.board, parts.sightings,
        lambda: letters_waiting(Shelf(parts.bootstrap, parts.codec_for)), lambda: parts.feed.following, wall_clock_ms,
    )  # fmt: skip

    def read(topic: str, partition: int, offset: int) -> RawRecord | str:
        return read_record(parts.bootstrap, topic, partition, offset)

    for router in (
        incidents_router(parts.projection, parts.pages), lag_router(parts.board),
        sightings_router(lambda: parts.sightings, wall_clock_ms), records_router(read), exports_router(lambda: exports),
        condition_router(parts.condition), overview_router(lambda: overview),
        stream_router(parts.feed, lambda: bool(app.state.stopping())), approvals_router(approvals), letters_router(letters),
    ):  # fmt: skip
        app.include_router(router)
    sources = Sources(
        parts.projection, parts.pages, overview, parts.board, parts.sightings, parts.condition, approvals, letters, exports,
        read, wall_clock_ms,
    )  # fmt: skip
    app.include_router(files_router())
    fragments = Fragments(sources)
    app.include_router(page_router(sources, fragments))
    app.add_middleware(HeldPages, fragments=fragments)


def _desks(parts: _Parts) -> tuple[Approvals, LettersDesk]:
    """Where people act: approvals and dead letters."""
    persons = SubjectKeys(parts.settings.persons)
    desk = ApprovalsDesk(
        parts.projection, parts.producer, lambda: parts.encoder.codec(COMMANDS), wall_clock_ms,
        lambda said, incident_id: sealed(said, incident_id, persons),
    )  # fmt: skip
    remapper = Remapper(BatchReader(parts.encoder), intake_rules(parts.settings))
    letters = LettersDesk(
        lambda: Shelf(parts.bootstrap, parts.codec_for),
        lambda shelf: Redrive(parts.bootstrap, shelf, remapper),
        _LETTERS_FRESH_S,
    )
    return Approvals(desk, _FRESH_S), letters


def _yardstick(settings: Settings) -> Yardstick:
    return Yardstick(mttr_target_s=settings.mttr_target_s, human_mttr_s=settings.human_mttr_s)


def _producer(bootstrap: str, settings: Settings) -> TelemetryProducer:
    return TelemetryProducer(
        bootstrap,
        client_id="breakwater-intake",
        linger_ms=5,
        delivery_timeout_s=_DELIVERY_TIMEOUT_S,
        backpressure_timeout_s=_BACKPRESSURE_S,
        # The intake's own bound comes first; this one holds what the client adds to each record.
        config={"queue.buffering.max.kbytes": str(2 * 1024 * settings.intake_buffer_mb)},
    )


def _opened(open_store: OpenProjection, settings: Settings) -> Projection:
    for attempt in stamina.retry_context(ProjectionUnavailableError, attempts=None, timeout=_STORE_PATIENCE_S):
        with attempt:
            return open_store(settings)
    raise AssertionError("the last attempt raises")


def _register(encoder: TelemetryEncoder) -> None:
    """Make the codecs before the first request: with a registry this asks over the network."""
    for topic in (*(known.topic for known in FORMATS), DEAD_LETTERS, COMMANDS):
        encoder.codec(topic)
