"""The stages that hear a tenant's alerts together say what the backtest says, whatever is restarted or comes again."""

import json
from collections.abc import Iterable
from dataclasses import replace

from agents.grouping.group import Group
from agents.grouping.grouping_stage import GroupingStage, HearingRules, Tenant
from agents.grouping.hearings_stage import Hearings, HearingsStage, short
from agents.grouping.memory import Pair
from agents.grouping.recurrence import Recurrence
from agents.grouping.rules import GroupingRules
from ops.backtest.alerts import Told, told_of
from ops.backtest.alerts_file import FileOfAlerts
from schemas.convert import to_dict
from schemas.records.grouping import AlertHeard, GroupChange, GroupTold
from schemas.records.intake import Alert, TopologyEdge
from schemas.records.vocabulary import AlertStatus, Severity, Tier
from streams.outbox import MAX_MESSAGE_BYTES
from streams.stage import Position, Received
from streams.topics import HEARD, SAMPLED, TOPOLOGY
from tests.support.alert_days import BEGIN, DAY_MS, HOUR_MS, TROUBLES, alert_days, alert_of
from tests.support.stage_run import StageRun

OPENS = (GroupChange.OPENED, GroupChange.SPREAD)


class Live:
    """Both stages, one after the other; time arrives as it happens. Every so often the state goes through its row."""

    def __init__(self) -> None:
        self.hearings, self.grouping = HearingsStage(), GroupingStage()
        self.counts: dict[str, Hearings] = {}
        self.state, self.taken = Tenant(), 0

    def hears(self, alerts: Iterable[Alert], late_ms: dict[str, int] | None = None) -> list[GroupTold]:
        """What is said of sampled alerts, of each service so much later than it happened, and a while after."""
        coming = sorted(
            (alert.occurred_at + (late_ms or {}).get(alert.service, 0), n, alert) for n, alert in enumerate(alerts)
        )
        heard = [(now, one) for now, _, alert in coming for one in self.counted(alert, now)]
        return self.told(heard)

    def told(self, heard: list[tuple[int, AlertHeard]]) -> list[GroupTold]:
        """What is said of heard alerts that arrive in turn."""
        said: list[GroupTold] = []
        for now, one in heard:
            self.taken += 1
            step = self.grouping.decide(self.state, Received(one, Position(HEARD.name, 0, self.taken, now)))
            said += [output.record for output in step.outputs]
            if self.taken % 200 == 0:
                self.state = self.grouping.load(json.loads(json.dumps(self.grouping.dump(self.state))))
        step_after = self.grouping.tick("acme/prod", self.state, heard[-1][0] + 10_000)
        return said + ([output.record for output in step_after.outputs] if step_after else [])

    def counted(self, alert: Alert, now: int) -> list[AlertHeard]:
        """What is heard of a sampled alert."""
        self.taken += 1
        received = Received(alert, Position(SAMPLED.name, 0, self.taken, now))
        state = self.counts.setdefault(alert.incident_id, Hearings())
        return [output.record for output in self.hearings.decide(state, received).outputs]


def backtest(alerts: Iterable[Alert]) -> list[Told]:
    """What the backtest tells of the same."""
    file = FileOfAlerts("acme")
    for number, alert in enumerate(alerts):
        file.add(number, to_dict(alert))
    return told_of(file)


def opened(said: Iterable[GroupTold]) -> list[tuple[str, int, str]]:
    """Of what people are told: the group, when, and where."""
    return [(told.group_id, told.occurred_at, told.service) for told in said if told.change in OPENS]


def expected(told: Iterable[Told]) -> list[tuple[str, int, str]]:
    """The same of the backtest."""
    return [(one.group.group_id, one.group.opened_at, one.group.service) for one in told]


def test_the_stages_tell_of_the_groups_that_the_backtest_tells_of() -> None:
    """Of five days on six services: the same groups at the same time, for three reasons."""
    alerts = alert_days()
    said = opened(Live().hears(alerts))
    assert said == expected(backtest(alerts))
    assert [service for _, _, service in said] == ["mail", "web", "db"]


def test_the_state_is_restored_exactly() -> None:
    """A row through JSON and back has every number."""
    live = Live()
    live.hears(alert_days(days=4))
    row = json.dumps(live.grouping.dump(live.state))
    assert json.dumps(live.grouping.dump(live.grouping.load(json.loads(row)))) == row


def test_what_is_redelivered_is_heard_once() -> None:
    """Of every fifty heard alerts the last ten come again, as after a crash: what is said does not change."""
    alerts, once, twice = alert_days(), Live(), Live()
    heard = [(alert.occurred_at, one) for alert in alerts for one in twice.counted(alert, alert.occurred_at)]
    again = [each for n, one in enumerate(heard) for each in (heard[n - 9 : n + 1] if n % 50 == 49 else [one])]
    said = twice.told([(max(now, heard[0][0]), one) for now, one in again])
    assert [told.told_id for told in said] == [told.told_id for told in once.told(heard)]
    assert len(said) > 3


def test_services_that_are_behind_are_waited_for() -> None:
    """Alerts of some services that come a second late are heard in the order of their times."""
    alerts = alert_days()
    said = Live().hears(alerts, {"db": 1_000, "mail": 1_000})
    assert opened(said) == expected(backtest(alerts))


def test_an_old_backlog_keeps_nobody_waiting_for_long() -> None:
    """While older and older alerts come, one that has waited twice as long is heard all the same."""
    run, now = StageRun(GroupingStage()), BEGIN + DAY_MS
    (first,) = StageRun(HearingsStage()).take(SAMPLED, alert_of("web", "login", now), now)
    run.take(HEARD, first, now)
    for second in range(1, 6):
        at = BEGIN - second * HOUR_MS
        (older,) = StageRun(HearingsStage()).take(SAMPLED, alert_of("web", f"name {second}", at), now)
        run.take(HEARD, replace(older, offset=second), now + second * 1000)
        run.tick(now + second * 1000)
    waiting = [one.alert.name for one in run.state("acme/prod").room.heap]
    assert "login" not in waiting


