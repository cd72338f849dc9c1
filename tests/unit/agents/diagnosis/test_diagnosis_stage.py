"""The diagnosis of an episode: when it is made, what is published, what it forgets."""

import json
from itertools import pairwise
from typing import Any

import pytest

from agents.diagnosis.diagnosis_stage import DiagnosisRules, DiagnosisStage
from schemas.records.analysis import CandidateState, Diagnosis, Recommendation
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Action, Agent, AlertStatus, Classification, Severity
from state.incident import EventType
from streams.stage import Received
from streams.topics import ANOMALIES, CANDIDATES, DIAGNOSES, EVENTS, LOGS, SAMPLED, TOPOLOGY, Topic
from tests.support.stage_run import StageRun
from tests.support.symptoms import alert, anomaly, candidate, edge, incident_of, leak, line
from tests.support.votes import NOW, completed, event

S = 1000
CHECKOUT = incident_of("checkout")
LEAK = Classification.MEMORY_LEAK
CASCADE = Classification.CASCADE


@pytest.fixture
def run() -> StageRun:
    """The stage with its default numbers."""
    return StageRun(DiagnosisStage())


def see(run: StageRun, topic: Topic, record: Any, now: int = NOW) -> Received[Any]:
    """A record that the view takes; its place."""
    received = run.place(topic, record, now)
    run.stage.observe(received)
    return received


def of_checkout(kind: EventType, episode: int = 1, **payload: Any) -> Any:
    """An event of checkout's incident."""
    told = completed(payload["state"], episode=episode) if "state" in payload else event(kind, episode, payload)
    return type(told)(**{name: getattr(told, name) for name in told.__slots__} | {"incident_id": CHECKOUT})


def symptoms(run: StageRun, now: int = NOW) -> list[Any]:
    """Memory rises, the heap is told of, an alert fires; what the stage makes of it."""
    return [
        *run.take(SAMPLED, alert("MemoryPressure", "memory at 90 %"), now),
        *run.take(ANOMALIES, leak(), now),
        *run.take(LOGS, line(), now),
    ]


def test_evidence_alone_is_no_incident(run: StageRun) -> None:
    """Nothing is said before detection says that an incident is open."""
    assert symptoms(run) == []
    assert run.tick(NOW + 60 * S) == []


def test_two_kinds_of_evidence_are_diagnosed_at_once(run: StageRun) -> None:
    """A diagnosis, its fact for the event store, and what diagnosis would do."""
    symptoms(run)
    diagnosis, fact, vote = run.take(CANDIDATES, candidate(LEAK), NOW)
    assert isinstance(diagnosis, Diagnosis)
    assert (diagnosis.root_cause, diagnosis.classification) == ("checkout: memory leak", LEAK)
    assert (diagnosis.partial, diagnosis.parent_incident_id, diagnosis.episode) == (False, None, 1)
    assert isinstance(fact, IncidentCommand)
    assert (fact.type, json.loads(fact.payload)["diagnosis_id"]) == (EventType.DIAGNOSIS_MADE, diagnosis.diagnosis_id)
    assert isinstance(vote, Recommendation)
    assert (vote.agent, vote.action, vote.target, vote.abstains) == (Agent.DIAGNOSIS, Action.RESTART, "checkout", False)
    assert vote.confidence == diagnosis.confidence > 0.7


def test_evidence_that_comes_late_makes_an_unsure_diagnosis_surer(run: StageRun) -> None:
    """Without metrics it is said at once, and unsurely; when they come, it is said again, before a human has to."""
    run.take(SAMPLED, alert("MemoryPressure", "memory at 90 %"), NOW)
    run.take(LOGS, line(), NOW)
    first = run.take(CANDIDATES, candidate(LEAK), NOW)[2]
    assert first.confidence < 0.85
    assert run.take(ANOMALIES, leak(), NOW + 2 * S) == []
    second = run.tick(NOW + 12 * S)[2]
    assert (second.agent, second.action) == (Agent.DIAGNOSIS, first.action)
    assert second.confidence >= first.confidence + 0.1


def test_every_link_of_the_chain_names_its_record(run: StageRun) -> None:
    """By topic, partition and offset, of each kind of evidence that was there."""
    symptoms(run)
    vote = run.take(CANDIDATES, candidate(LEAK), NOW)[2]
    assert {e.topic for e in vote.evidence} == {"alerts.sampled", "anomalies", "logs", "incident.candidates"}
    assert all(e.offset >= 0 and e.summary for e in vote.evidence)


