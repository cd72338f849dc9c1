"""`breakwater dlq` on a real broker: looking, and putting back at most once."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner

from ops.commands import dlq
from ops.dead_letters.errors import RedriveError
from ops.dead_letters.redrive import Redrive
from ops.dead_letters.remap import Remapper
from ops.dead_letters.shelf import Shelf
from ops.intake.batch import BatchReader
from ops.intake.letters import PATH_HEADER
from ops.intake.rows import RowMapping
from ops.intake.rules import Rules
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.log import DeadLetter
from schemas.samples import sample
from streams.encoder import TelemetryEncoder
from streams.reading import read_all
from streams.telemetry import TelemetryProducer
from streams.topics import create_topics

pytestmark = pytest.mark.kafka


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, kafka_bootstrap: str, tmp_path: Path) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path))
    create_topics(kafka_bootstrap, 4, 1)


@pytest.fixture
def topic(kafka_bootstrap: str, unique: Callable[[str], str]) -> str:
    """A fresh topic that letters come from."""
    name = unique("origin")
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.create_topics([NewTopic(name, 4, 1)])[name].result(30)
    return name


def letter(prefix: str, number: int = 0, **fields: Any) -> DeadLetter:
    """A letter of a stage; its reason and id are this test's own."""
    given = {"dead_letter_id": f"{prefix}-{number}", "reason": prefix, "stage": "sampling", "key": b"inc-1"} | fields
    return sample(DeadLetter, **given)


def shelve(bootstrap: str, *letters: DeadLetter) -> None:
    """Put letters on the shelf."""
    with TelemetryProducer(bootstrap) as producer:
        for one in letters:
            producer.send_dead_letter(one)


