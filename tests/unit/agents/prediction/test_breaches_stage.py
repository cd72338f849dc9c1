"""Fleets in the stream: what the backtest scores is what runs, restarts change nothing, a series takes little."""

import json
import math
import random
from array import array
from base64 import b64encode
from dataclasses import replace

import pytest

from agents.prediction.breach_watch import BreachFleet
from agents.prediction.breaches_stage import BreachesStage
from agents.prediction.fleet import HORIZON, STEP_MS, Member, take
from agents.prediction.outcomes import FLEET
from agents.prediction.verification import Verification
from agents.prediction.warnings_stage import WarningsStage
from ops.backtest.warn import warn_all
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from streams.stage import Received
from streams.topics import METRICS, PREDICTIONS
from tests.support.fleets import climbers, fleet_points
from tests.support.signals import NOW, prediction
from tests.support.stage_run import StageRun


def fed(points: list[MetricPoint]) -> list[Prediction]:
    """What the stage publishes; its state goes through JSON between any two points."""
    run = StageRun(BreachesStage())
    return [made for p in points for made in run.take(METRICS, p, p.occurred_at)]


def warned(made: list[Prediction]) -> set[tuple[str, int]]:
    """Of which series, and at which of its points, a warning stood."""
    return {(p.series, (p.occurred_at - NOW) // STEP_MS) for p in made if p.warned}


def test_the_stream_warns_where_the_backtest_does() -> None:
    """Point for point, on the same series: it is the same code."""
    series = climbers(5, 160)
    points = fleet_points(series)
    names = list(dict.fromkeys(p.series for p in points))
    told = warn_all(series, 90.0, HORIZON)
    expected = {(names[k], t) for k, line in enumerate(told.warnings) for t, on in enumerate(line) if on}
    assert len(expected) > 20
    assert warned(fed(points)) == expected


def test_points_of_a_second_are_one_step_of_their_mean() -> None:
    """A series of seconds is followed in steps of five minutes, as one that is measured so."""
    fleet, member = BreachFleet(90.0, HORIZON), Member()
    steps = [take(fleet, member, 10.0 + i % 2, NOW + 1000 * i) for i in range(601)]
    found = [step.value for step in steps if step is not None]
    assert found[0] == 10.0
    assert found[1:] == [pytest.approx(10.5, abs=0.01)] * 2


def test_silence_lets_time_pass() -> None:
    """After an hour without a point nothing from before is waiting for its horizon."""
    fleet, member = BreachFleet(90.0, HORIZON), Member()
    for i in range(20):
        take(fleet, member, 50.0, NOW + i * STEP_MS)
    verified = fleet.calibration.verified
    take(fleet, member, 50.0, NOW + 32 * STEP_MS)
    assert fleet.calibration.verified == verified + HORIZON


def test_each_warning_is_judged_once() -> None:
    """Hits and false ones name the prediction that began the warning; misses none."""
    made = fed(fleet_points(climbers(5, 200, seed=3)))
    outcomes = [p for p in made if p.outcome]
    assert {p.outcome for p in outcomes} <= {"hit", "false", "miss"}
    assert sum(p.outcome == "hit" for p in outcomes) > 5
    judged = [p.of for p in outcomes if p.of]
    assert len(judged) == len(set(judged))
    assert set(judged) <= {p.prediction_id for p in made if p.warned}


def test_a_warning_is_no_vote() -> None:
    """Its odds are too low to rest a remedy on; and it is filed under its series, not under an incident."""
    made = fed(fleet_points(climbers(5, 120)))
    run = StageRun(WarningsStage())
    assert made
    assert all(run.stage.key(run.place(PREDICTIONS, p, NOW)) is None for p in made)
    assert run.stage.key(run.place(PREDICTIONS, prediction(0.9), NOW)) is not None
    assert {p.model for p in made} == {FLEET}


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e200])
def test_what_is_no_number_poisons_no_fleet(bad: float) -> None:
    """It is passed over; the next points find the fleet as it was."""
    points = fleet_points(climbers(2, 100))
    spoilt = [replace(p, value=bad) for p in points[:50]]
    assert fed([*points[:100], *spoilt, *points[100:]]) != []
    run = StageRun(BreachesStage())
    assert run.stage.key(run.place(METRICS, spoilt[0], NOW)) is None


def test_a_series_is_a_small_row_however_long_it_goes_on() -> None:
    """Tens of thousands are a partition's: what is stored of each is bounded, with a warning that stands too."""
    dice, fleet, member = random.Random(1), BreachFleet(90.0, HORIZON), Member()
    member.verification = Verification().made("0" * 32, 0.123456789012345, NOW, 10**9)
    for i in range(200):
        take(fleet, member, dice.uniform(0, 95), NOW + i * STEP_MS)
    assert len(json.dumps(BreachesStage().dump(member))) < 3_000


def test_a_series_is_not_taken_for_a_fleet() -> None:
    """Whatever its name: what is remembered of the one is nothing that the other could read."""
    point = fleet_points(climbers(1, 1))[0]
    run = StageRun(BreachesStage())
    for name in (run.stage.shared_key(run.place(METRICS, point, NOW)), "series\x1f", "fleet\x1f"):
        run.take(METRICS, replace(point, series=name), NOW)
    kinds = {key: type(run.state(key)) for key in run.states}
    assert sorted(kind.__name__ for kind in kinds.values()) == ["FleetState", "Member", "Member", "Member"]


@pytest.mark.parametrize(
    "damage",
    [
        {"level": 90.0, "model": {"version": 99}},
        {"level": 90.0},
        {"member": [1, 2]},
        {"member": [99, "", None, 0.0, 0, 0, False, None, None, 0.0]},
        {"member": [2, 7, None, 0.0, 0, 0, False, None, None, 0.0]},
    ],
)
def test_the_memory_of_another_version_is_learned_anew(damage: dict[str, object]) -> None:
    """With a notice, and no crash."""
    stage = BreachesStage()
    assert stage.load(damage) == stage.initial("series\x1fx" if "member" in damage else "fleet\x1fx")


def test_a_series_whose_memory_is_damaged_begins_anew() -> None:
    """It is seen where it is needed, at the next step, which goes by what comes from then on."""
    infinite = b64encode(array("d", [math.inf] * 50).tobytes()).decode()
    for damage in ("no memory", "", infinite, b64encode(b"x" * 16).decode()):
        fleet, damaged, fresh = BreachFleet(90.0, HORIZON), Member(packed=damage), Member()
        assert take(fleet, damaged, 50.0, NOW) is not None
        take(BreachFleet(90.0, HORIZON), fresh, 50.0, NOW)
        assert damaged == fresh


def test_clocks_that_were_set_back_blind_no_series_for_long() -> None:
    """Ten points from before the last step begin it anew."""
    stage, points = BreachesStage(), fleet_points(climbers(1, 60))
    run = StageRun(stage)
    ahead = replace(points[0], occurred_at=NOW + 10**9)
    received: Received[MetricPoint] = run.place(METRICS, ahead, NOW)
    run.decide(received)
    for p in points:
        run.take(METRICS, p, p.occurred_at)
    key = stage.key(received)
    assert key is not None
    assert run.state(key).stepped_at == points[-1].occurred_at
