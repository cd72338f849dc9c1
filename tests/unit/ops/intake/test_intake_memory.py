"""What is remembered from alert to alert is bounded in bytes too: a sender chooses names and texts, and how many."""

import itertools
import tracemalloc
from typing import Any

import orjson
import pytest

from ops.intake.arrival import Arrival
from ops.intake.batch import BatchReader
from ops.intake.formats import BY_PATH
from ops.intake.recent import compact
from streams.encoder import TelemetryEncoder

_NUMBERS = itertools.count()
LONG = 20_000
BODIES = 60


def unlike(value: Any) -> Any:
    """An example with long names and texts that never came before, wherever it has room for some."""
    if isinstance(value, list):
        return [unlike(one) for one in value]
    if not isinstance(value, dict):
        return value
    odd = f"{next(_NUMBERS)}-" + "x" * LONG
    changed = {name: unlike(one) for name, one in value.items()}
    return changed | {odd: "v", "extra": odd} | ({"severity": odd} if "severity" in value else {})


@pytest.mark.parametrize(
    "path", ["/v1/alerts", "/webhook", "/v1/alertmanager", "/api/v2/alerts", "/v1/grafana", "/v1/datadog"]
)
def test_long_names_that_never_come_again_are_forgotten(path: str) -> None:
    """Each body twice, as templates are made of what comes a second time: a tenth of what came is not held for long."""
    reader, known = BatchReader(TelemetryEncoder()), BY_PATH[path]
    arrival = Arrival(1_800_000_000_000, lambda: "made")
    reader.read(known, orjson.dumps(known.example.body), {}, arrival, {})
    tracemalloc.start()
    try:
        before, came = tracemalloc.get_traced_memory()[0], 0
        for _ in range(BODIES):
            body = orjson.dumps(unlike(known.example.body))
            came += 2 * len(body)
            reader.read(known, body, {}, arrival, {})
            reader.read(known, body, {}, arrival, {})
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert came > 2 * BODIES * LONG
    assert held < came / 10


def test_an_identity_is_held_by_its_hash_where_it_is_long() -> None:
    """Two long ones that differ at their ends are two."""
    assert compact("acme\x1fa-1") == "acme\x1fa-1"
    assert len(compact("x" * LONG)) < 100
    assert compact("x" * LONG + "a") != compact("x" * LONG + "b")