def run(*arguments: str) -> tuple[int, Any]:
    """Exit code and JSON of `breakwater dlq … --json`."""
    result = CliRunner().invoke(dlq.app, [*arguments, "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else result.exception


def test_letters_are_listed_by_reason_the_newest_first(kafka_bootstrap: str, topic_prefix: str) -> None:
    """With how many there are of all."""
    shelve(kafka_bootstrap, *(letter(topic_prefix, n, occurred_at=1000 + n) for n in range(5)))
    code, found = run("list", "--reason", topic_prefix, "--limit", "2")
    assert code == 0
    assert [x["dead_letter_id"] for x in found["dead_letters"]] == [f"{topic_prefix}-4", f"{topic_prefix}-3"]
    assert found["by_reason"][topic_prefix] == 5


def test_a_letter_is_shown_with_its_exact_bytes(kafka_bootstrap: str, topic_prefix: str) -> None:
    """Also those that are no text; the beginning of its id is enough."""
    shelve(kafka_bootstrap, letter(topic_prefix, value=b"\x00\xff{", headers={"h": b"\xfe"}))
    code, found = run("show", topic_prefix)
    assert (code, base64.b64decode(found["value_base64"]), found["value_text"]) == (0, b"\x00\xff{", "\x00\\xff{")


def test_an_unknown_id_is_told(topic_prefix: str) -> None:
    """As an error that a person can act on."""
    code, error = run("show", topic_prefix)
    assert code == 1
    assert "dlq list" in str(error)


def test_a_letter_goes_back_byte_for_byte_and_only_once(kafka_bootstrap: str, topic_prefix: str, topic: str) -> None:
    """Key, value and headers as they were, and the header `redriven`; a second redrive finds nothing to do."""
    shelve(kafka_bootstrap, letter(topic_prefix, topic=topic, value=b"\xff\x00", headers={"trace": b"\x01"}))
    code, first = run("redrive", "--reason", topic_prefix)
    assert (code, first["redriven"]) == (0, 1)
    _, second = run("redrive", "--reason", topic_prefix)
    assert (second["redriven"], second["already"]) == (0, 1)
    (message,) = read_all(kafka_bootstrap, topic)
    assert (message.key, message.value) == (b"inc-1", b"\xff\x00")
    assert dict(message.headers) == {"trace": b"\x01", "redriven": f"{topic_prefix}-0".encode()}
    assert run("show", topic_prefix)[1]["redriven"] is True


def test_a_letter_that_was_written_twice_goes_back_once(kafka_bootstrap: str, topic_prefix: str, topic: str) -> None:
    """A redelivered batch dead-letters the same record under the same id."""
    shelve(kafka_bootstrap, letter(topic_prefix, topic=topic), letter(topic_prefix, topic=topic))
    assert run("redrive", "--reason", topic_prefix)[1]["redriven"] == 1
    assert len(list(read_all(kafka_bootstrap, topic))) == 1


def test_a_dry_run_changes_nothing(kafka_bootstrap: str, topic_prefix: str, topic: str) -> None:
    """It says what would go back."""
    shelve(kafka_bootstrap, letter(topic_prefix, topic=topic))
    assert run("redrive", "--reason", topic_prefix, "--dry-run")[1]["redriven"] == 1
    assert list(read_all(kafka_bootstrap, topic)) == []
    assert run("redrive", "--reason", topic_prefix)[1]["redriven"] == 1


def test_a_redrive_that_another_has_overtaken_stops(kafka_bootstrap: str, topic_prefix: str, topic: str) -> None:
    """Two at once cannot put back the same letter: the later one fences the earlier one, whose transaction is void."""
    shelve(kafka_bootstrap, *(letter(topic_prefix, n, topic=topic) for n in range(250)))
    shelf = Shelf(kafka_bootstrap)
    remapper = Remapper(BatchReader(TelemetryEncoder()), Rules(max_item_bytes=1000))
    slow = Redrive(kafka_bootstrap, shelf, remapper).run(topic_prefix)
    next(slow)  # the first transaction of 200 is through
    assert run("redrive", "--reason", topic_prefix)[1]["redriven"] == 50
    with pytest.raises(RedriveError, match="run it again"):
        list(slow)
    assert len(list(read_all(kafka_bootstrap, topic))) == 250


def test_what_the_intake_refused_is_mapped_anew(kafka_bootstrap: str, topic_prefix: str) -> None:
    """By today's rules: once they take it, it goes in as an alert; what they refuse again stays."""
    http = {"stage": "intake", "topic": "alerts", "partition": -1, "headers": {PATH_HEADER: b"/v1/alerts"}}
    good = b'{"service": "' + topic_prefix.encode() + b'", "name": "n"}'
    shelve(kafka_bootstrap, letter(topic_prefix, 0, value=good, **http), letter(topic_prefix, 1, value=b"{", **http))
    code, found = run("redrive", "--reason", topic_prefix)
    assert (code, found["redriven"], found["refused"]) == (1, 1, 1)
    (message,) = [m for m in read_all(kafka_bootstrap, "alerts") if topic_prefix.encode() in (m.value or b"")]
    alert = Codec(Alert).decode(message.value)
    assert (message.key, alert.received_at) == (alert.incident_id.encode(), letter(topic_prefix).occurred_at)
    assert dict(message.headers)["redriven"] == f"{topic_prefix}-0".encode()


ROWS = {b"csv": b'host7,"a, b",1642213952\n', b"jsonl": b'{"host": "host7", "name": "a, b", "time": 1642213952}'}


@pytest.mark.parametrize(("path", "value"), ROWS.items())
def test_a_row_of_a_file_is_mapped_anew_too(kafka_bootstrap: str, topic_prefix: str, path: bytes, value: bytes) -> None:
    """By the mapping that it was sent with, which its letter keeps."""
    mapping = RowMapping.parse(["service=host"], "", topic_prefix)
    headers = {PATH_HEADER: path, "intake-mapping": mapping.to_json(), "intake-columns": b"host,name,time\n"}
    shelve(kafka_bootstrap, letter(topic_prefix, value=value, stage="intake", headers=headers))
    assert run("redrive", "--reason", topic_prefix)[1]["redriven"] == 1
    (message,) = [m for m in read_all(kafka_bootstrap, "alerts") if topic_prefix.encode() in (m.value or b"")]
    alert = Codec(Alert).decode(message.value)
    assert (alert.service, alert.name, alert.occurred_at) == ("host7", "a, b", 1642213952000)


def test_a_redrive_keeps_the_order_of_an_incident(kafka_bootstrap: str, topic: str, topic_prefix: str) -> None:
    """Letters of one incident lie on several partitions of the shelf; they go back in the order in which they came in."""
    letters = [
        letter(topic_prefix, n, topic=topic, offset=n, occurred_at=1000 + n // 3, value=b"%d" % n) for n in range(40)
    ]
    shelve(kafka_bootstrap, *reversed(letters))
    code, found = run("redrive", "--reason", topic_prefix)
    assert (code, found["redriven"]) == (0, 40)
    assert [record.value for record in read_all(kafka_bootstrap, topic)] == [b"%d" % n for n in range(40)]
