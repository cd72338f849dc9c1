"""Stage `candidates`: the course of an incident's episodes, from signals and events."""

import json
from typing import Any

import pytest

from agents.detection.candidates_stage import CandidateRules, CandidatesStage
from schemas.records.analysis import CandidateState, IncidentCandidate, Recommendation
from schemas.records.intake import Alert
from schemas.records.log import IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Action, Classification, Severity
from state.incident import EventType
from streams.topics import ACCOUNT, ANOMALIES, EVENTS, SAMPLED, STORMS
from tests.support.episode import event
from tests.support.signals import INCIDENT, NOW, account, alert, anomaly, resolved, storm
from tests.support.stage_run import StageRun

HOUR_MS = 3_600_000


@pytest.fixture
def run() -> StageRun:
    """A stage that never heard of anything."""
    return StageRun(CandidatesStage(CandidateRules()))


def critical(name: str = "OutOfMemory", at: int = NOW, **changes: Any) -> Alert:
    """A critical alert."""
    return alert(name, at, severity=Severity.CRITICAL, **changes)


def commands(published: list[Any]) -> list[str]:
    """The types of events that were commanded, in order."""
    return [record.type for record in published if isinstance(record, IncidentCommand)]


def candidates(published: list[Any]) -> list[IncidentCandidate]:
    """The candidates among what was published."""
    return [record for record in published if isinstance(record, IncidentCandidate)]


def recommendations(published: list[Any]) -> list[Recommendation]:
    """The recommendations among what was published."""
    return [record for record in published if isinstance(record, Recommendation)]


def heard(run: StageRun, each: Alert, now: int | None = None) -> list[Any]:
    """The alert arrives, by default when it fired."""
    return run.take(SAMPLED, each, each.occurred_at if now is None else now)


def recorded(
    run: StageRun, kind: str, payload: dict[str, Any] | None = None, *, episode: int = 1, version: int, at: int
) -> Any:
    """An event of the log arrives when it was written."""
    record: IncidentEvent = event(kind, payload or {}, episode=episode, version=version, at=at).record
    return run.take(EVENTS, record, at)


def opened(run: StageRun, at: int = NOW) -> list[Any]:
    """A critical alert opens episode 1, and the log confirms it."""
    published = heard(run, critical(at=at))
    fields = json.loads(next(r for r in published if isinstance(r, IncidentCommand)).payload)
    recorded(run, EventType.INCIDENT_OPENED, fields, version=1, at=at + 100)
    return published


# Opening


def test_a_critical_alert_that_is_new_opens_an_episode(run: StageRun) -> None:
    """Told to all, commanded, and with detection's remedy; all of it about episode 1."""
    published = heard(run, critical())
    assert [type(r).__name__ for r in published] == ["IncidentCandidate", "IncidentCommand", "Recommendation"]
    candidate, command, recommendation = published
    assert (candidate.episode, candidate.state, candidate.severity) == (1, CandidateState.OPEN, Severity.CRITICAL)
    assert candidate.classification is Classification.MEMORY_LEAK
    assert candidate.title.startswith("checkout: memory leak")
    assert candidate.evidence[0].topic == "alerts.sampled"
    assert (command.type, command.episode, command.expected_version) == (EventType.INCIDENT_OPENED, 1, None)
    assert json.loads(command.payload)["candidate_id"] == candidate.candidate_id
    assert (recommendation.action, recommendation.target) == (Action.RESTART, "checkout")


@pytest.mark.parametrize(("before_s", "alone"), [(None, True), (40, True), (20, False)])
def test_what_nothing_corroborates_within_half_a_minute_is_marked(
    run: StageRun, before_s: int | None, alone: bool
) -> None:
    """It opens at once, by its threshold, and says so; a metric that was off 20 s before makes it two sources' word."""
    if before_s is not None:
        run.take(ANOMALIES, anomaly(at=NOW - before_s * 1000), NOW - before_s * 1000)
    (told,) = candidates(heard(run, critical()))
    assert told.by_threshold is alone