def test_a_member_is_told_to_the_first_incident_of_its_group() -> None:
    """The second trouble begins on one service and is news on another a minute later."""
    said = [told for told in Live().hears(alert_days()) if told.group_id]
    joined = [told for told in said if told.change is GroupChange.JOINED]
    (group,) = {told.group_id for told in joined}
    first = next(told for told in said if told.group_id == group)
    assert (first.change, first.service) == (GroupChange.OPENED, "db")
    assert {told.incident_id for told in joined} == {first.incident_id}
    assert {told.member_id for told in joined if told.service == "shop"} == {alert_of("shop", "x", BEGIN).incident_id}


def test_a_group_is_over_after_an_hour() -> None:
    """The end is told with the next alert after it, once."""
    said = Live().hears(alert_days())
    closed = [told for told in said if told.change is GroupChange.CLOSED]
    assert len({told.group_id for told in closed}) == len(closed) >= 2
    assert all(told.occurred_at - BEGIN > TROUBLES[0][0] + HOUR_MS for told in closed)


def test_neighbours_in_the_service_graph_are_told_of_once() -> None:
    """Two services that have nothing in common but an edge."""
    trouble = BEGIN + 4 * DAY_MS + 40 * 60_000
    strange = [
        alert_of(service, name, trouble + n * 20_000)
        for n, (service, names) in enumerate((("cart", ("a", "b")), ("search", ("c", "d"))))
        for name in names
    ]
    alerts = sorted([*alert_days(), *strange], key=lambda alert: alert.occurred_at)
    apart, together = Live(), Live()
    edge = TopologyEdge(
        tenant="acme", environment="prod", service="search", depends_on="cart", kind="", tier=Tier.IMPORTANT, removed=False,
        occurred_at=BEGIN,
    )  # fmt: skip
    together.grouping.observe(Received(edge, Position(TOPOLOGY.name, 0, 0, BEGIN)))
    assert len(opened(apart.hears(alerts))) == 5
    assert len(opened(together.hears(alerts))) == 4


def test_a_storm_is_a_few_records_a_second() -> None:
    """Ten thousand alerts of one name in ten seconds; the last count is near what came."""
    live = Live()
    heard = [one for n in range(10_000) for one in live.counted(alert_of("web", "login", BEGIN + n), BEGIN)]
    assert len(heard) < 60
    assert heard[-1].count > 8_000


def test_a_worse_alert_is_heard_among_others_of_its_second() -> None:
    """Its severity may be news."""
    run = StageRun(HearingsStage())
    alerts = [alert_of("web", "login", BEGIN + n) for n in range(99)]
    for alert in alerts:
        run.take(SAMPLED, alert, BEGIN)
    (heard,) = run.take(SAMPLED, alert_of("web", "login", BEGIN + 99, Severity.CRITICAL), BEGIN)
    assert (heard.severity, heard.count) == (Severity.CRITICAL, 100)


def test_what_has_resolved_is_not_heard() -> None:
    """Only what fires is unusual."""
    over = replace(alert_of("web", "login", BEGIN), status=AlertStatus.RESOLVED)
    assert StageRun(HearingsStage()).take(SAMPLED, over, BEGIN) == []


def test_silent_incidents_are_forgotten() -> None:
    """Two minutes after the last alert there is no row."""
    run = StageRun(HearingsStage())
    run.take(SAMPLED, alert_of("web", "login", BEGIN), BEGIN)
    run.tick(BEGIN + 60_000)
    assert run.states
    run.tick(BEGIN + 121_000)
    assert not run.states


def test_a_damaged_row_is_learnt_anew() -> None:
    """Of another version, cut short, or nothing at all."""
    stage = GroupingStage()
    whole = stage.dump(stage.initial("acme/prod"))
    for damage in ({}, {**whole, "memory": {**whole["memory"], "version": 0}}, {**whole, "room": {"waiting": [[1]]}},
                   {**whole, "memory": {**whole["memory"], "pairs": "AAAA"}}):  # fmt: skip
        assert stage.load(damage) == stage.initial("acme/prod")


def test_the_greatest_row_is_below_the_largest_message() -> None:
    """All that is bounded is full, with the longest words that are heard."""
    rules = GroupingRules()
    words = [short(f"{n} " + "木" * 200) + "x" * 20 for n in range(1_000)]
    assert all(len(one) <= 64 for one in words)
    state = Tenant()
    memory = state.memory
    memory.pairs.update((1 << 63 | n, Pair()) for n in range(rules.most_pairs))
    memory.names.update((1 << 63 | n, Recurrence()) for n in range(rules.most_names))
    unusual = dict.fromkeys(words[: rules.most_together], (BEGIN, 0.12345678901234568))
    memory.rare.update((name, dict(unusual)) for name in words[: rules.most_services])
    full = set(words[:100])
    memory.groups += [
        Group("g" * 16, BEGIN, words[0], tuple(words[:16]), Severity.CRITICAL, BEGIN, full, full, "i" * 200)
        for _ in range(rules.most_groups)
    ]
    heard = Live().counted(alert_of(words[0], words[1], BEGIN), BEGIN)[0]
    for _ in range(HearingRules().most_waiting):
        state.room.enter(heard, BEGIN)
    assert len(json.dumps(GroupingStage().dump(state))) < MAX_MESSAGE_BYTES


def test_long_words_stay_apart() -> None:
    """Two names that differ at their ends only."""
    assert short("x" * 500 + "a") != short("x" * 500 + "b")
