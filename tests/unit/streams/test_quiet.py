"""A client that has no broker: one line where a person reads, not one from the library for each try."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.records.intake import Alert
from schemas.samples import sample
from streams.errors import DeliveryError
from streams.telemetry import TelemetryProducer
from tests.support.waiting import free_port

ROOT = Path(__file__).parents[3]


def test_the_librarys_errors_are_in_the_log_with_the_clients_name(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """And not on standard error, where the library would write them."""
    producer = TelemetryProducer(f"127.0.0.1:{free_port()}", client_id="a-quiet-one", delivery_timeout_s=0.5)
    with caplog.at_level(logging.WARNING, "kafka"):
        producer.send_alert(sample(Alert))
        with pytest.raises(DeliveryError):
            producer.flush()
    producer.close()
    assert "a-quiet-one: " in caplog.text
    # As the library begins its lines: `%3|…|FAIL|a-quiet-one#producer-1| …`.
    assert "a-quiet-one#" not in capfd.readouterr().err


@pytest.mark.parametrize("line", [("produce", "storm", "--alerts", "10"), ("status",)])
def test_a_command_without_kafka_is_one_sentence(tmp_path: Path, line: tuple[str, ...]) -> None:
    """Exit code 1."""
    environment = {
        **os.environ, "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}", "BREAKWATER_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    program = (
        "import sys; from streams import topics; topics.REQUEST_S = 0.5\n"
        "from ops.cli import main; sys.argv[0] = 'breakwater'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *line],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    told = (done.stderr + done.stdout).strip().splitlines()
    assert "No Kafka answers" in " ".join(told)
    assert not any(said.startswith("%") for said in told), told
    assert len(done.stderr.splitlines()) <= 1