def test_what_many_sources_say_alike_is_one_link_of_evidence(run: StageRun) -> None:
    """The newest; and no statement says its kind twice."""
    for nth in range(4):
        heard(run, alert("Slow", NOW + nth, source=f"host-{nth}", severity=Severity.WARNING))
    published = heard(run, critical(at=NOW + 10))
    assert [e.summary for e in candidates(published)[0].evidence] == [
        "WARNING Slow: Slow of checkout", "CRITICAL OutOfMemory: OutOfMemory of checkout",
    ]  # fmt: skip
    assert recommendations(published)[0].rationale.lower().replace("_", " ").count("memory leak") == 1


def test_it_opens_once(run: StageRun) -> None:
    """While the command is under way and while the episode is active, nothing opens another."""
    heard(run, critical())
    assert commands(heard(run, critical("Other", NOW + 10))) == []
    recorded(run, EventType.INCIDENT_OPENED, episode=1, version=1, at=NOW + 100)
    assert EventType.INCIDENT_OPENED not in commands(heard(run, critical("Third", NOW + 200)))


def test_a_warning_on_its_own_opens_nothing(run: StageRun) -> None:
    """However often it is repeated, at a usual rate."""
    assert all(heard(run, alert("W", NOW + i * 1000, severity=Severity.WARNING)) == [] for i in range(50))


def test_alerts_at_an_unusual_rate_open(run: StageRun) -> None:
    """Twenty alerts in a window of a service that was silent; nineteen warnings do not."""
    heard(run, alert("W", severity=Severity.WARNING))
    assert commands(run.take(ACCOUNT, account(19), NOW + 1000)) == []
    opening = run.take(ACCOUNT, account(20), NOW + 2000)
    assert EventType.INCIDENT_OPENED in commands(opening)
    assert "20 alerts in 10 s" in candidates(opening)[0].title


def test_errors_at_an_unusual_rate_open_sooner(run: StageRun) -> None:
    """Ten alerts, one of them an error."""
    heard(run, alert("E"))
    assert EventType.INCIDENT_OPENED in commands(run.take(ACCOUNT, account(10), NOW + 1000))


def test_the_account_may_come_before_its_alerts(run: StageRun) -> None:
    """Topics interleave as they like: the first condition that fires opens."""
    assert commands(run.take(ACCOUNT, account(30), NOW + 1000)) == []
    assert EventType.INCIDENT_OPENED in commands(heard(run, alert("W", severity=Severity.WARNING), NOW + 1500))


def test_a_storm_opens_and_is_put_on_record(run: StageRun) -> None:
    """First the episode, then the storm within it; its end may come after the episode's."""
    heard(run, alert("W", severity=Severity.WARNING))
    assert commands(run.take(STORMS, storm(), NOW + 10)) == [EventType.INCIDENT_OPENED, EventType.STORM_OPENED]
    recorded(run, EventType.INCIDENT_OPENED, version=1, at=NOW + 100)
    recorded(run, EventType.INCIDENT_RESOLVED, {"how": "x"}, version=2, at=NOW + 200)
    assert commands(run.take(STORMS, storm(open=False, at=NOW + 300), NOW + 300)) == [EventType.STORM_CLOSED]


def test_a_metric_anomaly_opens_when_it_repeats(run: StageRun) -> None:
    """Three within thirty seconds; two, or three over minutes, do not."""
    assert run.take(ANOMALIES, anomaly(at=NOW), NOW) == []
    assert run.take(ANOMALIES, anomaly(at=NOW + 40_000), NOW + 40_000) == []
    assert run.take(ANOMALIES, anomaly(at=NOW + 45_000), NOW + 45_000) == []
    found = run.take(ANOMALIES, anomaly(at=NOW + 50_000), NOW + 50_000)
    assert commands(found) == [EventType.INCIDENT_OPENED]
    assert candidates(found)[0].classification is Classification.MEMORY_LEAK


def test_series_that_measure_one_thing_repeat_nothing(run: StageRun) -> None:
    """Memory in bytes and as a ratio are unusual at the same moment."""
    for metric in ("memory_bytes", "memory_limit_ratio", "heap_bytes", "rss_bytes"):
        assert run.take(ANOMALIES, anomaly(metric, NOW), NOW) == []


