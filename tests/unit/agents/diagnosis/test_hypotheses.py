"""Competing explanations: how signals combine, how explanations compete, what missing sources cost."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.diagnosis.causes import Sign, mentions, signs_in, signs_of
from agents.diagnosis.evidence import with_alert, with_anomaly
from agents.diagnosis.hypotheses import LEAST_CONFIDENCE, MOST_BELIEF, Explanation, belief, best_of, explain, is_unknown
from agents.diagnosis.log_evidence import with_line
from agents.diagnosis.neighbourhood import Neighbourhood
from agents.diagnosis.remedies import action_for, confidence_in, root_cause
from agents.diagnosis.signals import Case, Signal
from schemas.records.analysis import Anomaly, IncidentCandidate
from schemas.records.intake import Alert, LogLine, TopologyEdge
from schemas.records.vocabulary import Action, Classification, Severity
from streams.stage import Position, Received
from tests.support.symptoms import ENVIRONMENT, NOW, TENANT, alert, anomaly, candidate, edge, leak, line

LEAK = Classification.MEMORY_LEAK


def case_of(told: IncidentCandidate, *records: Any, now: int = NOW) -> Case:
    """The case of these records; edges and other services' anomalies go into the view. Offsets are numbers in the list."""
    view, alerts, anomalies, logs = Neighbourhood(), [], [], []  # type: ignore[var-annotated]
    for offset, record in enumerate(records):
        received = Received(record, Position("topic", 0, offset, NOW))
        if isinstance(record, TopologyEdge) or (isinstance(record, Anomaly) and record.service != told.service):
            view.observe(received)
        elif isinstance(record, Alert):
            alerts = with_alert(alerts, received, 24)
        elif isinstance(record, Anomaly):
            anomalies = with_anomaly(anomalies, received, 16)
        elif isinstance(record, LogLine):
            logs = with_line(logs, received, 16)
    suspects = view.suspects((TENANT, ENVIRONMENT, told.service), now, told.occurred_at)
    guess = Position("incident.candidates", 0, 0, NOW).evidence("candidate")
    return Case(candidate=told, guess=guess, alerts=alerts, anomalies=anomalies, logs=logs, suspects=suspects, now=now)


def explained(told: IncidentCandidate, *records: Any, now: int = NOW) -> list[Explanation]:
    """The explanations of these records."""
    return explain(case_of(told, *records, now=now))


def signal(strength: float, source: str = "alerts") -> Signal:
    """A signal for a memory leak."""
    return Signal(source, Sign(LEAK, strength), "", ())


def test_a_memory_leak_is_found_from_metrics_logs_and_alerts() -> None:
    """The demonstration's own symptoms."""
    best = best_of(
        explained(
            candidate(LEAK),
            alert("OutOfMemory", "checkout cannot allocate memory, heap at 97 % of limit"),
            leak(),
            line("GC overhead: 31% of the last second went into garbage collection"),
        )
    )
    assert root_cause(best) == "checkout: memory leak"
    assert action_for(best) == Action.RESTART
    assert best.hypothesis.confidence > 0.9


def test_a_cascade_is_laid_to_the_service_upstream() -> None:
    """Nothing is done to the one that suffers."""
    best = best_of(
        explained(
            candidate(Classification.CASCADE, service="storefront"),
            edge("storefront", "checkout"),
            alert("UpstreamTimeout", "storefront timed out waiting for checkout", service="storefront"),
            leak("checkout"),
        )
    )
    assert root_cause(best) == "checkout (upstream): memory leak"
    assert action_for(best) == Action.NOOP
    assert best.hypothesis.confidence > 0.8


def test_a_cause_five_services_away_is_found() -> None:
    """Silent services between lower the confidence, they do not hide it."""
    chain = [edge(f"s{n}", f"s{n + 1}") for n in range(5)]
    told = candidate(Classification.CASCADE, service="s0")
    silent = best_of(explained(told, *chain, alert(service="s0"), leak("s5")))
    loud = best_of(
        explained(told, *chain, alert(service="s0"), leak("s5"), *[anomaly(service=f"s{n}") for n in range(1, 5)])
    )
    assert silent.hypothesis.service == loud.hypothesis.service == "s5"
    assert LEAST_CONFIDENCE < silent.hypothesis.confidence < loud.hypothesis.confidence


def test_an_own_cause_outweighs_a_neighbour_in_a_cycle() -> None:
    """Checkout leaks; payments, which it needs and which needs it, suffers."""
    best = best_of(
        explained(
            candidate(LEAK), edge("checkout", "payments"), edge("payments", "checkout"), anomaly(service="payments"),
            leak(), line(), alert("MemoryPressure", "memory at 90 % and rising"),
        )
    )  # fmt: skip
    assert root_cause(best) == "checkout: memory leak"


