"""Each demonstration, played to its end by the command that people type: what it should conclude, it concludes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ops.demo.scenarios import SCENARIOS

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.timeout(900)]

ALERTS = 20_000


def played(scenario: str, home: Path, jars_dir: Path) -> tuple[int, dict[str, Any]]:
    """Its exit code and its document."""
    environment = {**os.environ, "BREAKWATER_HOME": str(home), "BREAKWATER_JARS_DIR": str(jars_dir)}
    environment.pop("KAFKA_BOOTSTRAP_SERVERS", None)
    command = [sys.executable, "-m", "ops.cli", "demo", "--scenario", scenario, "--alerts", str(ALERTS), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.stdout, done.stderr[-2_000:]
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_a_scenario_ends_as_it_should(name: str, tmp_path: Path, jars_dir: Path) -> None:
    """Every alert has one fate, the cause is the true one, its remedy is carried out, and the decisions can be made again."""
    scenario = SCENARIOS[name]
    code, told = played(name, tmp_path, jars_dir)
    assert (code, told["missing"]) == (0, [])
    alerts = told["alerts"]
    assert alerts["received"] == alerts["kept"] + alerts["suppressed"] + alerts["dead_lettered"] == ALERTS
    (one,) = [each for each in told["incidents"] if each["service"] == scenario.target.service]
    assert (one["status"], one["classification"], one["action"]) == (
        "resolved", scenario.expected, scenario.expected_action,
    )  # fmt: skip
    assert told["opened_after_s"] is not None
    assert (told["store"]["verified"], told["rerun"]) == (True, "identical")