def test_an_anomaly_for_the_better_opens_nothing(run: StageRun) -> None:
    """A restart gives memory back: far below the usual, and good."""
    for i in range(9):
        assert run.take(ANOMALIES, anomaly(at=NOW + i * 5000, value=0.1, expected=0.6), NOW + i * 5000) == []


@pytest.mark.parametrize("alert_first", [True, False])
def test_a_metric_that_is_far_off_opens_with_one_alert(run: StageRun, alert_first: bool) -> None:
    """In either order."""
    signals = [(SAMPLED, alert("W", severity=Severity.WARNING)), (ANOMALIES, anomaly(score=0.9995))]
    first, second = signals if alert_first else reversed(signals)
    assert run.take(*first, NOW) == []
    assert EventType.INCIDENT_OPENED in commands(run.take(*second, NOW + 10))


def test_nothing_opens_by_what_has_resolved(run: StageRun) -> None:
    """A flood of all-clears is a rate, and no trouble."""
    heard(run, alert("W", severity=Severity.WARNING))
    heard(run, resolved("W", NOW + 10))
    assert commands(run.take(ACCOUNT, account(500), NOW + 1000)) == []
    assert commands(run.take(STORMS, storm(at=NOW + 2000), NOW + 2000)) == []


# While it lasts


def test_a_change_of_kind_or_severity_is_told_at_most_every_five_seconds(run: StageRun) -> None:
    """An unknown trouble turns out a database failure; detection's remedy follows, by another id."""
    first = heard(run, critical("Strange"))
    assert recommendations(first)[0].confidence <= 0.3
    database = [critical(f"DatabaseDown{i}", NOW + 1000 + i) for i in range(5)]
    assert all(heard(run, each) == [] for each in database)
    told = run.tick(NOW + 5000)
    assert commands(told) == [EventType.INCIDENT_RECLASSIFIED]
    assert candidates(told)[0].classification is Classification.DATABASE_FAILURE
    assert recommendations(told)[0].action is Action.RESTART
    assert recommendations(told)[0].recommendation_id != recommendations(first)[0].recommendation_id
    assert run.tick(NOW + 11_000) == []


def test_severity_only_rises(run: StageRun) -> None:
    """A critical alert in an episode of errors raises it; calmer ones do not lower it."""
    heard(run, alert("E"))
    run.take(ACCOUNT, account(10), NOW + 100)
    heard(run, critical("C", NOW + 200))
    told = run.tick(NOW + 6000)
    assert candidates(told)[0].severity is Severity.CRITICAL
    heard(run, resolved("C", NOW + 7000))
    assert all(c.severity is Severity.CRITICAL for c in candidates(run.tick(NOW + 20_000)))


def test_more_certainty_is_another_recommendation_until_it_is_decided(run: StageRun) -> None:
    """Metrics join the alerts: the same remedy, surer. After the decision nobody asks."""
    first = recommendations(opened(run))[0]
    for i in range(3):
        run.take(ANOMALIES, anomaly("memory_bytes", NOW + 1000 + i), NOW + 1000 + i)
    run.take(ANOMALIES, anomaly("latency_ms", NOW + 2000), NOW + 2000)
    surer = recommendations(run.tick(NOW + 6000))
    assert len(surer) == 1
    assert surer[0].confidence >= first.confidence + 0.15
    recorded(run, EventType.DECISION_MADE, version=2, at=NOW + 7000)
    for i in range(9):
        heard(run, critical(f"DatabaseDown{i}", NOW + 8000 + i))
    assert recommendations(run.tick(NOW + 20_000)) == []


def test_more_certainty_is_told_while_a_human_shall_decide(run: StageRun) -> None:
    """Nothing is done yet: consensus may come to another mind."""
    opened(run)
    for i in range(3):
        run.take(ANOMALIES, anomaly("memory_bytes", NOW + 1000 + i), NOW + 1000 + i)
    recorded(run, EventType.DECISION_MADE, {"autonomous": False}, version=2, at=NOW + 2000)
    run.take(ANOMALIES, anomaly("latency_ms", NOW + 3000), NOW + 3000)
    assert len(recommendations(run.tick(NOW + 6000))) == 1


