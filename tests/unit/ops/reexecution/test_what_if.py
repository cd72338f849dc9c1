"""What if it had been set otherwise: other settings, other incidents; the same settings, the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.reexecution.bundle import write_bundle
from ops.reexecution.recording import Recording
from ops.reexecution.what_if import WhatIf, what_if
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from schemas.records.vocabulary import Severity
from state.log_reader import RawRecord
from streams.topics import ALERTS
from tests.support.recorded_run import PARTITION, lived
from tests.support.signals import INCIDENT, NOW, alert

SEED = 16


@pytest.fixture(scope="module")
def recording() -> Recording:
    """An incident that was decided on and resolved autonomously."""
    return lived(SEED, deaths=0.0).recording()


def with_raw_alerts(recording: Recording, a_second: int, seconds: int = 10) -> Recording:
    """The recording with a storm of raw alerts, all alike."""
    codec: Codec[Alert] = Codec(Alert)
    times = [NOW + 25_000 + n * 1000 // a_second for n in range(a_second * seconds)]
    raws = [
        RawRecord(ALERTS.name, PARTITION, n, at, INCIDENT.encode(), codec.encode(one), [])
        for n, at in enumerate(times)
        for one in [alert("OutOfMemory", at, severity=Severity.CRITICAL)]
    ]
    return Recording(
        recording.incident_id, {**recording.records, ALERTS.name: raws}, {**recording.begins, (ALERTS.name, PARTITION): 0},
        recording.read_at, {},
    )  # fmt: skip


def changed(recording: Recording, **changes: str) -> WhatIf:
    return what_if(recording, changes)


def test_the_same_settings_bring_the_same_remedy(recording: Recording) -> None:
    """Lived through again the incident opens, is diagnosed, decided on and resolved as it was."""
    found = changed(recording, confidence_gate="0.7")
    same = ("alerts_kept", "status", "classification", "root_cause", "action", "autonomous")
    told = [{name: one.document()[name] for name in same} for one in (found.recorded, found.again, found.changed)]
    assert told[0] == told[1] == told[2]
    assert found.again == found.changed


def test_a_higher_gate_asks_a_human(recording: Recording) -> None:
    """And costs the time that the alerts take to clear by themselves."""
    found = changed(recording, confidence_gate="0.99")
    assert (found.again.autonomous, found.changed.autonomous) == (True, False)
    assert found.changed.humans_asked > found.again.humans_asked


def test_more_agents_than_there_are_ask_a_human(recording: Recording) -> None:
    """Every setting that a decision depends on can be set."""
    assert changed(recording, least_agents="9").changed.autonomous is False


def test_a_lower_rate_keeps_fewer_alerts(recording: Recording) -> None:
    """Sampling is made again from the raw alerts, where the recording holds them."""
    found = what_if(with_raw_alerts(recording, a_second=200), {"sampling.max_rate": "50"})
    assert found.again.alerts_kept > found.changed.alerts_kept > 0
    assert found.changed.alerts_kept <= 50 * 11


@pytest.mark.parametrize(
    ("name", "value"), [("no_such_setting", "1"), ("confidence_gate", "2"), ("least_agents", "many"), ("home", "/")]
)
def test_what_cannot_be_set_is_told(recording: Recording, name: str, value: str) -> None:
    """Unknown names, impossible values, and settings that no decision depends on."""
    with pytest.raises(InvalidInputError, match=r"setting|cannot be"):
        what_if(recording, {name: value})


def test_the_command_shows_a_table_and_its_json(recording: Recording, tmp_path: Path) -> None:
    """Names as in the settings, as variables, or short ones."""
    path = str(tmp_path / "x.bundle")
    write_bundle(recording, Path(path), code="", settings=[])
    run = CliRunner()
    shown = run.invoke(app, ["rerun", path, "--set", "consensus.confidence=0.99"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0
    assert "with consensus.confidence=0.99" in shown.stdout
    told: dict[str, Any] = json.loads(
        run.invoke(app, ["rerun", path, "--set", "BREAKWATER_CONFIDENCE_GATE=0.99", "--json"]).stdout
    )
    assert told["result"] == "identical"
    assert told["what_if"]["changed"]["autonomous"] is False
    assert run.invoke(app, ["rerun", path, "--set", "nonsense"]).exit_code == 2
    assert run.invoke(app, ["rerun", path, "--set", "nonsense=1"]).exit_code == 2
