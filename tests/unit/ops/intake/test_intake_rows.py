"""Rows of files become the alerts that the same fields would over HTTP."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.intake.arrival import Arrival
from ops.intake.formats.native import alert_of
from ops.intake.rows import NATIVE, AlertMaker, CsvAlerts, JsonAlerts, RowMapping
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert

NOW = 1_700_000_000_000
CODEC = Codec(Alert)
CELLS = st.one_of(
    st.sampled_from(["", " ", "checkout", "warn", "critical", "resolved", "1642213952", "2022-01-15T02:32:32Z", "1e3"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)


def maker() -> AlertMaker:
    """Of alerts that arrive now."""
    made = AlertMaker(CODEC, "default", "run")
    made.tick(NOW)
    return made


def over_http(fields: dict[str, Any]) -> Alert | str:
    """The alert that the HTTP intake makes, or that it refuses; of one without an id, with that of its row."""
    row = {} if fields.get("alert_id") not in ("", None) else {"alert_id": "run-1"}
    try:
        return alert_of(fields | row, Arrival(NOW, lambda: "run-1"))
    except InvalidInputError:
        return "refused"


def of_csv(fields: dict[str, str], alerts: CsvAlerts) -> Alert | str:
    """The alert that a row of a file makes, or that it is refused."""
    try:
        key, value = alerts.alert([fields[name] for name in NATIVE], 1)
    except InvalidInputError:
        return "refused"
    alert = CODEC.decode(value)
    assert key == alert.incident_id.encode()
    return alert


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(NATIVE, CELLS)), min_size=1, max_size=4))
def test_a_csv_row_is_what_its_fields_are_over_http(rows: list[dict[str, str]]) -> None:
    """One set of rules, though the file's path remembers what it has seen: also the second time around."""
    alerts = CsvAlerts(list(NATIVE), RowMapping(), maker())
    for fields in [*rows, *rows]:
        assert of_csv(fields, alerts) == over_http(fields)


VALUES = (
    CELLS | st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.lists(CELLS, max_size=2)
)


@given(st.dictionaries(st.sampled_from([*NATIVE, "labels"]), VALUES | st.dictionaries(CELLS, VALUES, max_size=2)))
def test_a_json_line_is_what_its_fields_are_over_http(fields: dict[str, Any]) -> None:
    """Hostile values are refused by both, never anything worse."""
    line = json.dumps(fields).encode()
    try:
        _, value = JsonAlerts(RowMapping(), maker()).alert(line, 1)
    except InvalidInputError:
        made: Alert | str = "refused"
    else:
        made = CODEC.decode(value)
    if b"NaN" in line or b"Infinity" in line:  # no JSON, though Python writes it
        assert made == "refused"
        return
    expected = over_http(orjson.loads(line))
    assert made == expected


def test_mapped_columns_become_fields_and_others_stay_out() -> None:
    """`--map service=host …`; columns that nobody asked for are not sent."""
    mapping = RowMapping.parse(["service=host", "source=ip"], "", "default")
    alerts = CsvAlerts(["time", "name", "ip", "host", "secret"], mapping, maker())
    alert = CODEC.decode(alerts.alert(["1642213952", "ClamAV", "10.0.0.1", "mail", "x"], 7)[1])
    assert (alert.service, alert.name, alert.source) == ("mail", "ClamAV", "10.0.0.1")
    assert (alert.occurred_at, alert.alert_id, alert.labels) == (1642213952000, "run-7", {})


def test_a_text_that_is_no_csv_of_alerts_is_refused_whole() -> None:
    """Before a row of it is sent; with what its first line should be. One column that fits is enough, or one that is mapped."""
    for header in (["# Breakwater"], ["a", "b"]):
        with pytest.raises(InvalidInputError, match=r"no CSV of alerts.*--map"):
            CsvAlerts(header, RowMapping(), maker())
    CsvAlerts(["a", "service"], RowMapping(), maker())
    CsvAlerts(["a", "b"], RowMapping.parse(["service=a"], "", "default"), maker())


def test_columns_that_are_asked_for_go_along_as_labels() -> None:
    """`--labels zone,rack`."""
    alerts = CsvAlerts(["service", "name", "zone", "rack"], RowMapping.parse([], "zone,rack", "default"), maker())
    assert CODEC.decode(alerts.alert(["s", "n", "eu-1", ""], 1)[1]).labels == {"zone": "eu-1", "rack": ""}


def test_a_plain_payload_is_an_alert_in_a_file_too() -> None:
    """container_name, alert_type, logs and timestamp are native names."""
    line = b'{"container_name": "checkout", "alert_type": "OOM", "logs": ["a", "b"], "timestamp": 1642213952}'
    alert = CODEC.decode(JsonAlerts(RowMapping(), maker()).alert(line, 1)[1])
    assert (alert.service, alert.name, alert.message, alert.occurred_at) == ("checkout", "OOM", "a\nb", 1642213952000)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["s"], "has 1 cells, the header 2"),
        (["s", "n", "x"], "has 3 cells, the header 2"),
        (["", "n"], "service is missing"),
        (["s\udcff", "n"], "not UTF-8"),
    ],
)
def test_a_row_that_is_no_alert_says_why(row: list[str], told: str) -> None:
    """For its dead letter."""
    with pytest.raises(InvalidInputError, match=told):
        CsvAlerts(["service", "name"], RowMapping(), maker()).alert(row, 1)


@pytest.mark.parametrize("pair", ["service", "serv=host", "=host", "labels=x"])
def test_a_mapping_of_no_field_is_refused(pair: str) -> None:
    """The message lists the fields."""
    with pytest.raises(InvalidInputError, match="FIELD one of alert_id"):
        RowMapping.parse([pair], "", "default")


def test_a_mapping_to_a_column_that_is_not_there_is_refused() -> None:
    """The message lists the columns."""
    with pytest.raises(InvalidInputError, match="no column 'hots'; there are host, name"):
        CsvAlerts(["host", "name"], RowMapping.parse(["service=hots"], "", "default"), maker())


def test_a_mapping_survives_the_header_of_a_dead_letter() -> None:
    """With it a redrive maps the row anew."""
    mapping = RowMapping.parse(["service=host"], "zone", "acme")
    assert RowMapping.from_json(mapping.to_json()) == mapping
