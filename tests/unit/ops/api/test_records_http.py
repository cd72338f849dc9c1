"""The very record that a piece of evidence names."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.records import records_router
from schemas.codec import Codec
from schemas.records.analysis import Anomaly
from schemas.samples import sample
from state.log_reader import RawRecord


def record(value: bytes | None) -> RawRecord:
    """Of topic anomalies."""
    return RawRecord(
        "anomalies", 0, 7, 1_700_000_000_000, b"inc-a", value, [("traceparent", b"00-1"), ("odd", b"\xff")]
    )


def client(found: RawRecord | str) -> TestClient:
    """An API that reads this at every place."""
    app = FastAPI()
    app.include_router(records_router(lambda *_: found))
    return TestClient(app)


def test_a_record_is_shown_decoded_with_its_place() -> None:
    """By its contract; what is no text is base64."""
    found = (
        client(record(Codec(Anomaly).encode(sample(Anomaly, service="checkout"))))
        .get("/api/v1/records/anomalies/0/7")
        .json()
    )
    assert (found["value"]["service"], found["key"], found["offset"]) == ("checkout", "inc-a", 7)
    assert found["headers"] == {"traceparent": "00-1", "odd": {"base64": "/w=="}}


def test_bytes_that_are_no_record_are_shown_as_what_they_are() -> None:
    """With the reason."""
    found = client(record(b"\x00")).get("/api/v1/records/anomalies/0/7").json()
    assert found["value"]["base64"] == "AA=="


def test_what_the_log_has_no_more_is_told() -> None:
    """404, and whether retention or compaction took it."""
    found = client("Retention has taken the record.").get("/api/v1/records/anomalies/0/7")
    assert (found.status_code, found.json()["detail"]) == (404, "Retention has taken the record.")


@pytest.mark.parametrize(("path", "status"), [("secrets/0/1", 404), ("anomalies/-1/1", 422), ("anomalies/0/x", 422)])
def test_places_that_are_none_are_refused(path: str, status: int) -> None:
    """Without asking the broker; topics of others are not shown."""
    assert client(record(b"")).get(f"/api/v1/records/{path}").status_code == status
