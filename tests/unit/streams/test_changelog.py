"""Rows as they are recovered: the last one holds, but for those of a worker that had lost the partition."""

from pathlib import Path

import pytest

from streams.changelog import EPOCH_HEADER, PARTITION_ROW, RowStore, RowTable, changelogs
from streams.outbox import MAX_MESSAGE_BYTES
from tests.support.shells import Raw, offline_app


def row(key: bytes, value: bytes | None, epoch: int) -> Raw:
    """A changelog record, late in its partition."""
    return Raw(1_000, value, key, headers=[(EPOCH_HEADER, b"%d" % (epoch << 20))])


def test_of_one_writer_the_last_row_holds() -> None:
    """A changelog is a log."""
    store = RowStore()
    store.recover(0, [row(b"a", b"1", 0), row(b"a", b"2", 0), row(b"b", b"1", 0), row(b"b", None, 0)])
    store.own({0: 4}, 1)
    assert store.get(0, b"a") == b"2"
    assert store.keys(0) == [b"a"]


def test_a_row_of_a_worker_that_lost_the_partition_does_not_hold() -> None:
    """It woke up and wrote after its successor had: its row is later in the log and older in truth."""
    store = RowStore()
    store.recover(0, [row(b"a", b"before", 0), row(b"a", b"successor", 100), row(b"a", b"zombie", 0)])
    store.own({0: 103}, 1)
    assert store.get(0, b"a") == b"successor"


def test_nor_does_it_bring_a_removed_row_back() -> None:
    """A removal has its epoch too."""
    store = RowStore()
    store.recover(0, [row(b"a", None, 100), row(b"a", b"zombie", 0)])
    store.own({0: 2}, 1)
    assert store.keys(0) == []


def test_what_a_worker_writes_carries_the_end_of_the_changelog_that_it_took_over() -> None:
    """So each owner's epoch is above its predecessors', whose rows are before that end."""
    store = RowStore()
    store.own({0: 7}, 1)
    store.put(0, {b"a": b"mine"})
    store.recover(0, [row(b"a", b"older", 6)])
    assert store.get(0, b"a") == b"mine"
    store.recover(0, [row(b"a", b"newer owner's", 8)])
    assert store.get(0, b"a") == b"newer owner's"


def test_of_two_that_took_over_at_the_same_place_the_later_generation_holds() -> None:
    """The first was frozen before it had written anything, and wakes up after its successor has written."""
    first, second, third = RowStore(), RowStore(), RowStore()
    first.own({0: 0}, 1)
    second.own({0: 0}, 2)
    written = [(second.epoch(0), b"successor"), (first.epoch(0), b"zombie")]
    third.recover(0, [Raw(at, row, b"a", headers=[(EPOCH_HEADER, b"%d" % e)]) for at, (e, row) in enumerate(written)])
    assert third.get(0, b"a") == b"successor"


def test_rows_of_a_lost_partition_are_given_back() -> None:
    """They are another worker's now; kept here they would be stale when the partition comes back."""
    store = RowStore()
    store.own({0: 0, 1: 0}, 1)
    store.put(0, {b"a": b"1"})
    store.put(1, {b"b": b"1"})
    store.own({1: 5}, 1)
    assert store.get(0, b"a") is None
    assert store.get(1, b"b") == b"1"


def test_waiting_rows_are_found_without_reading_them() -> None:
    """A worker that takes over ticks what waited at its predecessor."""
    store = RowStore()
    store.recover(0, [row(b"waits", b'{"w":1,"s":1}', 0), row(b"rests", b'{"s":1}', 0)])
    store.own({0: 2}, 1)
    assert store.keys(0, waiting=True) == [b"waits"]


@pytest.mark.parametrize("told", [None, b"", b"soon", b"-1", b"9" * 5000, b"%d" % (1001 << 20), b"\xff"])
def test_an_epoch_that_no_writer_could_have_is_older_than_any(told: bytes | None) -> None:
    """An epoch is where the changelog ended before: it is a number, and none after the record."""
    store = RowStore()
    forged = Raw(1_000, b"forged", b"a", headers=[(EPOCH_HEADER, told)])  # type: ignore[list-item]
    store.recover(0, [row(b"a", b"good", 1), forged])
    assert store.get(0, b"a") == b"good"


def test_a_key_that_is_no_text_is_no_row_of_ours() -> None:
    """Whoever takes the partition over reads its keys."""
    store = RowStore()
    store.recover(0, [row(b"\xfe", b'{"w":1}', 0), row(b"a", b'{"w":1}', 0)])
    store.own({0: 2}, 1)
    assert store.keys(0, waiting=True) == [b"a"]


def test_the_row_of_the_partition_itself_is_recovered_and_never_ticked() -> None:
    """A stage notes in it what is true of the whole partition; it is no state."""
    store = RowStore()
    store.recover(0, [row(PARTITION_ROW, b'{"w":1}', 0)])
    store.own({0: 1}, 1)
    assert store.get(0, PARTITION_ROW) == b'{"w":1}'
    assert store.keys(0) == [PARTITION_ROW]
    assert store.keys(0, waiting=True) == []


def test_the_changelogs_of_an_app_are_compacted_and_take_the_largest_row(tmp_path: Path) -> None:
    """One a table, named as Faust names them, so that they are there before it looks for them."""
    app = offline_app(tmp_path)
    names = [RowTable(app, name, 4).changelog for name in ("sampling", "accounts")]
    made = changelogs(app)
    assert [topic.name for topic in made] == sorted(names) == ["unit-accounts-changelog", "unit-sampling-changelog"]
    settings = made[0].settings()
    assert settings["cleanup.policy"] == "compact"
    assert int(settings["max.message.bytes"]) == MAX_MESSAGE_BYTES
