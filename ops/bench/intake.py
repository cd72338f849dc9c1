"""The HTTP intake: `breakwater serve` takes alerts as JSON lines and answers once Kafka has them."""

import asyncio
import json
import socket
import time
from dataclasses import dataclass

import httpx

from ops.bench.broker import Broker
from ops.bench.errors import BenchError
from ops.bench.process import measured
from ops.bench.stopwatch import percentile

# Alerts in a request, and requests under way at once.
LINES = 200
CLIENTS = 4
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Intake:
    """What was taken and answered."""

    alerts_per_s: float
    alerts_per_cpu_s: float
    rss_mb: float
    p99_ms: float


def measure(broker: Broker, alerts: int) -> Intake:
    """Post so many alerts.

    Raises:
        BenchError: the intake did not start, or refused some.
    """
    broker.renew()
    port, home = _free_port(), broker.home / "intake"
    environment = {
        "BREAKWATER_HOME": str(home), "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "BREAKWATER_HTTP_PORT": str(port),
    }  # fmt: skip
    with measured(["ops.cli", "serve"], home / "serve.log", environment) as process:
        base = f"http://127.0.0.1:{port}"
        _await_ready(base)
        before, began = process.usage(), time.monotonic()
        laps = asyncio.run(_post_all(base, max(1, alerts // LINES)))
        wall_s, after = time.monotonic() - began, process.usage()
    taken = len(laps) * LINES
    cpu_s = after.cpu_s - before.cpu_s
    return Intake(taken / wall_s, taken / cpu_s, after.rss_mb, percentile(laps, 0.99) * 1000)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _await_ready(base: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{base}/health/live", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise BenchError(f"The intake did not answer at {base} within {_START_S:.0f} s. Its log is in the bench's folder.")


async def _post_all(base: str, requests: int) -> list[float]:
    left = iter(range(requests))
    async with httpx.AsyncClient(base_url=base, timeout=60) as client:

        async def one_client() -> list[float]:
            laps = []
            for number in left:
                began = time.perf_counter()
                answer = await client.post(
                    "/v1/alerts", content=_lines(number), headers={"content-type": "application/x-ndjson"}
                )
                laps.append(time.perf_counter() - began)
                if not answer.is_success:
                    raise BenchError(f"The intake answered {answer.status_code}: {answer.text[:200]}")
            return laps

        found = await asyncio.gather(*(one_client() for _ in range(CLIENTS)))
    return [lap for laps in found for lap in laps]


def _lines(number: int) -> bytes:
    some = (
        {"service": f"service-{(number * LINES + n) % 1_000:04d}", "name": f"Condition{n % 20:02d}", "severity": "ERROR",
         "source": f"host-{n % 20:02d}", "message": f"{number}-{n}"}
        for n in range(LINES)
    )  # fmt: skip
    return "\n".join(json.dumps(one) for one in some).encode()
