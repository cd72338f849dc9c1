"""What is told of and when, which incidents are in memory, and when they are gone."""

from dataclasses import replace

import pytest

from agents.sampling import expiry
from agents.sampling.account_rows import loaded
from agents.sampling.expiry import FORGET_MS
from agents.sampling.incidents import COUNTS, N, P
from agents.sampling.rules import SamplingRules
from agents.sampling.telling import Told, tell
from streams.turns import whole
from tests.support.alerts import ALERT, CODEC, START
from tests.support.sampling import Edge, Record

RULES = SamplingRules(lateness_ms=60_000, window_ms=10_000, close_windows=3)


class Flushes:
    """A partition, and the rows that it has written."""

    def __init__(self, rules: SamplingRules = RULES) -> None:
        self.edge, self.offset = Edge(rules), 0
        self.rows: dict[bytes, bytes] = {}

    def alert(self, incident_id: str, at: int = 0, times: int = 1) -> None:
        """Alerts of an incident that happen and arrive so many ms after the start."""
        alert = replace(ALERT, incident_id=incident_id, occurred_at=START + at)
        some = [Record(self.offset + n, CODEC.encode(alert), b"k", START + at) for n in range(times)]
        self.edge.batch(some)
        self.offset += times

    def flush(self, at: int) -> Told:
        """A flush so many ms after the start."""
        told = whole(tell(self.edge.state, self.edge.rules, 0, START + at))
        for key, row in whole(told.rows(self.edge.state)).items():
            if row is None:
                del self.rows[key]
            else:
                self.rows[key] = row
        return told


def who(told: Told) -> list[str]:
    """Of which incidents accounts are told."""
    return [account.incident_id for account in told.accounts]


def test_an_account_is_told_of_once_a_flush_and_again_when_it_falls_silent() -> None:
    """Its windows close although no alert comes to close them."""
    some = Flushes()
    some.alert("a")
    assert who(some.flush(0)) == ["a"]
    assert who(some.flush(60_000)) == []
    told = some.flush(60_001)
    assert [(a.incident_id, a.closed, a.received) for a in told.accounts] == [("a", True, 1)]
    assert who(some.flush(10_000_000)) == []


def test_a_window_is_told_of_with_all_its_counts() -> None:
    """Received is kept and suppressed, in the window and in all, up to the last offset."""
    some = Flushes()
    some.alert("a", times=150)
    (account,) = some.flush(0).accounts
    assert (account.received, account.kept, account.suppressed, account.late) == (150, 100, 50, 0)
    assert (account.first_offset, account.upto, account.total_received) == (0, 149, 150)


def test_a_storm_is_looked_at_when_it_may_close() -> None:
    """Three calm windows after the last alert: before its windows close."""
    some = Flushes()
    some.alert("a", times=600)
    assert [storm.open for storm in some.flush(0).storms] == [True]
    assert some.flush(30_000).storms == []
    assert [storm.open for storm in some.flush(30_001).storms] == [False]


def test_a_new_owner_knows_what_is_open() -> None:
    """It looks at it in time, and not before."""
    some = Flushes()
    some.alert("a")
    some.flush(0)
    successor = Flushes()
    successor.edge = Edge(RULES, loaded(some.rows.values()))
    assert who(successor.flush(30_000)) == []
    assert who(successor.flush(60_001)) == ["a"]


def test_an_incident_that_is_silent_for_a_week_is_forgotten() -> None:
    """Row and all; one that is alive is kept."""
    some = Flushes()
    some.alert("old")
    some.flush(0)
    some.alert("young", FORGET_MS)
    some.flush(FORGET_MS)
    some.flush(FORGET_MS + 60_001)
    assert list(some.rows) == [b"young"]
    assert not some.edge.state.known("old")


def test_of_too_many_incidents_those_silent_longest_by_event_time_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is held does not grow with how many there ever were; and every alert was counted once."""
    monkeypatch.setattr(expiry, "MAX_INCIDENTS", 100)
    some, told = Flushes(), 0
    for number in range(1_000):
        some.alert(f"inc-{number}", number * 1_000)
        if number % 50 == 49:
            told += sum(account.received for account in some.flush(number * 1_000).accounts if account.closed)
            assert len(some.edge.state) <= 250
            assert len(some.rows) == len(some.edge.state)
    told += sum(account.received for account in some.flush(10_000_000).accounts if account.closed)
    assert told == 1_000
    assert len(some.edge.state) <= 100


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    """No window, fingerprint, source, second or text: the next incident in its slot begins with nothing."""
    some = Flushes()
    some.alert("old", times=200)
    some.flush(0)
    state = some.edge.state
    slot = state.slot_of("old")
    state.forget(state.slots(["old"]))
    assert [len(table) for table in (state.windows, state.seconds, state.prints, state.sources)] == [0, 0, 0, 0]
    assert state.slot_of("new") == slot
    assert state.numbers[slot, :COUNTS].tolist() == [0] * COUNTS
    assert state.numbers[slot, N.UPTO] == -1


def test_a_storm_that_falls_silent_is_told_of_with_its_sources_and_takes_them_along() -> None:
    """The incident stays, its fingerprints too; the next storm counts its own sources."""
    some = Flushes()
    some.alert("a", times=600)
    (opened,) = some.flush(0).storms
    (closed,) = some.flush(30_001).storms
    assert (opened.open, opened.distinct_sources) == (True, 1)
    assert (closed.open, closed.distinct_sources) == (False, 1)
    state = some.edge.state
    assert (len(state), len(state.prints), len(state.sources)) == (1, 1, 0)


def test_fingerprints_that_come_and_go_leave_no_texts_and_mix_none_up() -> None:
    """Rounds of ever new ones, some more and some fewer than before: the newest are remembered, by their own names."""
    some, sent, number = Flushes(replace(RULES, correlation_keys=300)), dict[str, str](), 0
    for turn, count in enumerate((1_500, 400, 2_500, 600, 600, 3_000, 300, 4_000)):
        records: list[Record] = []
        for _ in range(count):
            number += 1
            sent[f"print-{number}"] = f"Name{number % 7}"
            alert = replace(
                ALERT,
                fingerprint=f"print-{number}",
                name=f"Name{number % 7}",
                occurred_at=START + turn * 1_000 + number % 1_000,
            )
            records.append(Record(some.offset + len(records), CODEC.encode(alert), b"k", START + turn * 1_000))
        some.edge.batch(records)
        some.offset += count
        some.flush(turn * 1_000)
        state = some.edge.state
        texts = state.texts.texts
        held = {
            texts[code]: texts[row[P.NAME]] for code, row in zip(state.prints.parts(), state.prints.values, strict=True)
        }
        assert len(held) == len(state.prints) == 300
        assert held.items() <= sent.items()
        assert len(state.texts) < 300 + 7 + 2 * max(count, 1_000)
    assert len(texts) < sum((1_500, 400, 2_500, 600, 600, 3_000, 300, 4_000)) / 2
