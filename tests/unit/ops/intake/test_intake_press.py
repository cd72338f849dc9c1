"""The quick way of native alerts makes what the slow way makes."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.intake.alert_bytes import AlertBytes
from ops.intake.arrival import Arrival
from ops.intake.formats import BY_PATH
from ops.intake.press import AlertPress
from ops.intake.reading import Parcel, Reading
from ops.intake.unsettled import Ids, Reception
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier
from streams.outbox import Message

KNOWN = BY_PATH["/v1/alerts"]
CODEC = Codec(Alert)
PRESS = AlertPress(CODEC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ODD = st.none() | st.booleans() | st.integers(-5, 5) | TEXT | st.lists(TEXT, max_size=2)
ITEMS = st.fixed_dictionaries(
    {"service": st.sampled_from(["a", "b", " c ", ""]), "name": st.sampled_from(["n", "m"])},
    optional={
        "alert_id": TEXT | ODD, "message": TEXT | ODD, "description": ODD, "timestamp": st.integers(0, 10**19) | ODD,
        "occurred_at": ODD, "severity": st.sampled_from(["warn", "P1", 3, "loud", None]), "status": ODD, "tenant": TEXT | ODD,
        "labels": st.dictionaries(TEXT, ODD, max_size=2) | ODD, "extra": ODD, "incident_id": ODD, "tier": ODD,
    },
)  # fmt: skip


def outcomes(
    items: list[Any], arrival: Arrival, lines: bool = False
) -> tuple[list[Alert], list[Any], list[tuple[int, str]]]:
    """The alerts, their identities, and what was refused."""
    parcel = Parcel(orjson.dumps(items))
    if lines:
        parcel = Parcel(b"\n".join(map(orjson.dumps, items)), {"content-type": "application/x-ndjson"})
    reading = KNOWN.read(parcel, arrival)
    assert reading.places == sorted(set(range(len(items))) - {refusal.index for refusal in reading.refusals})
    alerts = [CODEC.decode(r.value) if isinstance(r, Message) else r for r in reading.records]
    return alerts, reading.identities, [(r.index, r.detail) for r in reading.refusals]


@settings(max_examples=80, deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=3))
def test_the_quick_way_is_the_slow_way(items: list[dict[str, Any]]) -> None:
    """Alert by alert, identity by identity, refusal by refusal; three times over, so that templates are there."""
    slow = Arrival(1_800_000_000_000, lambda: "made", "acme")
    quick = Arrival(1_800_000_000_000, lambda: "made", "acme", press=PRESS)
    assert outcomes(items * 3, quick) == outcomes(items * 3, slow)
    assert outcomes(items * 3, quick, lines=True) == outcomes(items * 3, slow)
    for item in items * 3:  # each as a body of its own
        assert outcomes([item], quick) == outcomes([item], slow)


def test_usual_alerts_go_the_quick_way() -> None:
    """From the second of a condition on; those that get the arrival's ids only where all of the body do, so that an id is the
    same item's each time that the body is read."""
    item = {"service": "s", "name": "n", "alert_id": "a", "message": "m", "timestamp": 1_700_000_000_000}
    bare = {"service": "s", "name": "n"}
    arrival = Arrival(1_800_000_000_000, lambda: "made", press=AlertPress(CODEC))
    for kind in (Alert, Message):
        unnamed = KNOWN.read(Parcel(orjson.dumps([bare] * 3)), arrival)
        assert [type(record) for record in unnamed.records] == [kind] * 3
        assert unnamed.identities == ["default\x1fmade"] * 3
    odd = KNOWN.read(Parcel(orjson.dumps([bare, bare | {"severity": 3}])), arrival)
    assert [type(record) for record in odd.records] == [Alert, Alert]
    reading = KNOWN.read(Parcel(orjson.dumps([item | {"alert_id": f"a-{n}"} for n in range(5)])), arrival)
    assert [type(record) for record in reading.records] == [Message] * 5  # of a condition that is known by now


def test_what_the_press_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions without end do not fill the memory, nor sets of members without end."""
    monkeypatch.setattr("ops.intake.press._MOST", 200)
    press, arrival = AlertPress(CODEC), Arrival(0, lambda: "made")
    item = {"name": "n", "alert_id": "a", "message": "m", "timestamp": 1_700_000_000_000}
    most = 0
    for first in range(0, 300, 10):
        items = [item | {"service": str(n)} for n in range(first, first + 10)]
        press.made(items + items, arrival, Reading())
        most = max(most, len(press))
    assert 150 <= most <= 200
    press.made([item | {f"member-{n}": "x"} for n in range(300)], arrival, Reading())
    assert len(press) <= 200
    assert sum(1 + len(kind.known) + len(kind.seen) for kind in press._kinds.values()) <= 200


def test_ids_of_the_arrival_are_the_same_items_each_time() -> None:
    """A body that is read again, when more of its conditions are known, gives its items the ids that they had."""
    items = [{"service": f"s-{n % 3}", "name": "n", "extra": n % 2} for n in range(8)]
    press = AlertPress(CODEC)
    for _ in range(4):
        ids = Ids(Reception("mark", 0))
        reading = KNOWN.read(Parcel(orjson.dumps(items)), Arrival(1_800_000_000_000, ids, press=press))
        assert reading.identities == [f"default\x1fmark-{n}" for n in range(8)]


WORDS = st.text(max_size=20) | st.text(max_size=5).map(lambda text: text * 700)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(WORDS, min_size=10, max_size=10),
    st.tuples(st.sampled_from(Severity), st.sampled_from(AlertStatus), st.sampled_from(Tier)),
    st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**53)),
    st.dictionaries(st.text(max_size=5), WORDS, max_size=5)
    | st.integers(1, 99).map(lambda n: {str(at): "v" for at in range(n)}),
)
def test_an_alerts_bytes_by_hand_are_the_codecs(
    texts: list[str], words: tuple[Severity, AlertStatus, Tier], times: tuple[int, int], labels: dict[str, str]
) -> None:
    """Byte for byte."""
    names = ("alert_id", "incident_id", "tenant", "environment", "service", "name", "fingerprint", "source", "message",
             "correlation_id")  # fmt: skip
    alert = Alert(**dict(zip(names, texts, strict=True)), severity=words[0], status=words[1], tier=words[2],
                  occurred_at=times[0], received_at=times[1], labels=labels)  # fmt: skip
    assert AlertBytes(CODEC).of(alert) == CODEC.encode(alert)
