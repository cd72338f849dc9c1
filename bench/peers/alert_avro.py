"""Decodes the bench's alerts: fastavro over the schema that is given by the environment."""

import json
import os
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_reader

FRAME_BYTES = 10
LIMIT_PER_S = 100
_SCHEMA = parse_schema(json.loads(os.environ["BENCH_ALERT_SCHEMA"]))


def decoded(value: bytes) -> tuple[str, int]:
    """An alert's incident and second of event time."""
    alert: Any = schemaless_reader(BytesIO(value[FRAME_BYTES:]), _SCHEMA, None)
    return alert["incident_id"], alert["occurred_at"] // 1000
