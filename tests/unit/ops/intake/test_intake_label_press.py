"""The quick way of alerts by labels makes what the slow way makes."""

import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.intake.alert_bytes import AlertBytes
from ops.intake.arrival import Arrival
from ops.intake.batch import BatchReader
from ops.intake.errors import BodyRefusedError
from ops.intake.formats import BY_PATH
from ops.intake.label_press import LabelPress
from ops.intake.reading import Parcel
from ops.intake.rules import Rules
from schemas.codec import Codec
from schemas.records.intake import Alert
from streams.encoder import TelemetryEncoder
from streams.outbox import Message

CODEC = Codec(Alert)
PRESS = LabelPress(CODEC)
NOW = 1_800_000_000_000
PATHS = ("/v1/alertmanager", "/api/v2/alerts", "/v1/grafana")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.sampled_from(
    ["alertname", "service", "job", "env", "tenant", "instance", "severity", "tier", "incident_id", "correlation_id",
     "annotation_summary", "alertmanager_receiver", "starts_at", "ß", "100 %", "%s"]
)  # fmt: skip
ODD = st.none() | st.booleans() | st.integers(-5, 5) | TEXT | st.lists(TEXT, max_size=2)
TIMES = st.sampled_from(
    ["2024-05-01T12:00:00.123Z", "2035-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "", "soon", None, 7]
)
ITEMS = st.fixed_dictionaries(
    {"labels": st.dictionaries(NAMES, TEXT, max_size=4) | ODD},
    optional={
        "status": st.sampled_from(["firing", "resolved", "Firing", "", None, 3]), "startsAt": TIMES, "endsAt": TIMES,
        "annotations": st.dictionaries(st.sampled_from(["summary", "description", "runbook"]), TEXT | ODD, max_size=2) | ODD,
        "generatorURL": TEXT | ODD, "fingerprint": ODD, "extra": TEXT | ODD,
    },
)  # fmt: skip
USUAL = st.fixed_dictionaries(
    {"labels": st.dictionaries(NAMES, TEXT.filter(bool), min_size=1, max_size=5),
     "status": st.sampled_from(["firing", "resolved"]),
     "startsAt": st.just("2024-05-01T12:00:00.123Z"), "annotations": st.dictionaries(st.just("summary"), TEXT, max_size=1)},
)  # fmt: skip


# Alerts that have the same names: columns, of which some have one value, some another here and there.
ROWS = st.fixed_dictionaries(
    {"labels": st.fixed_dictionaries({"alertname": st.sampled_from(["a", "b"]), "service": st.sampled_from(["s", " ", "", "ß"]),
                                      "job": st.just("j"), "instance": TEXT, "zone": TEXT | st.just(None),
                                      "tenant": st.sampled_from(["acme", "acme", "other"])}),
     "annotations": st.fixed_dictionaries({"summary": st.sampled_from(["x", "x", ""]), "description": TEXT | ODD}),
     "status": st.sampled_from(["firing", "firing", "resolved", "odd"]), "startsAt": TIMES,
     "values": st.sampled_from([{"A": 1}, {"A": 1}, {}, None, "text"]), "dashboardURL": st.sampled_from(["", "", "http://d"])},
)  # fmt: skip
TABLES = st.lists(ROWS, min_size=2, max_size=8)


def outcomes(path: str, items: list[Any], arrival: Arrival) -> tuple[list[Any], list[Any], list[tuple[int, str]], int]:
    """The alerts' bytes, their identities, what was refused, and how many went the quick way."""
    body = items if path == "/api/v2/alerts" else {"version": "4", "receiver": "r", "alerts": items}
    reading = BY_PATH[path].read(Parcel(orjson.dumps(body)), arrival)
    slow = AlertBytes(CODEC)
    made = [r.value if isinstance(r, Message) else slow.of(r) for r in reading.records]
    quick = sum(isinstance(r, Message) for r in reading.records)
    return made, reading.identities, [(r.index, r.detail) for r in reading.refusals], quick


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=80, deadline=None)
@given(
    st.lists(ITEMS | USUAL, min_size=1, max_size=4) | TABLES,
    st.sampled_from([(), ("severity", "zone"), ("100 %", "ß")]),
)
def test_the_quick_way_is_the_slow_way(path: str, items: list[dict[str, Any]], fingerprint: tuple[str, ...]) -> None:
    """Byte by byte, identity by identity, refusal by refusal, whatever labels make the fingerprint."""
    rules = Rules(fingerprint=fingerprint) if fingerprint else Rules()
    slow = Arrival(NOW, lambda: "made", "acme", rules)
    quick = Arrival(NOW, lambda: "made", "acme", rules, label_press=PRESS)
    assert outcomes(path, items, quick)[:3] == outcomes(path, items, slow)[:3]
    for item in items:  # each as a body of its own
        assert outcomes(path, [item], quick)[:3] == outcomes(path, [item], slow)[:3]


