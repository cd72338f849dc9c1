"""`/api/v1/records/TOPIC/PARTITION/OFFSET`: the very record that a piece of evidence names, decoded."""

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Path, Response

from ops.api.problems import ProblemRoute, problems
from ops.decoding import RecordDecoder, json_default
from state.log_reader import LogReader, RawRecord
from streams.topics import BY_NAME

_PATIENCE_S = 8.0

ReadRecord = Callable[[str, int, int], "RawRecord | str"]


def read_record(bootstrap: str, topic: str, partition: int, offset: int) -> RawRecord | str:
    """The record at a place of the log, or why there is none.

    Raises:
        StoreUnavailableError: Kafka does not answer.
    """
    with LogReader(bootstrap, "breakwater-page", _PATIENCE_S) as log:
        if partition not in log.partitions(topic):
            return f"{topic} has no partition {partition} here."
        first, end = log.bounds(topic, partition)
        if offset >= end:
            return f"{topic}[{partition}] ends at offset {end}: offset {offset} is not written yet."
        if offset < first:
            return f"Retention has taken the record: {topic}[{partition}] begins at offset {first}."
        for raw in log.read(topic, {partition: (offset, offset + 1)}):
            return raw
    return (
        f"At {topic}[{partition}]@{offset} is no record: it was compacted away, or a transaction's marker lies there."
    )


def record_shown(read: ReadRecord, topic: str, partition: int, offset: int) -> bytes:
    """One record as JSON; `read` is `read_record` of a broker.

    Raises:
        HTTPException: 404, there is none; it says whether retention or compaction took it.
    """
    if topic not in BY_NAME:
        raise HTTPException(404, f"{topic[:100]!r} is none of Breakwater's topics.")
    found = read(topic, partition, offset)
    if isinstance(found, str):
        raise HTTPException(404, found)
    return orjson.dumps(RecordDecoder(topic).line(found), default=json_default, option=orjson.OPT_NON_STR_KEYS)


def records_router(read: ReadRecord) -> APIRouter:
    """The route; `read` is `read_record` of a broker."""
    router = APIRouter(prefix="/api/v1/records", tags=["records"], route_class=ProblemRoute)

    @router.get(
        "/{topic}/{partition}/{offset}",
        responses={200: {"content": {"application/json": {"example": _RECORD}}}, **problems(404, 422, 503)},
    )
    def record(
        topic: str, partition: Annotated[int, Path(ge=0, le=100_000)], offset: Annotated[int, Path(ge=0, le=2**62)]
    ) -> Response:
        """One record of one of Breakwater's topics: key, headers, time, and its value by its contract.

        404 says whether retention or compaction took it.
        """
        shown = record_shown(read, topic, partition, offset)
        # The log is written once: what was read stays so.
        return Response(shown, media_type="application/json", headers={"Cache-Control": "private, max-age=3600"})

    return router


_RECORD: dict[str, Any] = {
    "topic": "anomalies", "partition": 0, "offset": 41, "timestamp": 1_700_000_000_000, "key": "inc-3f2a9c1b",
    "value": {"service": "checkout", "metric": "memory_limit_ratio", "score": 0.98},
}  # fmt: skip