def test_trouble_that_began_later_upstream_is_less_likely_the_cause() -> None:
    """A cause comes before its effect, clocks allowed for."""
    told = candidate(service="web")
    early = best_of(explained(told, edge("web", "db"), alert(service="web"), anomaly("db_errors", service="db")))
    late = best_of(
        explained(told, edge("web", "db"), alert(service="web"), anomaly("db_errors", service="db", at=NOW + 61_000))
    )
    assert late.hypothesis.confidence < early.hypothesis.confidence


def test_one_unusual_service_of_very_many_is_likely_chance() -> None:
    """At a score of 0.99 every hundredth series is that unusual on any day."""
    few = [edge("web", f"s{n}") for n in range(3)]
    many = [edge("web", f"s{n}") for n in range(100)]
    told, strange = candidate(service="web"), anomaly(service="s1", score=0.99)
    assert best_of(explained(told, *few, alert(service="web"), strange)).suspect is not None
    assert is_unknown(best_of(explained(told, *many, alert(service="web"), strange)))


def test_what_names_a_needed_service_is_no_sign_of_an_own_cause() -> None:
    """ "orders-db returns errors" does not say that checkout's database failed."""
    told = candidate(Classification.CASCADE)
    found = explained(
        told,
        edge("checkout", "orders-db"),
        leak("orders-db"),
        alert(message="checkout fails: orders-db returns errors"),
    )
    assert not any(e.suspect is None and e.hypothesis.classification == Classification.DATABASE_FAILURE for e in found)


def test_without_evidence_the_cause_is_unknown_and_nothing_is_done() -> None:
    """With the least confidence there is."""
    best = best_of(explained(candidate()))
    assert is_unknown(best)
    assert (action_for(best), confidence_in(best)) == (Action.NOOP, LEAST_CONFIDENCE)
    assert root_cause(best) == "checkout: unknown cause"


def test_explanations_compete_and_come_in_order() -> None:
    """The most likely first; with the unknown cause they make up the whole."""
    found = explained(
        candidate(LEAK),
        leak(),
        line(),
        alert("SlowQueries", "database queries wait"),
        anomaly("request_rate", value=900),
    )
    shares = [e.hypothesis.confidence for e in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=1e-5)
    kinds = {e.hypothesis.classification for e in found}
    assert {LEAK, Classification.DATABASE_FAILURE, Classification.DDOS, Classification.UNKNOWN} <= kinds


def test_a_rival_lowers_confidence() -> None:
    """The same evidence for a leak is worth less where something else is as likely."""
    alone = best_of(explained(candidate(LEAK), leak(), line(), alert()))
    contested = best_of(
        explained(
            candidate(LEAK), leak(), line(), alert("DeadlockDetected", "too many connections"), line("sql deadlock")
        )
    )
    assert contested.hypothesis.confidence < alone.hypothesis.confidence


def test_missing_sources_cost_confidence_and_are_named() -> None:
    """Logs 0.2, metrics 0.15; a single kind 0.4 more; never below 0.1."""
    whole = best_of(explained(candidate(LEAK), leak(), line(), alert("MemoryPressure")))
    logless = best_of(explained(candidate(LEAK), leak(), alert("MemoryPressure")))
    alone = explained(candidate(LEAK), alert("OutOfMemory", "heap at 99 %"))
    assert whole.hypothesis.confidence - logless.hypothesis.confidence > 0.2
    assert "Without logs." in logless.hypothesis.rationale
    assert next(e for e in alone if not is_unknown(e)).hypothesis.confidence == LEAST_CONFIDENCE
    assert is_unknown(best_of(alone))


def test_stale_evidence_costs_a_little() -> None:
    """Nothing was heard for over a minute."""
    records = (leak(), line(), alert())
    fresh = best_of(explained(candidate(LEAK), *records))
    stale = best_of(explained(candidate(LEAK), *records, now=NOW + 61_000))
    assert fresh.hypothesis.confidence - stale.hypothesis.confidence == pytest.approx(0.05)


def test_repetition_within_a_source_adds_little_and_another_source_adds_much() -> None:
    """A hundred alerts are not a hundred witnesses."""
    assert belief([signal(0.6)]) == pytest.approx(0.6)
    assert belief([signal(0.6), signal(0.6)]) == pytest.approx(1 - 0.4 * 0.7)
    assert belief([signal(0.6), signal(0.6, "logs")]) == pytest.approx(1 - 0.4 * 0.4)
    assert belief([signal(0.6)] * 100) < belief([signal(0.6), signal(0.6), signal(0.6, "logs")])


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["alerts", "logs", "metrics"])), max_size=4))
def test_belief_does_not_depend_on_the_order_of_signals(drawn: list[tuple[float, str]]) -> None:
    """And stays within its range."""
    beliefs = {belief(ordered) for ordered in permutations([signal(s, source) for s, source in drawn])}
    assert len(beliefs) == 1
    assert 0.0 <= beliefs.pop() <= MOST_BELIEF


