"""Which accounts are in memory, when they are looked at again, and when they are gone."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.sampling.account import IncidentAccount, SamplingRules, Window
from agents.sampling.book import FORGET_MS, AccountBook
from agents.sampling.deadlines import Deadlines
from streams.changelog import RowStore

RULES = SamplingRules(lateness_ms=60_000, window_ms=10_000, close_windows=3)
NOW = 1_700_000_000_000


def book(store: RowStore, max_weight: int = 1_000) -> AccountBook:
    return AccountBook(store, 0, RULES, max_weight)


def owned() -> RowStore:
    store = RowStore()
    store.own({0: 0})
    return store


def alert(some: AccountBook, incident_id: str, now: int, *, storm: bool = False) -> IncidentAccount:
    """An alert is counted in an open window."""
    account = some.find(incident_id)
    account.windows.setdefault(0, Window())
    account.totals[0] += 1
    account.arrived_at = now
    account.storm_id = "storm" if storm else ""
    some.touch({incident_id: account})
    return account


def flush(some: AccountBook, store: RowStore, now: int) -> list[str]:
    """As sampling does; returns whose accounts were told of."""
    rows = some.forget(now)
    touched = some.take_touched(now)
    rows |= {a.incident_id.encode(): some.row(a) for a in touched}
    store.put(0, rows)
    some.evict()
    return [a.incident_id for a in touched]


def test_an_account_is_told_of_once_a_flush_and_again_when_it_falls_silent() -> None:
    """Its windows close although no alert comes to close them."""
    store = owned()
    some = book(store)
    account = alert(some, "a", NOW)
    assert flush(some, store, NOW) == ["a"]
    assert flush(some, store, NOW + 60_000) == []
    assert some.take_touched(NOW + 60_001) == [account]


def test_a_storm_is_looked_at_when_it_may_close() -> None:
    """Three calm windows after the last alert: before its windows close."""
    store = owned()
    some = book(store)
    alert(some, "a", NOW, storm=True)
    flush(some, store, NOW)
    assert flush(some, store, NOW + 30_000) == []
    assert flush(some, store, NOW + 30_001) == ["a"]


def test_an_account_with_nothing_open_is_left_in_peace() -> None:
    """It does not wait for anything."""
    store = owned()
    some = book(store)
    alert(some, "a", NOW).windows.clear()
    flush(some, store, NOW)
    assert flush(some, store, NOW + 10_000_000) == []


def test_a_new_owner_knows_what_is_open() -> None:
    """It looks at it in time, and not before."""
    store = owned()
    some = book(store)
    alert(some, "a", NOW)
    flush(some, store, NOW)
    successor = book(store)
    assert flush(successor, store, NOW + 30_000) == []
    assert flush(successor, store, NOW + 60_001) == ["a"]


def test_memory_holds_the_accounts_used_last_and_the_table_all_of_them() -> None:
    """Ten thousand incidents, a hundred in memory; none loses a count."""
    store = owned()
    some = book(store, max_weight=100)
    for number in range(10_000):
        alert(some, f"inc-{number}", NOW)
        if number % 50 == 49:
            flush(some, store, NOW)
    for _ in range(20):
        flush(some, store, NOW)
    assert len(some) <= 100
    assert [some.find(f"inc-{n}").totals[0] for n in (0, 5_000, 9_999)] == [1, 1, 1]


def test_an_incident_that_is_silent_for_a_week_is_forgotten() -> None:
    """Row and all; one that is alive is kept."""
    store = owned()
    some = book(store)
    alert(some, "old", NOW).windows.clear()
    alert(some, "young", NOW + FORGET_MS)
    flush(some, store, NOW + FORGET_MS)
    flush(some, store, NOW + FORGET_MS + 3_600_001)
    assert store.keys(0) == [b"young"]
    assert some.find("old").totals[0] == 0


def test_a_row_says_whether_it_waits() -> None:
    """So that a new owner finds it without reading all."""
    some = book(owned())
    account = alert(some, "a", NOW)
    assert orjson.loads(some.row(account))["w"] == 1
    account.windows.clear()
    assert "w" not in orjson.loads(some.row(account))


steps = st.lists(
    st.tuples(st.sampled_from(["set", "drop", "pass"]), st.sampled_from("abc"), st.integers(0, 50)), max_size=40
)


@given(steps)
def test_deadlines_are_those_that_were_set_last(some: list[tuple[str, str, int]]) -> None:
    """Against a plain dictionary; time only goes forward."""
    deadlines, plain, now = Deadlines(), dict[str, int](), 0
    for what, incident_id, number in some:
        if what == "set":
            deadlines.set(incident_id, now + number)
            plain[incident_id] = now + number
        elif what == "drop":
            deadlines.drop(incident_id)
            plain.pop(incident_id, None)
        else:
            now += number
            due = {i for i, at in plain.items() if at < now}
            assert set(deadlines.passed(now)) == due
            for incident in due:
                del plain[incident]
        assert len(deadlines) == len(plain)


@pytest.mark.parametrize("puts_off", [1, 10_000])
def test_putting_a_deadline_off_costs_no_memory(puts_off: int) -> None:
    """An incident in a storm puts its own off four times a second."""
    deadlines = Deadlines()
    for number in range(puts_off):
        deadlines.set("a", NOW + number)
    assert len(deadlines._heap) == 1
    assert deadlines.passed(NOW + puts_off) == ["a"]