def test_hypotheses_come_most_likely_first(run: StageRun) -> None:
    """Those that were not believed are told too."""
    run.take(SAMPLED, alert("SlowQueries", "database queries wait"), NOW)
    symptoms(run)
    diagnosis = run.take(CANDIDATES, candidate(LEAK), NOW)[0]
    shares = [h.confidence for h in diagnosis.hypotheses]
    assert shares == sorted(shares, reverse=True)
    assert {h.classification for h in diagnosis.hypotheses} >= {LEAK, Classification.DATABASE_FAILURE}


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_cascade_names_the_service_at_its_root(run: StageRun, depth: int) -> None:
    """Linked under its incident; nothing is done to the one that suffers, and the view's records are in the evidence."""
    names = ["storefront", *[f"s{n}" for n in range(1, depth)], "checkout"]
    seen = [see(run, TOPOLOGY, edge(a, b)) for a, b in pairwise(names)]
    seen += [see(run, ANOMALIES, leak("checkout")), see(run, TOPOLOGY, edge("checkout", "storefront"))]
    run.take(SAMPLED, alert("UpstreamTimeout", "timed out waiting for checkout", service="storefront"), NOW)
    diagnosis, _, vote = run.take(CANDIDATES, candidate(CASCADE, service="storefront"), NOW)
    assert diagnosis.root_cause == "checkout (upstream): memory leak"
    assert diagnosis.classification == CASCADE
    assert diagnosis.parent_incident_id == CHECKOUT
    assert (vote.action, vote.target) == (Action.NOOP, "storefront")
    assert "checkout" in vote.rationale
    places = {(e.topic, e.offset) for e in diagnosis.hypotheses[0].evidence}
    assert {(r.position.topic, r.position.offset) for r in seen[:-1]} <= places


def test_a_cascade_names_the_cause_that_its_origin_was_diagnosed_of(run: StageRun) -> None:
    """Its series alone may be read in two ways."""
    see(run, TOPOLOGY, edge("storefront", "checkout"))
    run.take(LOGS, line("database connection pool exhausted", level=Severity.ERROR), NOW)
    see(run, ANOMALIES, anomaly("cpu_ratio"))
    run.take(ANOMALIES, anomaly("db_errors"), NOW)
    parent = run.take(CANDIDATES, candidate(Classification.DATABASE_FAILURE), NOW)[0]
    told = see(run, DIAGNOSES, parent)
    run.take(SAMPLED, alert("UpstreamTimeout", "timed out waiting for checkout", service="storefront"), NOW)
    diagnosis = run.take(CANDIDATES, candidate(CASCADE, service="storefront"), NOW)[0]
    assert diagnosis.root_cause == "checkout (upstream): database failure"
    assert told.position.topic in {e.topic for e in diagnosis.hypotheses[0].evidence}


def test_with_one_kind_of_evidence_it_waits_and_then_says_what_it_can(run: StageRun) -> None:
    """Five seconds, then a partial diagnosis that claims little."""
    run.take(SAMPLED, alert(), NOW)
    assert run.take(CANDIDATES, candidate(), NOW) == []
    assert run.tick(NOW + 4 * S) == []
    diagnosis, _, vote = run.tick(NOW + 5 * S)
    assert diagnosis.partial
    assert diagnosis.root_cause == "checkout: unknown cause"
    assert (vote.action, vote.confidence) == (Action.NOOP, 0.1)


def test_no_evidence_at_all_is_partial_too(run: StageRun) -> None:
    """The candidate may rest on what this stage does not read."""
    run.take(CANDIDATES, candidate(), NOW)
    assert run.tick(NOW + 5 * S)[0].partial


def test_the_wait_ends_when_a_second_kind_comes(run: StageRun) -> None:
    """Or, without ticks, with the first record after it."""
    run.take(CANDIDATES, candidate(LEAK), NOW)
    assert run.take(ANOMALIES, leak(), NOW + S) == []
    assert run.take(LOGS, line("java.lang.OutOfMemoryError"), NOW + 2 * S)[0].root_cause == "checkout: memory leak"
    run.take(CANDIDATES, candidate(service="cart"), NOW)
    assert run.take(SAMPLED, alert(service="cart"), NOW + 6 * S)[0].partial


