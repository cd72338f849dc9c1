"""The target as a process: it really suffers, it tells, and a restart really heals it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.demo_target import RememberingIntake, TargetProcess

StartTarget = Callable[..., TargetProcess]
Eventually = Callable[[Callable[[], Any]], Any]

SMALL = ("--headroom-mb", "16")
FAST_LEAK = json.dumps({"kind": "leak", "rate_mb_s": 60}).encode()


def test_a_new_target_is_well_and_works(target: StartTarget) -> None:
    """Without a fault it answers health and work, and its memory is far from the limit."""
    process = target("--service", "checkout")
    assert process.get("/health") == (200, {"status": "ok"})
    status, document = process.get("/work")
    assert (status, len(document["signature"])) == (200, 64)
    stats = process.get("/stats")[1]
    assert stats["service"] == "checkout"
    assert stats["memory_limit_ratio"] < 0.5


def test_a_leak_takes_real_memory_until_health_fails(target: StartTarget, eventually: Eventually) -> None:
    """The system, not only the target itself, sees the memory grow; /health says why it fails; /work refuses."""
    import psutil

    process = target(*SMALL)
    before = psutil.Process(process.process.pid).memory_info().rss
    assert process.post("/fault", FAST_LEAK)[0] == 200
    _, document = eventually(lambda: (a := process.get("/health"))[0] == 503 and a)
    assert "out of memory" in document["why"]
    assert psutil.Process(process.process.pid).memory_info().rss > before + (8 << 20)
    assert "out of memory" in eventually(lambda: (a := process.get("/work"))[0] == 503 and a)[1]["error"]


def test_the_leak_is_bounded(target: StartTarget, eventually: Eventually) -> None:
    """It never holds much more than its limit, however long it leaks."""
    process = target(*SMALL)
    process.post("/fault", FAST_LEAK)

    def grown() -> float:
        return float(process.get("/stats")[1]["memory_bytes"])

    eventually(lambda: process.get("/health")[0] == 503)
    samples: list[float] = []

    def enough() -> bool:
        samples.append(grown())
        return len(samples) > 20

    eventually(enough)
    limit = process.get("/stats")[1]["memory_limit_bytes"]
    assert max(samples) < limit + (24 << 20)


def test_a_restart_heals(target: StartTarget, eventually: Eventually) -> None:
    """The fault is the process's, not its command line's."""
    process = target(*SMALL, "--fault", "leak")
    process.post("/fault", FAST_LEAK)
    eventually(lambda: process.get("/health")[0] == 503)
    assert process.stop() == 0
    process.start()
    assert process.get("/health") == (200, {"status": "ok"})
    assert process.get("/stats")[1]["fault"]["kind"] == "none"


def test_a_sticky_fault_survives_a_restart(target: StartTarget, eventually: Eventually) -> None:
    """For remedies that do not help."""
    process = target(*SMALL, "--fault", "pool", "--sticky", "--connections", "2")
    eventually(lambda: process.get("/health")[0] == 503)
    process.stop()
    process.start()
    assert "connection pool exhausted" in eventually(lambda: (a := process.get("/health"))[0] == 503 and a)[1]["why"]


def test_a_pool_that_loses_connections_makes_work_time_out(target: StartTarget, eventually: Eventually) -> None:
    """Connections that are not given back are really missing."""
    process = target("--connections", "3")
    process.post("/fault", json.dumps({"kind": "pool", "connections_per_s": 100}).encode())
    _, document = eventually(lambda: (a := process.get("/work"))[0] == 503 and a)
    assert document["error"] == "timed out after 400 ms waiting for one of 3 database connections"


def test_severity_can_be_changed_while_it_runs(target: StartTarget, eventually: Eventually) -> None:
    """A leak of nothing a second leaks nothing more."""
    process = target(*SMALL)
    process.post("/fault", json.dumps({"kind": "leak", "rate_mb_s": 0.5}).encode())
    assert process.get("/stats")[1]["fault"] == {"kind": "leak", "rate_mb_s": 0.5}
    process.post("/fault", json.dumps({"kind": "leak", "rate_mb_s": 60}).encode())
    assert eventually(lambda: process.get("/health")[0] == 503)


def test_a_flood_fills_the_queue_and_passes(target: StartTarget, eventually: Eventually) -> None:
    """More requests than slots can serve are refused; when the flood ends, the target recovers by itself."""
    process = target("--slots", "1", "--query-ms", "100")
    process.post("/fault", json.dumps({"kind": "overload", "requests_per_s": 120}).encode())
    assert "of requests fail" in eventually(lambda: (a := process.get("/health"))[0] == 503 and a)[1]["why"]
    process.post("/fault", json.dumps({"kind": "none"}).encode())
    assert eventually(lambda: process.get("/health")[0] == 200)


@pytest.fixture(scope="module")
def calm() -> Iterator[TargetProcess]:
    """One target for all tests that leave it as it was."""
    process = TargetProcess()
    yield process
    process.stop()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"not json", "The body is no JSON."),
        (b"[1]", "A fault is a JSON object"),
        (b'{"kind": "gremlins"}', "There is no fault 'gremlins'"),
        (b'{"kind": "leak", "rate_mb_s": 1e9}', "must be a number from 0 to 100"),
        (b'{"kind": "leak", "rate_mb_s": "fast"}', "must be a number from 0 to 100"),
        (b'{"kind": "leak", "rate_mb_s": NaN}', "must be a number from 0 to 100"),
        (b"x" * 5000, "1 to 4096 bytes"),
    ],
)
def test_a_bad_fault_is_refused_with_the_reason(calm: TargetProcess, body: bytes, said: str) -> None:
    """And the target goes on."""
    status, document = calm.post("/fault", body)
    assert status == 400
    assert said in document["error"]
    assert calm.get("/health")[0] == 200


def test_unknown_paths_are_not_found(calm: TargetProcess) -> None:
    """The answer names those that there are."""
    status, document = calm.get("/admin")
    assert status == 404
    assert "/health, /work, /stats" in document["error"]
    assert calm.post("/work", b"{}")[0] == 404


def test_telemetry_reaches_the_intake(target: StartTarget, intake: RememberingIntake, eventually: Eventually) -> None:
    """Metrics and log lines, with who speaks and when."""
    process = target(*SMALL, "--intake", intake.url, "--environment", "staging", "--tenant", "acme")
    process.get("/work")
    process.post("/fault", FAST_LEAK)

    def told(path: str, key: str) -> list[dict[str, Any]]:
        return [entry for p, document in intake.taken if p == path for entry in document[key]]

    eventually(lambda: any("heap at" in line["message"] for line in told("/v1/logs", "logs")))
    wanted = {"memory_bytes", "request_rate", "error_rate", "pool_in_use_ratio", "cpu_ratio", "latency_ms"}
    eventually(lambda: wanted <= {m["name"] for m in told("/v1/metrics", "metrics")})
    point = next(m for m in told("/v1/metrics", "metrics") if m["name"] == "memory_limit_ratio")
    assert (point["tenant"], point["environment"], point["service"]) == ("acme", "staging", "checkout")


def test_an_intake_that_is_away_costs_telemetry_and_nothing_else(target: StartTarget, eventually: Eventually) -> None:
    """What is not taken is counted, with the reason; the service goes on."""
    process = target("--intake", "http://127.0.0.1:9")
    stats = eventually(lambda: (s := process.get("/stats")[1])["telemetry"]["dropped"] > 0 and s)
    assert stats["telemetry"]["sent"] == 0
    assert "does not answer" in stats["telemetry"]["last_error"]
    assert process.get("/work")[0] == 200
