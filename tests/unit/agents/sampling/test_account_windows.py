"""Windows of an incident's account: closed when event time has left them behind, late alerts counted in the newest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agents.sampling.account_rows import row
from agents.sampling.batch import Outcome
from agents.sampling.expiry import FIRING_MS, closing, expire
from agents.sampling.incidents import MAX_NAME_CHARS, MAX_PRINT_CHARS, N, P
from agents.sampling.rules import SamplingRules
from schemas.records.vocabulary import AlertStatus
from streams.rows import MAX_ROW_BYTES
from streams.turns import whole
from tests.support import sampling
from tests.support.alerts import ALERT, CODEC, START
from tests.support.sampling import Record, chunks, kept_offsets

RULES = SamplingRules(window_ms=10_000, lateness_ms=20_000, correlation_ms=30_000)
BASE = START - START % RULES.window_ms
ARRIVED = START + 100_000_000


class Edge(sampling.Edge):
    """One incident, alert by alert."""

    def __init__(self) -> None:
        super().__init__(RULES)
        self.offset = 0

    def take(self, *alerts: Mapping[str, Any]) -> Outcome:
        """A batch of alerts; times are ms after the base."""
        batch = []
        for wanted in alerts:
            changes = dict(wanted)
            at = BASE + changes.pop("at", 0)
            alert = replace(ALERT, occurred_at=at, **changes)
            batch.append(Record(self.offset, CODEC.encode(alert), b"inc-0", ARRIVED))
            self.offset += 1
        return self.batch(batch)

    def received(self) -> dict[int, int]:
        """By window, ms after the base."""
        return {start - BASE: counts[N.RECEIVED] for start, counts in self.windows("inc-0").items()}

    def closing(self) -> list[int]:
        """The windows that close, ms after the base."""
        closes = closing(self.state, RULES, ARRIVED)
        return (self.state.windows.parts()[closes] * RULES.window_ms - BASE).tolist()  # type: ignore[no-any-return]

    def fingerprints(self) -> set[str]:
        """Those that are remembered."""
        return {self.state.texts.texts[code] for code in self.state.prints.parts().tolist()}


def test_alerts_fall_into_the_windows_of_their_event_times() -> None:
    """In whatever order they come, as long as they are not late."""
    edge = Edge()
    edge.take({"at": 15_000}, {"at": 3_000}, {"at": 9_999}, {"at": 10_000})
    assert edge.received() == {0: 2, 10_000: 2}


def test_a_window_closes_when_the_watermark_is_the_lateness_behind_its_end() -> None:
    """Not a millisecond earlier."""
    edge = Edge()
    edge.take({"at": 5_000}, {"at": 29_999})
    assert edge.closing() == []
    edge.take({"at": 30_000})
    assert edge.closing() == [0]


def test_a_late_alert_is_counted_in_the_newest_window_and_not_forwarded() -> None:
    """Its own is closed and told of: the account stays exact."""
    edge = Edge()
    edge.take({"at": 50_000})
    outcome = edge.take({"at": 29_999}, {"at": 30_000})
    assert kept_offsets(outcome) == [2]
    assert edge.received() == {30_000: 1, 50_000: 2}
    assert edge.windows("inc-0")[BASE + 50_000] == [2, 1, 0, 1, 0, 0]


def test_the_places_of_seconds_gone_by_are_forgotten() -> None:
    """They are needed as long as an alert of that second would not be late."""
    edge = Edge()
    edge.take({"at": 1_000}, {"at": 40_000})
    whole(expire(edge.state, RULES))
    assert edge.state.seconds.parts().tolist() == [(BASE + 40_000) // 1000]


def test_a_fingerprint_that_fires_is_remembered_for_a_day_others_for_the_correlation_time() -> None:
    """Its resolution is a change of state; but what never resolves must not be kept for ever."""
    edge = Edge()
    edge.take({"at": 0, "fingerprint": "fires"}, {"at": 0, "fingerprint": "over", "status": AlertStatus.RESOLVED})
    edge.take({"at": 30_001, "fingerprint": "now"})
    whole(expire(edge.state, RULES))
    assert edge.fingerprints() == {"fires", "now"}
    edge.take({"at": FIRING_MS + 1, "fingerprint": "tomorrow"})
    whole(expire(edge.state, RULES))
    assert edge.fingerprints() == {"now", "tomorrow"}


def test_long_texts_do_not_make_a_row_that_kafka_refuses() -> None:
    """Ten thousand fingerprints of 60 kB each, with names like it, are a row of less than 4 MiB."""
    edge = Edge()
    long = "ß" * 3_000
    for first in range(0, 10_000, 500):
        edge.take(
            *({"fingerprint": f"{n}{long}", "name": f"{n}{long}", "service": long} for n in range(first, first + 500))
        )
    assert len(edge.fingerprints()) == 10_000
    assert max(map(len, edge.fingerprints())) <= MAX_PRINT_CHARS
    names = edge.state.prints.values[:, P.NAME].tolist()
    assert max(len(edge.state.texts.texts[code]) for code in names) <= MAX_NAME_CHARS
    assert len(row(edge.state, edge.state.slot_of("inc-0"))) < MAX_ROW_BYTES


@pytest.mark.parametrize("unopened", [False, True])
def test_a_stamp_of_the_far_future_is_no_windows_number(unopened: bool) -> None:
    """A producer may choose it where the broker lets it: the alert counts, what is none is dead, and the next ones flow."""
    edge = sampling.Edge(RULES)
    values = [CODEC.encode(ALERT), b"no alert", CODEC.encode(replace(ALERT, fingerprint="other"))]
    some = [Record(n, value, b"inc-0", (1 << 62) + n) for n, value in enumerate(values)]
    outcome = edge.batch(chunks(some, 1) if unopened else some)
    edge.batch([Record(3, CODEC.encode(ALERT), b"inc-0", ARRIVED)])
    assert kept_offsets(outcome) == [0, 2]
    assert (edge.total(N.RECEIVED), edge.total(N.DEAD)) == (4, 1)
    assert all(len(row(edge.state, int(slot))) < MAX_ROW_BYTES for slot in edge.state.live())
