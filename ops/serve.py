"""The HTTP side's composition root: intake, API, page, health and metrics in one application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import stamina
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from ops.api.approval_desk import ApprovalsDesk
from ops.api.approvals import approvals_router
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
from ops.api.incidents import incidents_router
from ops.api.lag import lag_router
from ops.api.letters import letters_router
from ops.api.reach import LocalOnly
from ops.api.records import read_record, records_router
from ops.api.sightings import Sightings, sightings_router
from ops.api.stream import stream_router
from ops.api.tail import EventTail
from ops.dead_letters.redrive import Redrive
from ops.dead_letters.remap import Remapper
from ops.dead_letters.shelf import Shelf
from ops.intake.batch import BatchReader
from ops.intake.composition import compose_intake, intake_rules
from ops.intake.formats import FORMATS
from ops.intake.guard import is_loopback
from ops.intake.http import IntakePaths, intake_router
from ops.lag_watch import LagBoard
from ops.metrics.lag import LagCollector
from ops.page.site import page_router
from ops.projections import chosen_store, show_projection
from ops.settings import Settings
from state.clock import wall_clock_ms
from state.errors import ProjectionUnavailableError
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
    metrics = registry or CollectorRegistry()
    codec_for = CodecFactory(settings.schema_registry_url, bootstrap)
    encoder = TelemetryEncoder(codec_for)
    running: list[tuple[TelemetryProducer, Projection]] = []
    feed, sightings = Feed(), Sightings(bootstrap, settings.prediction_threshold)
    board = LagBoard(bootstrap, every_s=_LAG_EVERY_S)  # looks once somebody asks
    cluster = ClusterQuestions(bootstrap)
    condition = Condition(
        {"brokers": cluster.brokers, "workers": cluster.workers, "keeping up": keeping_up_question(board),
         "store": store_question(lambda: running[0][1], chosen_store(settings)),
         "events": log_question(lambda: feed.following)},
        wall_clock_ms,
    )  # fmt: skip
    metrics.register(LagCollector(board.wanted_rows))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(_register, encoder)
        projection = await asyncio.to_thread(_opened, open_store, settings)
        running.append((_producer(bootstrap, settings), projection))
        tail = EventTail(bootstrap, feed)
        tail.start()
        sightings.start()
        if not settings.api_open and not is_loopback(settings.http_host):
            log.warning("page and API answer this machine only: there are no keys and roles yet", see="docs/api.md")
        try:
            yield
        finally:
            condition.close()
            await asyncio.gather(*map(asyncio.to_thread, (tail.stop, sightings.stop, board.close)))
            running.pop()[0].close()
            projection.close()

    app = FastAPI(
        title="Breakwater",
        description="Intake of telemetry, and what became of it.",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own loads its programs from elsewhere; ops.page has one that does not
        redoc_url=None,
    )
    # `serve` says when the process is to end, so that streams end too.
    app.state.stopping = lambda: False
    app.add_middleware(LocalOnly, open_to_all=settings.api_open)
    intake = compose_intake(settings, encoder, lambda: running[0][0], metrics)
    app.add_middleware(IntakePaths, intake=intake)
    app.include_router(intake_router(intake))
    app.include_router(incidents_router(lambda: running[0][1], _yardstick(settings), fresh_s=_FRESH_S))
    persons = SubjectKeys(settings.persons)
    desk = ApprovalsDesk(
        lambda: running[0][1], lambda: running[0][0], lambda: encoder.codec(COMMANDS), wall_clock_ms,
        lambda said, incident_id: sealed(said, incident_id, persons),
    )  # fmt: skip
    app.include_router(approvals_router(desk, _FRESH_S))
    app.include_router(lag_router(board))
    app.include_router(sightings_router(lambda: sightings, wall_clock_ms))
    app.include_router(records_router(lambda *place: read_record(bootstrap, *place)))
    exports = Exports(lambda: running[0][1], run_breakwater, settings.home / "exports")
    app.include_router(exports_router(lambda: exports))
    app.include_router(condition_router(condition))
    remapper = Remapper(BatchReader(encoder), intake_rules(settings))
    app.include_router(
        letters_router(
            lambda: Shelf(bootstrap, codec_for), lambda shelf: Redrive(bootstrap, shelf, remapper), _LETTERS_FRESH_S
        )
    )
    app.include_router(stream_router(feed, lambda: bool(app.state.stopping())))
    app.include_router(health_router({"kafka": kafka_check(bootstrap)}, metrics))
    app.include_router(page_router())
    return app


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
