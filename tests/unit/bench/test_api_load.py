"""The load on page and API: what is asked, and what is understood of the answers."""

import asyncio
from pathlib import Path

import pytest

from ops.bench.api import _ASKED, INCIDENTS, _answer, _fill, _request
from state.ports import IncidentQuery
from state.sqlite_projection import SqliteProjection


@pytest.mark.parametrize("what", sorted(set(_ASKED)))
def test_every_question_names_an_incident_that_is_there(what: str) -> None:
    """Whatever its number; who holds the list already says so."""
    for number in (0, 7_919, 123_456):
        head = _request(what, number, b'W/"x"').decode()
        assert head.startswith("GET /api/v1/")
        assert head.endswith("\r\n\r\n")
        assert ('If-None-Match: W/"x"' in head) == (what == "tag")
        if "{n:04d}" in what:
            assert int(head.split("inc-")[1][:4]) < INCIDENTS


async def test_an_answer_is_read_to_its_end() -> None:
    """So that the next one on the connection is read from its beginning; one without a body has none."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n")
    assert [await _answer(reader), await _answer(reader)] == [b"200", b"304"]


def test_the_store_has_the_incidents_and_later_events_follow_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their versions go on where the store ends."""
    monkeypatch.setattr("ops.bench.api.INCIDENTS", 20)
    later = _fill(tmp_path / "store.sqlite", 10)
    store = SqliteProjection(tmp_path / "store.sqlite")
    assert (len(store.incidents(IncidentQuery(limit=100)).incidents), len(later)) == (20, 10)
    assert store.apply(later) == 10
    store.close()