def test_evidence_names_places_and_is_bounded() -> None:
    """Every hypothesis that anything speaks for says where; the view's records are never cut off."""
    chain = [edge(f"s{n}", f"s{n + 1}") for n in range(5)]
    alerts = [alert(f"A{n}", "waiting on s1 and s5", service="s0") for n in range(30)]
    best = best_of(explained(candidate(Classification.CASCADE, service="s0"), *chain, *alerts, leak("s5")))
    places = [e.offset for e in best.hypothesis.evidence]
    assert len(places) <= 12
    assert set(range(5)) <= set(places)
    assert len(chain) + len(alerts) in places


def test_one_alert_of_many_sources_is_told_once() -> None:
    """Its words, and a link to one of its records, stand for all that say the same; the other evidence is not crowded out."""
    fired = [alert("OutOfMemory", "heap full", fingerprint=f"host-{n}") for n in range(20)]
    best = best_of(explained(candidate(Classification.MEMORY_LEAK), *fired, leak())).hypothesis
    summaries = [record.summary for record in best.evidence]
    assert len(set(summaries)) == len(summaries)
    assert sum("OutOfMemory" in summary for summary in summaries) == 1
    assert best.rationale.count("OutOfMemory") == 1
    assert "alert OutOfMemory x20" in best.rationale


def test_the_last_of_several_records_is_told_from_the_first() -> None:
    """After what is new: readers see one record of each fact before a second of any."""
    lines = [line(f"OutOfMemoryError: heap at {percent} %") for percent in (81, 82, 83)]
    fired = [alert("OutOfMemory", "heap full")] * 2
    best = best_of(explained(candidate(Classification.MEMORY_LEAK), *lines, *fired)).hypothesis
    summaries = [record.summary for record in best.evidence]
    assert len(set(summaries)) == len(summaries)
    lasts = [n for n, summary in enumerate(summaries) if "(last of" in summary]
    assert lasts == [len(summaries) - 2, len(summaries) - 1]


@pytest.mark.parametrize(
    ("records", "classification", "action"),
    [
        ([anomaly("request_rate", value=900), line("traffic flood: 900 requests/s")], Classification.DDOS, Action.SCALE_UP),
        ([anomaly("db_query_ms"), line("database connection pool exhausted")], Classification.DATABASE_FAILURE, Action.RESTART),
        ([anomaly("disk_used_ratio"), line("no space left on device")], Classification.RESOURCE_EXHAUSTION, Action.RESTART),
        ([anomaly("cpu_ratio"), line("CPU throttled for 4 s")], Classification.RESOURCE_EXHAUSTION, Action.SCALE_UP),
        (
            [anomaly("error_rate"), line("NoSuchMethodError since the release", level=Severity.ERROR)],
            Classification.DEPLOYMENT_REGRESSION, Action.ROLLBACK,
        ),
        ([anomaly("packet_loss"), line("no route to host")], Classification.NETWORK, Action.NOOP),
    ],
)  # fmt: skip
def test_each_cause_has_its_remedy(records: list[Any], classification: Classification, action: Action) -> None:
    """Named by detection, by a metric or its log, and by an alert that says nothing."""
    best = best_of(explained(candidate(classification), alert(), *records))
    assert best.hypothesis.classification == classification
    assert action_for(best) == action


def test_what_ails_a_suspect_is_read_from_its_series_and_its_name() -> None:
    """A pool that runs dry says little of itself; of a database it says that the database fails."""
    told, pool = candidate(Classification.CASCADE, service="cart"), "pool_in_use_ratio"
    for needed, words in (("orders-db", "database failure"), ("payments", "resource exhaustion")):
        best = best_of(explained(told, edge("cart", needed), anomaly(pool, service=needed), alert(service="cart")))
        assert root_cause(best) == f"{needed} (upstream): {words}"


def test_names_are_read_in_any_spelling() -> None:
    """Alert rules are named in camel case, metrics in snake case."""
    assert signs_in("KubePodOOMKilled")[0].classification == LEAK
    assert signs_in("CPUThrottlingHigh")[0].load
    assert signs_in("all is well") == ()
    assert mentions("timeout calling mobile_api", "mobile-api")
    assert not mentions("the cartoon service", "cart")


def test_memory_that_is_high_but_does_not_rise_is_no_leak() -> None:
    """It is merely short."""
    fact = with_anomaly([], Received(anomaly("memory_bytes", trend=0.0), Position("anomalies", 0, 0, NOW)), 4)[0]
    assert [s.classification for s in signs_of(fact)] == [Classification.RESOURCE_EXHAUSTION]