def test_a_cascade_waits_for_its_origin_to_show(run: StageRun) -> None:
    """Its own evidence would only mislead."""
    see(run, TOPOLOGY, edge("checkout", "orders-db"))
    symptoms(run)
    assert run.take(CANDIDATES, candidate(CASCADE), NOW) == []
    see(run, ANOMALIES, anomaly("db_errors", service="orders-db"))
    run.take(SAMPLED, alert("Odd", "something"), NOW + S)
    assert run.tick(NOW + 5 * S)[0].hypotheses[0].confidence > 0.5


def test_it_diagnoses_again_when_the_candidate_is_reclassified(run: StageRun) -> None:
    """Ten seconds after the last at the earliest, with another id."""
    symptoms(run)
    first = run.take(CANDIDATES, candidate(LEAK), NOW)[0]
    assert run.take(CANDIDATES, candidate(LEAK, confidence=0.9), NOW + S) == []
    assert run.take(CANDIDATES, candidate(Classification.DDOS), NOW + 2 * S) == []
    assert run.tick(NOW + 9 * S) == []
    second = run.tick(NOW + 10 * S)[0]
    assert second.diagnosis_id != first.diagnosis_id
    assert run.tick(NOW + 60 * S) == []


def test_more_evidence_completes_a_partial_diagnosis(run: StageRun) -> None:
    """Once; evidence that changes nothing is not worth a word."""
    run.take(CANDIDATES, candidate(), NOW)
    assert run.tick(NOW + 5 * S)[0].partial
    run.take(SAMPLED, alert(), NOW + 6 * S)
    assert run.tick(NOW + 15 * S) == []
    symptoms(run, NOW + 16 * S)
    assert run.tick(NOW + 25 * S)[0].root_cause == "checkout: memory leak"
    symptoms(run, NOW + 30 * S)
    assert run.tick(NOW + 60 * S) == []


def test_after_a_decision_it_keeps_quiet_until_an_action_failed(run: StageRun) -> None:
    """People and machines act on what was decided."""
    symptoms(run)
    run.take(CANDIDATES, candidate(LEAK), NOW)
    run.take(EVENTS, of_checkout(EventType.DECISION_MADE), NOW)
    run.take(CANDIDATES, candidate(Classification.DDOS), NOW + 20 * S)
    assert run.tick(NOW + 40 * S) == []
    run.take(EVENTS, of_checkout(EventType.ACTION_COMPLETED, state="FAILED"), NOW + 41 * S)
    assert run.take(CANDIDATES, candidate(Classification.UNKNOWN), NOW + 42 * S) != []


def test_a_human_who_shall_decide_is_told_what_is_known_since(run: StageRun) -> None:
    """A faint sign had no cause, and nobody acts yet; then the fault shows itself."""
    run.take(CANDIDATES, candidate(), NOW)
    assert run.tick(NOW + 5 * S)[0].partial
    run.take(EVENTS, of_checkout(EventType.DECISION_MADE, autonomous=False), NOW + 30 * S)
    told = [*symptoms(run, NOW + 40 * S), *run.tick(NOW + 60 * S)]
    assert [each.root_cause for each in told if isinstance(each, Diagnosis)][-1] == "checkout: memory leak"


@pytest.mark.parametrize("state", [CandidateState.CLEARED, CandidateState.QUIET])
def test_an_episodes_end_clears_the_evidence(run: StageRun, state: CandidateState) -> None:
    """What was said of it is not said of the next one."""
    symptoms(run)
    run.take(CANDIDATES, candidate(LEAK), NOW)
    run.take(CANDIDATES, candidate(LEAK, state=state), NOW + S)
    assert run.state(CHECKOUT).empty
    assert not run.stage.waits(run.state(CHECKOUT))
    assert run.take(CANDIDATES, candidate(LEAK), NOW + 2 * S) == []
    run.take(CANDIDATES, candidate(episode=2), NOW + 60 * S)
    assert run.tick(NOW + 65 * S)[0].root_cause == "checkout: unknown cause"


def test_an_end_on_record_clears_the_evidence(run: StageRun) -> None:
    """Resolution ended the episode; an end of an earlier one says nothing."""
    symptoms(run)
    run.take(CANDIDATES, candidate(LEAK, episode=2), NOW)
    run.take(EVENTS, of_checkout(EventType.INCIDENT_RESOLVED, 1), NOW)
    assert not run.state(CHECKOUT).empty
    run.take(EVENTS, of_checkout(EventType.INCIDENT_RESOLVED, 2), NOW)
    assert run.state(CHECKOUT).empty


