"""What the stream says is what the backtests say of the same, through Kafka and a worker that is killed on the way."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from agents.detectors.ensemble import SeriesWatch
from agents.prediction.fleet import HORIZON
from ops.backtest.alerts import told_of
from ops.backtest.alerts_file import FileOfAlerts
from ops.backtest.detect import judge
from ops.backtest.series_file import Row
from ops.backtest.warn import warn_all
from schemas.codec import Codec
from schemas.convert import to_dict
from schemas.records.analysis import Anomaly, Prediction
from schemas.records.grouping import GroupChange, GroupTold
from schemas.records.intake import Alert, MetricPoint
from streams.reading import read_all
from tests.support.alert_days import BEGIN, DAY_MS, HOUR_MS, alert_days
from tests.support.fleets import STEP_MS, climbers, fleet_points
from tests.support.signals import NOW
from tests.support.streaming import Log, Workers
from tests.support.waiting import eventually
from tests.support.worker import WorkerPlan

pytestmark = pytest.mark.kafka

POINTS = Codec(MetricPoint)
ALERTS = Codec(Alert)


def planned(log: Log, unique: Callable[[str], str], kind: str, partitions: int) -> WorkerPlan:
    """A stage of the program on fresh topics."""
    topics = {"source": unique("points"), "out": unique("said")}
    log.create(*topics.values(), partitions=partitions)
    return WorkerPlan(kind, unique("group"), log.bootstrap, "", topics, partitions=partitions)


def through_a_crash(log: Log, workers: Workers, plan: WorkerPlan, points: list[MetricPoint]) -> None:
    """The first half is read by a worker that is killed, the rest by the next one."""
    framed = [(p.series, POINTS.encode(p)) for p in points]
    half = len(framed) // 2
    first = workers.start(plan)
    log.produce(plan.topics["source"], framed[:half])
    eventually(lambda: log.count(plan.topics["out"]) > 0, limit_s=60)
    workers.kill(first)
    log.produce(plan.topics["source"], framed[half:])
    workers.start(plan)
    log.await_done(plan.group, plan.topics["source"])


def said(log: Log, plan: WorkerPlan, record: type) -> list[Any]:
    """All that was published, by id; what was published twice was published alike."""
    codec: Codec[Any] = Codec(record)
    found: dict[str, Any] = {}
    for message in read_all(log.bootstrap, plan.topics["out"]):
        one = codec.decode(message.value or b"")
        key = getattr(one, "anomaly_id", None) or one.prediction_id
        assert found.setdefault(key, one) == one
    return list(found.values())


def test_the_stream_scores_points_as_the_backtest_does(
    log: Log, workers: Workers, unique: Callable[[str], str]
) -> None:
    """Of eight series: the alarms' scores, point by point, and at the end the detectors' whole memory."""
    plan, dice = planned(log, unique, "metrics", 4), random.Random(7)
    series = [[dice.gauss(40, 3) + (40 if 150 < t < 165 else 0) for t in range(240)] for _ in range(8)]
    points = fleet_points(series)
    names = list(dict.fromkeys(p.series for p in points))
    through_a_crash(log, workers, plan, points)
    told = {(a.series, (a.occurred_at - NOW) // STEP_MS): a.score for a in said(log, plan, Anomaly)}
    states, alarms = log.states(plan.group, "metrics"), 0
    for name, values in zip(names, series, strict=True):
        rows = [Row("", (NOW + t * STEP_MS) / 1000, value) for t, value in enumerate(values)]
        watch = SeriesWatch()
        for row in rows:
            watch.judge(row.value, row.at_s or 0.0)
        for t, verdict in enumerate(judge(rows)):
            if verdict.alarm and (name, t) in told:
                alarms += 1
                assert told[name, t] >= verdict.score
        assert states[name]["detectors"] == watch.dump()
    assert alarms >= 8


def test_the_stream_warns_as_the_backtest_does(log: Log, workers: Workers, unique: Callable[[str], str]) -> None:
    """Of six series that teach each other: at the same points, with the same probabilities to the last digit."""
    plan, series = planned(log, unique, "breaches", 1), climbers(6, 160)
    points = fleet_points(series)
    names = list(dict.fromkeys(p.series for p in points))
    through_a_crash(log, workers, plan, points)
    told = warn_all(series, 90.0, HORIZON)
    expected = {(names[k], t) for k, line in enumerate(told.warnings) for t, on in enumerate(line) if on}
    found = said(log, plan, Prediction)
    assert {(p.series, (p.occurred_at - NOW) // STEP_MS) for p in found if p.warned} == expected
    assert len(expected) > 20
    states = log.states(plan.group, "breaches").values()
    (state,) = (one for one in states if "model" in one)
    assert sum("member" in one for one in states) == len(names)
    assert state["model"]["calibration"] == told.fleet.calibration.figures()
    assert state["model"]["odds"] == told.fleet.odds.figures()


def test_the_stream_tells_of_the_groups_that_the_backtest_tells_of(
    log: Log, workers: Workers, unique: Callable[[str], str]
) -> None:
    """Of five days' alerts of four services in four partitions: the same groups, through a worker that is killed on the way."""
    topics = {role: unique(role) for role in ("source", "heard", "out")}
    log.create(*topics.values(), partitions=4)
    plan = WorkerPlan("grouping", unique("group"), log.bootstrap, "", topics, partitions=4)
    # A file is read in a moment: what waits for its turn is all of it, and no more than may wait.
    alerts = [alert for alert in alert_days() if alert.service in ("db", "mail", "shop", "web")]
    half = next(n for n, alert in enumerate(alerts) if alert.occurred_at > BEGIN + 3 * DAY_MS + 12 * HOUR_MS)
    framed = [(alert.incident_id, ALERTS.encode(alert)) for alert in alerts]
    first = workers.start(plan)
    log.produce(topics["source"], framed[:half])
    eventually(lambda: log.count(topics["out"]) > 0, limit_s=120)
    workers.kill(first)
    log.produce(topics["source"], framed[half:])
    workers.start(plan)
    log.await_done(plan.group, topics["source"], topics["heard"])
    file = FileOfAlerts("acme")
    for number, alert in enumerate(alerts):
        file.add(number, to_dict(alert))
    expected = {(one.group.group_id, one.group.opened_at) for one in told_of(file)}
    eventually(lambda: _opened(log, topics["out"]) == expected, limit_s=30)
    assert len(expected) == 3


def _opened(log: Log, topic: str) -> set[tuple[str, int]]:
    """The groups that people are told of, and when."""
    codec = Codec(GroupTold)
    told = [codec.decode(message.value or b"") for message in read_all(log.bootstrap, topic)]
    return {(one.group_id, one.occurred_at) for one in told if one.change in (GroupChange.OPENED, GroupChange.SPREAD)}
