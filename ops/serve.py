"""The HTTP side's composition root: intake, API, health and metrics in one application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import stamina
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from ops.api.health import health_router, kafka_check
from ops.api.incidents import incidents_router
from ops.intake.composition import compose_intake
from ops.intake.formats import FORMATS
from ops.intake.http import IntakePaths, intake_router
from ops.projections import open_projection
from ops.settings import Settings
from state.errors import ProjectionUnavailableError
from state.ports import Projection
from streams.encoder import TelemetryEncoder
from streams.registry import CodecFactory
from streams.telemetry import TelemetryProducer
from streams.topics import DEAD_LETTERS

OpenProjection = Callable[[Settings], Projection]

# What Kafka has not acknowledged stays queued, for as long as it takes: its sender's repetition joins it (ops.intake.handover).
# A time limit here would leave it open whether a record that was given up is in the log.
_DELIVERY_TIMEOUT_S = 86_400.0
_BACKPRESSURE_S = 5.0
# A store that is started together with this process may not answer before.
_STORE_PATIENCE_S = 60.0


def create_app(
    settings: Settings,
    bootstrap: str,
    open_store: OpenProjection = open_projection,
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

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(_register, encoder)
        projection = await asyncio.to_thread(_opened, open_store, settings)
        running.append((_producer(bootstrap, settings), projection))
        try:
            yield
        finally:
            running.pop()[0].close()
            projection.close()

    app = FastAPI(title="Breakwater", description="Intake of telemetry, and what became of it.", lifespan=lifespan)
    intake = compose_intake(settings, encoder, lambda: running[0][0], metrics)
    app.add_middleware(IntakePaths, intake=intake)
    app.include_router(intake_router(intake))
    app.include_router(incidents_router(lambda: running[0][1]))
    app.include_router(health_router({"kafka": kafka_check(bootstrap)}, metrics))
    return app


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
    for topic in (*(known.topic for known in FORMATS), DEAD_LETTERS):
        encoder.codec(topic)
