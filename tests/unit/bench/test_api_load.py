"""The load on page and API: what is asked, and what is understood of the answers."""

import asyncio
from pathlib import Path

import pytest

from ops.bench.api import INCIDENTS, fill
from ops.bench.asking import ASKED, Asker, answer, by_browser, due, status
from ops.bench.incidents import FIRST_MS
from ops.page.views import VIEWS
from state.ports import IncidentQuery
from state.sqlite_projection import SqliteProjection


@pytest.mark.parametrize("what", sorted(set(ASKED)))
def test_every_question_names_an_incident_that_is_there(what: str) -> None:
    """Whatever its number."""
    asker = Asker(INCIDENTS, FIRST_MS)
    for number in (0, 7_919, 123_456):
        head = asker.request(number, what).decode()
        assert head.startswith("GET /")
        assert "{" not in head
        assert head.endswith("\r\n\r\n")
        if "{n:04d}" in what:
            assert int(head.split("inc-")[1][:4]) < INCIDENTS


def test_a_browser_says_what_it_holds_and_a_program_holds_nothing() -> None:
    """By the tag of what it was given for the very same address."""
    asker, head = Asker(INCIDENTS, FIRST_MS), b'HTTP/1.1 200 OK\r\netag: "x"\r\n\r\n'
    for what in ("/part/incidents", "/api/v1/overview", "/incident/inc-{n:04d}"):
        asker.keep(1, what, head)
    assert b'If-None-Match: "x"' in asker.request(5, "/part/incidents")
    assert b"If-None-Match" not in asker.request(5, "/api/v1/overview")
    assert b"If-None-Match" not in asker.request(5, "/incident/inc-{n:04d}")


def test_browsers_ask_for_every_view_and_programs_too() -> None:
    """Two of three requests are the page's."""
    asked = [what for _, what in due(len(ASKED))]
    assert sum(map(by_browser, asked)) * 3 == 2 * len(asked)
    assert {f"/part/{view}" for view in VIEWS if view != "incident"} <= set(asked)


async def test_an_answer_is_read_to_its_end() -> None:
    """So that the next one on the connection is read from its beginning; one without a body has none."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n")
    assert [status(await answer(reader)), status(await answer(reader))] == [b"200", b"304"]


def test_the_store_has_the_incidents_and_later_events_follow_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their versions go on where the store ends."""
    monkeypatch.setattr("ops.bench.api.INCIDENTS", 20)
    later = fill(tmp_path / "store.sqlite", 10)
    store = SqliteProjection(tmp_path / "store.sqlite")
    assert (len(store.incidents(IncidentQuery(limit=100)).incidents), len(later)) == (20, 10)
    assert store.apply(later) == 10
    store.close()
