"""What holds for every command: help with an example, one document with --json also for a failure, nothing made by looking."""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ops import cli
from ops.commands import dlq
from ops.dead_letters.redrive import REFUSED, Outcome
from ops.errors import HomeUnusableError, NoKafkaError, OperationError, SettingsError
from ops.reference import commands
from schemas.records.log import DeadLetter
from schemas.samples import sample

BELOW = [found for found in commands(typer.main.get_command(cli.app), "breakwater") if found[0] != "breakwater"]


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home that is not there yet, and no servers of the operator's."""
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "CASSANDRA_CONTACT_POINTS", "BREAKWATER_STORE"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    monkeypatch.setenv("BREAKWATER_HOME", str(home))
    return home


def main(monkeypatch: pytest.MonkeyPatch, *line: str) -> int:
    """The exit code of `breakwater …`."""
    monkeypatch.setattr(sys, "argv", ["breakwater", *line])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(("path", "command"), BELOW, ids=[path for path, _ in BELOW])
def test_every_command_and_group_has_help_with_an_example(path: str, command: Any) -> None:
    """The example is a line of its own, of this command or of one below it."""
    lines = [line.strip() for line in (command.help or "").splitlines()]
    assert any(line.startswith(f"Example: {path}") for line in lines), command.help


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(
    "line", [("lag",), ("dlq", "list"), ("events", "verify"), ("replay", "alerts"), ("produce", "storm")]
)
def test_a_failure_is_one_json_document_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: tuple[str, ...]
) -> None:
    """Exit code 1; the sentence for people is on standard error."""
    assert main(monkeypatch, *line, "--json") == 1
    told = capsys.readouterr()
    assert "breakwater kafka up" in json.loads(told.out)["error"]
    assert json.loads(told.out)["retriable"] is True
    assert told.err.startswith("breakwater: No Kafka runs under")


@pytest.mark.usefixtures("nothing_runs")
def test_without_json_a_failure_leaves_standard_output_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person reads one sentence."""
    assert main(monkeypatch, "lag") == 1
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)


def test_a_setting_that_cannot_be_used_is_told_as_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the variable."""
    monkeypatch.setenv("BREAKWATER_PARTITIONS", "none")
    assert main(monkeypatch, "status", "--json") == 1
    assert "BREAKWATER_PARTITIONS" in json.loads(capsys.readouterr().out)["error"]


def test_what_cannot_be_started_is_an_operation_error() -> None:
    """One hierarchy for whoever runs the program."""
    assert issubclass(SettingsError, OperationError)
    assert issubclass(NoKafkaError, OperationError)


@pytest.mark.parametrize("line", [("list",), ("list", "--json"), ("show", "inc-1"), ("timeline", "inc-1")])
def test_looking_at_incidents_makes_no_home(nothing_runs: Path, line: tuple[str, ...]) -> None:
    """Where nothing is, nothing is made."""
    CliRunner().invoke(cli.app, ["incidents", *line])
    assert not nothing_runs.exists()


def test_a_home_that_cannot_be_looked_into_is_told_as_such(nothing_runs: Path) -> None:
    """With the setting that names another."""
    nothing_runs.write_text("a file")
    answer = CliRunner().invoke(cli.app, ["incidents", "list"])
    assert isinstance(answer.exception, HomeUnusableError)
    assert "BREAKWATER_HOME" in str(answer.exception)


class RefusedRedrive:
    """A redrive that refuses a letter."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def run(self, _reason: str | None) -> Iterator[Outcome]:
        """The letter's outcome."""
        yield Outcome(sample(DeadLetter), REFUSED, "still no alert")


@pytest.mark.parametrize(("options", "code"), [((), 1), (("--dry-run",), 0)])
def test_what_a_dry_run_would_refuse_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], code: int
) -> None:
    """Nothing was tried; in earnest the exit code is 1."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(dlq, "Redrive", RefusedRedrive)
    answer = CliRunner().invoke(cli.app, ["dlq", "redrive", *options, "--json"])
    assert answer.exit_code == code
    assert json.loads(answer.stdout)["refused"] == 1


def test_the_version_is_that_of_the_package() -> None:
    """In one line, without a command."""
    done = CliRunner().invoke(cli.app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"breakwater {version('breakwater')}\n")
