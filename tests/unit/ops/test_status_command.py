"""`breakwater status` where nothing runs: an answer, not only an error."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty home, and no Kafka of the operator's."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("BREAKWATER_HOME", str(tmp_path))


@pytest.mark.usefixtures("nothing_runs")
def test_the_document_says_that_nothing_runs() -> None:
    """All keys are there; the check says what to do; the exit code is 1."""
    answer = CliRunner().invoke(app, ["status", "--json"])
    found = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert (found["healthy"], found["topics"], found["alerts"]["received"]) == (False, {}, 0)
    assert "breakwater kafka up" in found["checks"]["kafka"]


@pytest.mark.usefixtures("nothing_runs")
def test_a_person_is_told_what_to_start() -> None:
    """Without a table of no topics."""
    answer = CliRunner().invoke(app, ["status"])
    assert answer.exit_code == 1
    assert "breakwater kafka up" in " ".join(answer.stdout.split())
    assert "records" not in answer.stdout