def test_a_later_episode_does_not_rest_on_what_the_former_was_diagnosed_of(run: StageRun) -> None:
    """Its end was not heard; only what came since counts."""
    symptoms(run)
    run.take(CANDIDATES, candidate(LEAK), NOW)
    run.take(ANOMALIES, anomaly("request_rate"), NOW + 30 * S)
    run.take(CANDIDATES, candidate(episode=2), NOW + 31 * S)
    state = run.state(CHECKOUT)
    assert (state.alerts, [a.metric for a in state.anomalies], state.logs) == ([], ["request_rate"], [])


def test_a_resolved_alert_is_no_evidence(run: StageRun) -> None:
    """The condition behind it is over."""
    run.take(SAMPLED, alert("OutOfMemory"), NOW)
    run.take(SAMPLED, alert("OutOfMemory", status=AlertStatus.RESOLVED), NOW)
    run.take(CANDIDATES, candidate(), NOW)
    assert run.tick(NOW + 5 * S)[0].root_cause == "checkout: unknown cause"


def test_hostile_lines_make_no_state_and_break_nothing(run: StageRun) -> None:
    """Nor does chatter."""
    for message in ("\x00\x01heap", "heap \u202e", "x" * 200_000, "", "GET / 200"):
        run.take(LOGS, line(message, level=Severity.INFO), NOW)
    assert run.states == {}
    run.take(SAMPLED, alert("Odd\x1b[2J", "\x00" * 5000 + "heap at 99 %"), NOW)
    run.take(LOGS, line("heap full", level=Severity.ERROR), NOW)
    vote = run.take(CANDIDATES, candidate(LEAK), NOW)[2]
    assert all(character.isprintable() for link in vote.evidence for character in link.summary)


def test_evidence_is_bounded_by_number_size_and_age(run: StageRun) -> None:
    """Of any volume the state stays below 40 KB."""
    for n in range(60):
        run.take(SAMPLED, alert(f"Alert{n}", "m" * 20_000, fingerprint=str(n)), NOW)
        run.take(ANOMALIES, anomaly(f"metric_{n}"), NOW)
        run.take(LOGS, line("error " + "abcdefghij"[n % 10] * n + " y" * 2_000, level=Severity.ERROR), NOW)
    assert len(run.states[CHECKOUT]) < 40_000
    assert (len(run.state(CHECKOUT).alerts), len(run.state(CHECKOUT).anomalies)) == (24, 16)
    run.take(LOGS, line(), NOW + 301 * S)
    assert (run.state(CHECKOUT).alerts, len(run.state(CHECKOUT).logs)) == ([], 1)


def test_an_incident_of_which_nothing_comes_is_forgotten(run: StageRun) -> None:
    """Most services never have one."""
    symptoms(run)
    assert run.stage.waits(run.state(CHECKOUT))
    run.tick(NOW + 900 * S)
    assert CHECKOUT in run.states
    run.tick(NOW + 901 * S)
    assert run.states == {}


def test_a_redelivered_record_makes_the_same_records(run: StageRun) -> None:
    """The worker died after publishing and before its state was written."""
    symptoms(run)
    before = dict(run.states)
    received = run.place(CANDIDATES, candidate(LEAK), NOW)
    published = run.decide(received)
    run.states = before
    assert run.decide(received) == published


def test_a_diagnosis_made_twice_by_ticks_has_one_id(run: StageRun) -> None:
    """The later clock says another time, but the event store takes it once."""
    run.take(CANDIDATES, candidate(), NOW)
    before = dict(run.states)
    first = run.tick(NOW + 5 * S)
    run.states = before
    second = run.tick(NOW + 9 * S)
    assert [first[0].diagnosis_id, first[1].command_id, first[2].recommendation_id] == [
        second[0].diagnosis_id, second[1].command_id, second[2].recommendation_id]  # fmt: skip


def test_rules_are_settings() -> None:
    """A wait of zero diagnoses at once."""
    run = StageRun(DiagnosisStage(DiagnosisRules(wait_s=0.0)))
    assert run.take(CANDIDATES, candidate(), NOW)[0].partial
