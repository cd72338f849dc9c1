"""What the documents say is so."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from ops import reference
from ops.cli import COMMANDS, app
from ops.intake.page import intake_page
from schemas.codec import Codec
from schemas.records.intake import Alert
from streams import telemetry
from streams.encoder import TelemetryEncoder
from streams.outbox import Message
from streams.telemetry import TelemetryProducer

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("schemas", "state", "streams", "agents", "ops", "tests", "docs", "bench")


def test_the_settings_page_is_the_programs() -> None:
    """docs/settings.md is what `python -m ops.reference` writes now."""
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == reference.settings_page()


def test_the_commands_page_is_the_programs() -> None:
    """docs/cli.md is what `python -m ops.reference` writes now."""
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == reference.cli_page()


def test_the_intakes_page_is_the_programs() -> None:
    """docs/intake.md is what `python -m ops.reference` writes now."""
    assert (ROOT / "docs/intake.md").read_text(encoding="utf-8") == intake_page(reference.HEAD)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_paths_that_a_page_names_exist(page: Path) -> None:
    """Paths in code spans that begin with one of the project's folders, and links within the repository."""
    text = page.read_text(encoding="utf-8")
    spans = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", text)
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not link.startswith("http")]
    missing = [s for s in spans if not (ROOT / s).exists()] + [k for k in links if not (page.parent / k).exists()]
    assert missing == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    """The list is made without importing the commands."""
    command = COMMANDS[name].load(name)
    assert command.get_short_help_str(1_000) == COMMANDS[name].says


def test_a_command_that_is_not_called_is_not_imported() -> None:
    """Neither the list of commands nor a worker waits for the libraries of others."""
    seen = "import sys; from ops.cli import app; app(['--help'], standalone_mode=False); print('numpy' in sys.modules)"
    asked = subprocess.run([sys.executable, "-c", seen], cwd=ROOT, capture_output=True, text=True, check=True)
    assert asked.stdout.rstrip().endswith("False")


CONTRACT = (
    "demo", "up", "worker", "serve", "kafka", "cassandra", "status", "produce", "dlq", "incidents", "lag", "events", "account",
    "bench", "replay", "bundle", "rerun", "backtest",
)  # fmt: skip


@pytest.mark.parametrize("command", CONTRACT)
def test_the_commands_that_the_readme_and_the_contract_name_exist(command: str) -> None:
    """Each is a command of the program, and says how it is used."""
    assert f"## breakwater {command}" in reference.cli_page()


def command_lines(page: Path) -> list[list[str]]:
    """The words after `breakwater` of each command line in the page's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.partition("#")[0] for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if re.match(r"\S*breakwater\s", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_command_lines_of_a_page_can_be_typed(page: Path) -> None:
    """Every command is one of the program's, and has the options that it is given."""
    for words in command_lines(page):
        command: Any = typer.main.get_command(app)
        for word in words:
            if isinstance(command, TyperGroup):
                context = typer.Context(command)
                assert word in command.list_commands(context), words
                command = command.get_command(context, word)
        known = {spelling for parameter in command.params for spelling in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, (page, words)


def test_the_readmes_program_sends_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs as it stands; only Kafka is not there. What it sends is a record of the contract."""
    sent: list[Message] = []

    class Kafkaless(TelemetryProducer):
        def send_alert(self, alert: Alert) -> None:
            sent.append(TelemetryEncoder().message(alert))

    monkeypatch.setattr(telemetry, "TelemetryProducer", Kafkaless)
    monkeypatch.setattr("sys.argv", ["alert.py", "127.0.0.1:1"])
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(program, "README.md", "exec"), {})  # noqa: S102 - our own page
    (message,) = sent
    alert = Codec(Alert).decode(message.value or b"")
    assert (message.topic, alert.service, message.key) == ("alerts", "web", alert.incident_id.encode())
