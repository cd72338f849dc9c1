"""`breakwater produce` on a real broker."""

import json
import lzma
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.commands import produce
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.log import DeadLetter
from streams.reading import read_all

pytestmark = pytest.mark.kafka

ROWS = "time,name,ip,host,short\n" + "".join(
    f"{1642213952 + n},Wazuh: {n % 3},10.0.0.{n % 7},h{n % 5},x\n" for n in range(500)
)
MAPPED = ("--map", "service=host", "--map", "occurred_at=time", "--map", "source=ip")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, kafka_bootstrap: str, tmp_path: Path) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path / "home"))


def run(*arguments: str, stdin: bytes | None = None) -> tuple[int, str]:
    """Exit code and standard output of `breakwater produce …`."""
    result = CliRunner().invoke(produce.app, list(arguments), input=stdin)
    return result.exit_code, result.stdout


def of_tenant(bootstrap: str, tenant: str) -> list[Alert]:
    """The alerts of a tenant that are on the topic."""
    values = [message.value or b"" for message in read_all(bootstrap, "alerts")]
    return [Codec(Alert).decode(value) for value in values if tenant.encode() in value]


def test_a_compressed_csv_goes_in_whole(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str) -> None:
    """Columns are mapped; standard output is one JSON document."""
    (tmp_path / "alerts.csv.xz").write_bytes(lzma.compress(ROWS.encode()))
    code, out = run("alerts", str(tmp_path / "alerts.csv.xz"), *MAPPED, "--tenant", topic_prefix, "--json")
    assert code == 0
    assert {key: json.loads(out)[key] for key in ("sent", "rejected")} == {"sent": 500, "rejected": 0}
    alerts = of_tenant(kafka_bootstrap, topic_prefix)
    assert len(alerts) == 500
    assert {alert.service for alert in alerts} == {f"h{n}" for n in range(5)}
    assert min(alert.occurred_at for alert in alerts) == 1642213952000
    assert len({alert.alert_id for alert in alerts}) == 500


def test_rows_that_are_no_alerts_are_kept_and_told(kafka_bootstrap: str, topic_prefix: str) -> None:
    """Byte for byte in the dead letters; exit code 1."""
    lines = b'{"service": "s", "name": "n"}\n{"service": \xff}\n\n{"service": "s"}\n'
    code, out = run("alerts", "-", "--tenant", topic_prefix, "--json", stdin=lines)
    assert (code, json.loads(out)["sent"], json.loads(out)["rejected"]) == (1, 1, 2)
    values = [message.value or b"" for message in read_all(kafka_bootstrap, "dead.letters")]
    kept = [Codec(DeadLetter).decode(value).value or b"" for value in values if topic_prefix.encode() in value]
    assert sorted(kept) == [b'{"service": "s"}', b'{"service": \xff}']


def test_what_came_before_a_break_was_sent(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str) -> None:
    """A truncated file is a failure; its beginning is in Kafka all the same."""
    rows = "name,service\n" + "".join(f"n{n},s{n * n % 9973}\n" for n in range(3000))
    whole = lzma.compress(rows.encode())
    (tmp_path / "alerts.csv.xz").write_bytes(whole[: len(whole) * 3 // 4])
    assert run("alerts", str(tmp_path / "alerts.csv.xz"), "--tenant", topic_prefix)[0] == 1
    assert len(of_tenant(kafka_bootstrap, topic_prefix)) > 0


@pytest.mark.parametrize(
    "wrong", [("none.csv",), ("alerts.csv", "--map", "service=hots"), ("alerts.csv", "--map", "x=y")]
)
def test_wrong_use_is_told_apart_from_failure(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    """Exit code 2: no such file, no such column, no such field."""
    (tmp_path / "alerts.csv").write_text(ROWS)
    assert run("alerts", str(tmp_path / wrong[0]), *wrong[1:])[0] == 2


def test_a_storm_is_as_large_as_asked_for(kafka_bootstrap: str, topic_prefix: str) -> None:
    """And spread over as many incidents."""
    code, out = run("storm", "--alerts", "2500", "--incidents", "12", "--tenant", topic_prefix, "--json")
    assert (code, json.loads(out)["sent"]) == (0, 2500)
    alerts = of_tenant(kafka_bootstrap, topic_prefix)
    assert (len(alerts), len({alert.incident_id for alert in alerts})) == (2500, 12)