def test_the_account_is_put_on_record_every_five_seconds_and_to_the_last(run: StageRun) -> None:
    """What is held back is told by tick, so the totals on record end exact."""
    opened(run)
    told = [r for i in range(10) for r in run.take(ACCOUNT, account(i + 1, closed=i == 9), NOW + 1000 + i * 100)]
    assert commands(told) == [EventType.ALERTS_ACCOUNTED]
    last = run.tick(NOW + 7000)
    assert commands(last) == [EventType.ALERTS_ACCOUNTED]
    assert json.loads(last[0].payload) == {"received": 10, "kept": 10, "suppressed": 0, "late": 0, "dead_lettered": 0}
    assert run.tick(NOW + 20_000) == []


def test_of_two_accounts_the_one_that_counts_further_holds(run: StageRun) -> None:
    """They may be told of out of order by window."""
    opened(run)
    run.take(ACCOUNT, account(5, NOW + 10_000, total=50), NOW + 1000)
    run.take(ACCOUNT, account(9, NOW, total=40), NOW + 1100)
    run.tick(NOW + 7000)
    payloads = [json.loads(o.record.payload) for o in run.outputs if isinstance(o.record, IncidentCommand)]
    assert [p["received"] for p in payloads if "received" in p] == [50]


# Its end


def test_when_all_alerts_have_cleared_it_is_resolved(run: StageRun) -> None:
    """One that still fires holds it open."""
    opened(run)
    heard(run, alert("B", NOW + 1000))
    assert commands(heard(run, resolved("OutOfMemory", NOW + 20_000))) == []
    published = heard(run, resolved("B", NOW + 21_000))
    assert candidates(published)[-1].state is CandidateState.CLEARED
    assert commands(published) == [EventType.INCIDENT_RESOLVED]
    assert json.loads(next(r for r in published if isinstance(r, IncidentCommand)).payload) == {"how": "alerts cleared"}


def test_a_metric_that_is_still_unusual_holds_it_open(run: StageRun) -> None:
    """Ten seconds after the last anomaly the all-clear holds."""
    opened(run)
    run.take(ANOMALIES, anomaly(at=NOW + 15_000), NOW + 15_000)
    assert EventType.INCIDENT_RESOLVED not in commands(heard(run, resolved("OutOfMemory", NOW + 16_000)))
    assert EventType.INCIDENT_RESOLVED not in commands(run.tick(NOW + 24_000))
    assert EventType.INCIDENT_RESOLVED in commands(run.tick(NOW + 25_000))


def test_nothing_is_cleared_while_a_remedy_is_under_way(run: StageRun) -> None:
    """The executor's word on its outcome comes first; if it failed, the all-clear stands."""
    opened(run)
    recorded(run, EventType.ACTION_INTENDED, {"action_id": "a1"}, version=2, at=NOW + 5000)
    heard(run, resolved("OutOfMemory", NOW + 20_000))
    assert EventType.INCIDENT_RESOLVED not in commands(run.tick(NOW + 40_000))
    assert commands(run.tick(NOW + 2 * HOUR_MS)) == []
    recorded(run, EventType.ACTION_COMPLETED, {"action_id": "a1", "state": "FAILED"}, version=3, at=NOW + 50_000)
    assert EventType.INCIDENT_RESOLVED in commands(run.tick(NOW + 51_000))


def test_metrics_alone_resolve_it_when_they_have_been_calm_for_long(run: StageRun) -> None:
    """No alert can say that it is over."""
    for i in range(3):
        run.take(ANOMALIES, anomaly(at=NOW + i * 5000), NOW + i * 5000)
    recorded(run, EventType.INCIDENT_OPENED, version=1, at=NOW + 10_100)
    assert EventType.INCIDENT_RESOLVED not in commands(run.tick(NOW + 60_000))
    assert EventType.INCIDENT_RESOLVED in commands(run.tick(NOW + 311_000))


