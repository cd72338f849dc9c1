"""Liveness, readiness and Prometheus metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

CHECK_TIMEOUT_S = 5.0

# Answers None where all is well, else what is wrong.
Check = Callable[[], Awaitable[str | None]]


def health_router(checks: Mapping[str, Check], registry: CollectorRegistry) -> APIRouter:
    """GET /health/live, /health/ready and /metrics; `checks` decide on readiness, each within 5 s."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live")
    async def live() -> dict[str, bool]:
        """The process answers."""
        return {"live": True}

    @router.get("/health/ready", responses={503: {"description": "A check failed."}})
    async def ready() -> JSONResponse:
        """Whether telemetry is taken: what it depends on answers."""
        answers = await asyncio.gather(*(_checked(check) for check in checks.values()))
        found = dict(zip(checks, answers, strict=True))
        well = all(answer["ok"] for answer in answers)
        return JSONResponse({"ready": well, "checks": found}, 200 if well else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def kafka_check(bootstrap: str) -> Check:
    """Whether the broker answers a request for metadata."""
    client: list[AdminClient] = []  # made at the first check, kept for the next

    def ask() -> str | None:
        if not client:
            client.append(AdminClient({
                "bootstrap.servers": bootstrap, "socket.connection.setup.timeout.ms": 2000, "log_level": 0,
            }))  # fmt: skip
        try:
            client[0].list_topics(timeout=CHECK_TIMEOUT_S - 0.5)
        except KafkaException as error:
            return f"No Kafka answers at {bootstrap}: {error.args[0].str()}."
        return None

    return lambda: asyncio.to_thread(ask)


async def _checked(check: Check) -> dict[str, Any]:
    begun = time.monotonic()
    try:
        wrong = await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
    except TimeoutError:
        wrong = f"No answer within {CHECK_TIMEOUT_S:g} s."
    return {"ok": wrong is None, "detail": wrong or "", "took_s": round(time.monotonic() - begun, 3)}
