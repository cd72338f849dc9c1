"""How a demonstration ends: with everything read, and with the picture that the summary tells."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from ops.demo.alert_sources import AlertMaker, Place
from ops.demo.budget import plan_alerts
from ops.demo.parts import Parts, Script
from ops.demo.run import Demo, Surroundings, Timing
from ops.demo.scenarios import SCENARIOS
from ops.demo.show import Show
from ops.demo.snapshot import DemoSnapshot
from ops.settings import Settings

STILL = Timing(warm_up_s=0.0, ready_s=0.0, limit_s=0.0, drain_s=60.0)


class FallingLag:
    """Parts whose workers catch up, a record a look, once the fault is over."""

    def __init__(self, lag: int) -> None:
        self.lag = lag
        self.steps: list[str] = []

    def break_target(self) -> None:
        """The fault."""

    def snapshot(self, before: DemoSnapshot, step: str) -> DemoSnapshot:
        """A look."""
        self.steps.append(step)
        if "read" in step:
            self.lag -= 1
        return replace(before, step=step, lag={"edge": 0, "command": self.lag})


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """A demonstration that looks without a pause between."""
    monkeypatch.setattr("ops.demo.run._LOOK_S", 0.0)
    told, place = SCENARIOS["memory-leak"], Place("default", "demo-test")
    maker = AlertMaker(told, place, 1)
    script = Script(told, place, maker, plan_alerts(100, len(maker.sources)))
    around = Surroundings(timing=STILL)
    return Demo(Settings(home=tmp_path), script, around, Show(Console(file=io.StringIO())), 0.0)


def play(demo: Demo, parts: Any) -> DemoSnapshot:
    """The last picture."""
    demo._play(cast("Parts", parts))
    return demo._last


def test_it_does_not_end_while_something_is_unread(demo: Demo) -> None:
    """The picture that stays has nobody behind."""
    parts = FallingLag(3)
    assert dict(play(demo, parts).lag) == {"edge": 0, "command": 0}
    assert parts.steps[-3:] == ["waiting until all is read"] * 3


def test_a_worker_that_never_catches_up_does_not_hold_it_for_ever(demo: Demo) -> None:
    """It is shown as it is."""
    demo._around = replace(demo._around, timing=replace(STILL, drain_s=0.0))
    assert play(demo, FallingLag(50)).lag["command"] == 49
