"""The states of a partition survive their rows; what is not needed is given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import rows as rows_module
from streams.changelog import RowStore
from streams.rows import PartitionRows
from streams.topics import METRICS
from streams.turns import whole
from tests.support.worker import CountingStage


class WaitingStage(CountingStage):
    """Waits while its count is odd."""

    def waits(self, state: int) -> bool:
        return state % 2 == 1


STAGE = WaitingStage((METRICS,), METRICS)


def fresh() -> tuple[RowStore, PartitionRows[int]]:
    store = RowStore()
    store.own({0: 0}, 1)
    return store, PartitionRows[int](STAGE, store, 0)


def write(store: RowStore, rows: PartitionRows[int]) -> None:
    """As the shell does once the changelog has them."""
    store.put(0, whole(rows.take_dirty()))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9))), max_size=40), st.data())
def test_what_is_written_is_read_by_the_next_owner(changes: list[tuple[str, int | None]], data: st.DataObject) -> None:
    """States, how far each source is in them, and who waits; whenever rows were written in between."""
    store, rows = fresh()
    alive: dict[str, int] = {}
    for offset, (key, state) in enumerate(changes):
        row = rows.row(key)
        row.upto["metrics"] = offset
        rows.changed(key, row, state)
        alive.pop(key, None)
        if state is not None:
            alive[key] = state
        if data.draw(st.booleans()):
            write(store, rows)
    write(store, rows)
    taken_over = PartitionRows[int](STAGE, store, 0)
    assert {key.decode() for key in store.keys(0)} == alive.keys()
    assert {key: taken_over.row(key).state for key in alive} == alive
    assert all(taken_over.row(key).upto == rows.row(key).upto for key in alive)
    assert taken_over.waiting == rows.waiting == {key for key, state in alive.items() if state % 2}


def test_a_key_that_was_forgotten_begins_anew_before_its_row_is_removed() -> None:
    """The row that is still in the table must not be read."""
    store, rows = fresh()
    rows.changed("a", rows.row("a"), 5)
    write(store, rows)
    rows.changed("a", rows.row("a"), None)
    assert rows.row("a").state == 0
    assert rows.row("a").upto == {}


def test_a_key_that_comes_back_after_it_was_forgotten_is_written() -> None:
    """Forgotten and begun again within one batch."""
    store, rows = fresh()
    row = rows.row("a")
    rows.changed("a", row, None)
    rows.changed("a", row, 3)
    rows.changed("a", rows.row("a"), 4)
    write(store, rows)
    assert PartitionRows[int](STAGE, store, 0).row("a").state == 4


@pytest.fixture
def room_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "MAX_DECODED", 2)


@pytest.mark.usefixtures("room_for_two")
def test_states_beyond_the_bound_are_read_from_their_rows() -> None:
    """Memory holds the states used last."""
    store, rows = fresh()
    for number, key in enumerate("abcd"):
        rows.changed(key, rows.row(key), number)
    write(store, rows)
    assert len(rows) == 2
    assert [rows.row(key).state for key in "abcd"] == [0, 1, 2, 3]


def test_where_many_wait_each_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick costs no more however many wait, and none is left out; who comes or goes in between changes nothing for others."""
    monkeypatch.setattr(rows_module, "MOST_TICKED", 4)
    _, rows = fresh()
    for key in "abcdefghij":
        rows.changed(key, rows.row(key), 1)
    assert ["".join(rows.turn()) for _ in range(3)] == ["abcd", "efgh", "ijab"]
    rows.changed("c", rows.row("c"), 2)
    rows.changed("bb", rows.row("bb"), 1)
    assert "".join(rows.turn()) == "bbdef"
    for key in ["d", "e", "f", "g", "h", "i"]:
        rows.changed(key, rows.row(key), 2)
    assert [rows.turn() for _ in range(2)] == [["a", "b", "bb", "j"]] * 2


def test_rows_are_whole_from_the_end_of_recovery_until_partitions_are_taken_away() -> None:
    """What is half recovered is held by nobody: a tick or a flush on it would go on with a state of the past."""
    store = RowStore()
    store.recover(1, [])
    assert not store.holds(1)
    store.own({1: 5}, 1)
    assert store.holds(1)
    assert not store.holds(0)
    store.let_go()
    assert not store.holds(1)


def test_of_too_many_states_those_written_longest_ago_are_forgotten() -> None:
    """One that is heard of again and again stays; one that was forgotten begins anew; the next owner finds as many."""
    store, _ = fresh()
    rows = PartitionRows[int](STAGE, store, 0, most=100)
    for number in range(1_000):
        for key in ("often", f"once-{number:03d}"):
            rows.changed(key, rows.row(key), rows.row(key).state + 1)
        if number % 20 == 19:
            write(store, rows)
            assert len(store.keys(0)) <= 100 + 20
    held = {key.decode() for key in store.keys(0)}
    assert "often" in held
    assert rows.row("often").state == 1_000
    assert held - {"often"} == {f"once-{number:03d}" for number in range(1_001 - len(held), 1_000)}
    assert 90 <= len(held) <= 100
    assert rows.waiting <= held
    assert rows.row("once-000").state == 0
    assert len(PartitionRows[int](STAGE, store, 0, most=100).waiting) == len(rows.waiting)


def test_without_a_limit_all_states_are_kept() -> None:
    """As many as there are."""
    store, rows = fresh()
    for number in range(500):
        rows.changed(f"{number}", rows.row(f"{number}"), 1)
    write(store, rows)
    assert len(store.keys(0)) == 500