@pytest.mark.parametrize("path", PATHS)
def test_what_its_sender_writes_goes_the_quick_way(path: str) -> None:
    """Also where it leaves members empty, and writes an object where others write texts, as Grafana does."""
    body = BY_PATH[path].example.body
    items = body if isinstance(body, list) else body["alerts"]
    *_, refused, quick = outcomes(path, items, Arrival(NOW, lambda: "made", label_press=PRESS))
    assert (refused, quick) == ([], len(items))


def test_a_body_of_many_sets_of_names_is_no_dearer_than_the_slow_way() -> None:
    """A table for each of its alerts would be: so they go the slow way, but for those that many have."""
    usual = [{"labels": {"alertname": "a", "instance": str(n)}, "status": "firing"} for n in range(5)]
    unlike = [{"labels": {"alertname": "a", f"label-{n}": "x"}, "status": "firing"} for n in range(100)]
    arrival = Arrival(NOW, lambda: "made", label_press=LabelPress(CODEC))
    assert outcomes("/v1/alertmanager", [*usual, *unlike], arrival)[3] == 5
    assert outcomes("/v1/alertmanager", unlike[:20], arrival)[3] == 20


def test_an_odd_alert_among_many_goes_the_slow_way_alone() -> None:
    """Whatever is odd about it; the others of its names are a table without it."""
    labels = {"alertname": "a", "service": "s"}
    usual = {"labels": labels, "status": "firing", "annotations": {"summary": "x"}}
    odd: list[Any] = [
        usual | {"labels": {"alertname": 3, "service": "s"}}, usual | {"status": "burning"},
        usual | {"annotations": {"summary": ""}}, usual | {"labels": {}}, [usual], None,
    ]  # fmt: skip
    items = [one for each in odd for one in (usual | {"labels": labels | {"instance": "ß"}}, each, usual)]
    arrival = Arrival(NOW, lambda: "made", label_press=PRESS)
    *_, quick = outcomes("/v1/alertmanager", items, arrival)
    assert quick == 2 * len(odd)
    assert (
        outcomes("/v1/alertmanager", items, arrival)[:3] == outcomes("/v1/alertmanager", items, Arrival(NOW, str))[:3]
    )


def test_a_body_that_makes_too_much_of_itself_is_refused_before_it_is_made() -> None:
    """A megabyte that a thousand alerts share would be a gigabyte."""
    items = [{"labels": {"alertname": "a", "instance": str(n)}, "status": "firing"} for n in range(1_000)]
    body = orjson.dumps({"version": "4", "receiver": "r" * 1_000_000, "alerts": items})
    tracemalloc.start()
    try:
        with pytest.raises(BodyRefusedError, match="share too much"):
            BY_PATH["/v1/alertmanager"].read(Parcel(body), Arrival(NOW, lambda: "made", label_press=PRESS))
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_a_record_that_kafka_never_takes_is_refused_alone() -> None:
    """The text that the alerts share fits all but the longest."""
    items = [{"labels": {"alertname": "a", "instance": "x" * size}, "status": "firing"} for size in (1, 200_000, 1)]
    body = orjson.dumps({"version": "4", "receiver": "r" * 1_800_000, "alerts": items})
    reader = BatchReader(TelemetryEncoder())
    arrival = Arrival(NOW, lambda: "made")
    batch = reader.read(BY_PATH["/v1/alertmanager"], body, {}, arrival, {})
    assert [refusal.index for refusal in batch.reading.refusals] == [1]
    assert len(batch.messages) == 2


def test_a_sender_that_is_bound_to_a_tenant_names_no_other() -> None:
    """What names another goes the slow way, where it is refused."""
    items = [{"labels": {"tenant": tenant, "service": "s"}, "status": "firing"} for tenant in ("acme", "other")]
    for bound, quick in ((False, 2), (True, 1), (False, 2)):  # whoever sent the like before
        arrival = Arrival(NOW, lambda: "made", "acme", bound=bound, label_press=PRESS)
        assert outcomes("/v1/alertmanager", items, arrival)[3] == quick


def test_labels_that_tell_incidents_apart_do_so_the_quick_way_too() -> None:
    """They are a setting; an alert without one of them is of another incident."""
    items = [{"labels": {"service": "s"} | zone, "status": "firing"} for zone in ({"zone": "a"}, {"zone": "b"}, {})]
    rules = Rules(incident=("zone", "cluster"))
    quick = Arrival(NOW, lambda: "made", "acme", rules, label_press=PRESS)
    found, slow = (
        outcomes("/v1/alertmanager", items, one) for one in (quick, Arrival(NOW, lambda: "made", "acme", rules))
    )
    assert (found[:3], found[3]) == (slow[:3], 3)
    assert len({CODEC.decode(value).incident_id for value in found[0]}) == 3