def test_silence_for_an_hour_of_arrival_closes_it(run: StageRun) -> None:
    """Nobody said that it is over, and nobody says anything any more."""
    opened(run)
    assert EventType.INCIDENT_CLOSED not in commands(run.tick(NOW + HOUR_MS - 1000))
    published = run.tick(NOW + HOUR_MS)
    assert commands(published) == [EventType.INCIDENT_CLOSED]
    assert candidates(published)[0].state is CandidateState.QUIET
    assert run.tick(NOW + 2 * HOUR_MS) == []


def test_an_hours_gap_in_event_time_closes_it_and_what_follows_opens_the_next(run: StageRun) -> None:
    """History that is fed in seconds has the episodes that it had when it happened."""
    heard(run, critical("First"), now=NOW + 9 * HOUR_MS)
    published = heard(run, critical("Second", NOW + 2 * HOUR_MS), now=NOW + 9 * HOUR_MS + 10)
    assert commands(published) == [EventType.INCIDENT_CLOSED, EventType.INCIDENT_OPENED]
    closed, opened_again = (r for r in published if isinstance(r, IncidentCommand))
    assert (closed.episode, closed.occurred_at) == (1, NOW + HOUR_MS)
    assert (opened_again.episode, opened_again.occurred_at) == (2, NOW + 2 * HOUR_MS)


def ended(run: StageRun, at: int) -> None:
    """Resolution has verified the service healthy."""
    opened(run)
    recorded(run, EventType.INCIDENT_RESOLVED, {"how": "restart verified healthy"}, version=2, at=at)


def test_echoes_of_an_ended_episode_open_nothing(run: StageRun) -> None:
    """Alerts that fired before the end, or arrive within the cool-down after it."""
    ended(run, NOW + 30_000)
    late = [critical(f"Late{i}", NOW + 29_000 + i) for i in range(30)]
    assert all(heard(run, each, NOW + 60_000) == [] for each in late)
    soon = [critical(f"Soon{i}", NOW + 31_000 + i) for i in range(30)]
    assert all(heard(run, each) == [] for each in soon)


def test_trouble_after_the_cool_down_opens_the_next_episode(run: StageRun) -> None:
    """A fingerprint that is known has to be repeated; the episode is the second."""
    ended(run, NOW + 30_000)
    again = [heard(run, critical("OutOfMemory", NOW + 50_000 + i * 1000)) for i in range(3)]
    assert [commands(published) for published in again] == [[], [], [EventType.INCIDENT_OPENED]]
    assert candidates(again[2])[0].episode == 2


def test_the_second_episode_ends_by_its_own_alerts(run: StageRun) -> None:
    """A condition of the first whose all-clear was lost does not hold it open."""
    opened(run)
    heard(run, alert("NeverResolved", NOW + 10))
    recorded(run, EventType.INCIDENT_RESOLVED, {"how": "x"}, version=2, at=NOW + 1000)
    heard(run, critical("New", NOW + 60_000))
    assert EventType.INCIDENT_RESOLVED in commands(heard(run, resolved("New", NOW + 90_000)))


# Events


def test_events_seen_twice_or_of_an_earlier_episode_change_nothing(run: StageRun) -> None:
    """Around a crash the log's tail is read again."""
    ended(run, NOW + 30_000)
    before = dict(run.states)
    recorded(run, EventType.INCIDENT_OPENED, version=1, at=NOW + 100)
    assert run.states == before
    heard(run, critical("New", NOW + 60_000))
    recorded(run, EventType.INCIDENT_CLOSED, {"reason": "quiet"}, episode=1, version=3, at=NOW + 61_000)
    assert run.state(INCIDENT).active


def test_an_episode_that_somebody_else_opened_is_taken_over(run: StageRun) -> None:
    """An operator's, or one from before this stage's state was lost: the next number is the log's."""
    recorded(run, EventType.INCIDENT_OPENED, {"service": "checkout"}, episode=7, version=40, at=NOW)
    assert EventType.INCIDENT_OPENED not in commands(heard(run, critical(at=NOW + 10)))
    recorded(run, EventType.INCIDENT_CLOSED, {"reason": "operator"}, episode=7, version=41, at=NOW + 1000)
    assert candidates(heard(run, critical("New", NOW + 60_000)))[0].episode == 8


def test_an_opening_that_the_log_never_confirms_may_be_tried_again_by_the_same_id(run: StageRun) -> None:
    """Refused or far behind: the sequencer takes the same command once."""
    first = heard(run, critical("A"))
    run.tick(NOW + 121_000)
    second = heard(run, critical("B", NOW + 122_000))
    ids = [next(r.command_id for r in published if isinstance(r, IncidentCommand)) for published in (first, second)]
    assert ids[0] == ids[1]


# At any time


def stream() -> list[tuple[Any, Any, int]]:
    """A whole life: alerts, anomalies, a storm, accounts, events, an end, another beginning."""
    life: list[tuple[Any, Any, int]] = []
    for i in range(40):
        at = NOW + i * 500
        life.append((SAMPLED, alert(f"Rule{i % 7}", at, source=f"s{i % 3}", severity=list(Severity)[i % 4]), at))
        if i % 3 == 0:
            life.append((ANOMALIES, anomaly(["memory_bytes", "latency_ms"][i % 2], at), at))
        if i % 5 == 0:
            life.append((ACCOUNT, account(i + 1, NOW + i // 20 * 10_000), at))
    life.insert(20, (STORMS, storm(at=NOW + 4000), NOW + 4000))
    opening = event(EventType.INCIDENT_OPENED, {"service": "checkout"}, version=1, at=NOW + 5000).record
    ending = event(EventType.INCIDENT_RESOLVED, {"how": "x"}, version=2, at=NOW + 19_000).record
    life.insert(25, (EVENTS, opening, NOW + 5000))
    life.append((EVENTS, ending, NOW + 20_000))
    life += [(SAMPLED, critical("Again", NOW + 60_000 + i), NOW + 60_000 + i) for i in range(5)]
    return life


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_after_a_crash_the_same_records_make_the_same_outputs(cut: int) -> None:
    """A batch decided on again with the state of before publishes what it published before, id for id."""
    run = StageRun(CandidatesStage())
    placed = [run.place(topic, record, at) for topic, record, at in stream()]
    for received in placed[:cut]:
        run.decide(received)
    before = dict(run.states)
    first = [run.decide(received) for received in placed[cut:]]
    run.states = before
    assert [run.decide(received) for received in placed[cut:]] == first


def test_deciding_changes_no_state_that_it_was_given() -> None:
    """The shell may have to go back to it."""
    run = StageRun(CandidatesStage())
    state = run.stage.initial(INCIDENT)
    for topic, record, at in stream():
        dumped = run.stage.dump(state)
        after = run.stage.decide(state, run.place(topic, record, at)).state
        assert run.stage.dump(state) == dumped
        state = after


def test_a_storm_of_a_hundred_thousand_fingerprints_leaves_a_small_state(run: StageRun) -> None:
    """Bounded, whatever producers invent; five thousand show it as well."""
    stage, state = run.stage, run.stage.initial(INCIDENT)
    for i in range(5000):
        each = critical(f"Rule{i}", NOW + i * 10, source=f"source-{i}", message="x" * 10_000)
        state = stage.decide(state, run.place(SAMPLED, each, each.occurred_at)).state
    assert len(json.dumps(stage.dump(state))) < 200_000


def test_many_series_that_are_off_at_once_open_as_surely_as_one(run: StageRun) -> None:
    """Six series a second: alarms of one second count as one, so that those remembered still last."""
    published: list[Any] = []
    for second in range(12):
        for metric in ("latency_ms", "error_ratio", "heap_bytes", "gc_pause_ms", "cpu_ratio", "open_fds"):
            at = NOW + second * 1000
            published += run.take(ANOMALIES, anomaly(metric, at, anomaly_id=f"{metric}-{at}"), at)
    assert commands(published)[0] == EventType.INCIDENT_OPENED


def test_few_errors_a_window_that_go_on_open(run: StageRun) -> None:
    """Two conditions that fire every eight seconds make no busy window; five errors in a minute are too many all the same."""
    published: list[Any] = []
    for number in range(3):
        for name in ("CheckoutFails", "OrdersMissing"):
            published += heard(run, alert(name, NOW + number * 8000))
    assert commands(published) == [EventType.INCIDENT_OPENED]
    assert "errors in a minute" in candidates(published)[0].title
