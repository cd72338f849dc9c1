"""Decisions made again: alike where nothing changed, and the first one that differs where anything did."""

import itertools
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.reexecution.errors import EffectSealedError, NothingRecordedError
from ops.reexecution.outcome import Verdict, Window
from ops.reexecution.recording import Recording
from ops.reexecution.rerun import rerun, stages_of
from ops.reexecution.seal import sealed
from ops.settings import Settings
from schemas.codec import Codec
from schemas.records.analysis import IncidentCandidate
from schemas.records.command import Decision
from schemas.records.grouping import GroupChange
from schemas.records.journal import StepTaken
from schemas.records.log import IncidentCommand, IncidentEvent
from state.chain import GENESIS, seal
from state.incident import EventType
from streams.answers import Answers
from streams.journal import Basis
from streams.stage import Output, Received, Stage, Step
from streams.topics import (
    BY_NAME,
    CANDIDATES,
    COMMANDS,
    DECISIONS,
    DIAGNOSES,
    EVENTS,
    GROUPS,
    JOURNAL,
    METRICS,
    RECOMMENDATIONS,
    SAMPLED,
    Topic,
)
from tests.support.recorded_run import PARTITION, lived

SEED = 16  # opened, predicted, diagnosed, decided, restarted, resolved


@pytest.fixture(scope="module")
def recording() -> Recording:
    """An incident from its first alert to its end."""
    return lived(SEED).recording()


def changed(recording: Recording, topic: Topic, number: int, **fields: Any) -> Recording:
    """The recording with fields of one record said otherwise."""
    raws = list(recording.records[topic.name])
    codec: Codec[Any] = Codec(topic.record)
    record = replace(codec.decode(raws[number].value), **fields)
    raws[number] = replace(raws[number], value=codec.encode(record))
    return replace(recording, records={**recording.records, topic.name: raws})


def without(recording: Recording, topic: Topic, before: int) -> Recording:
    """The recording after retention took a topic's first records."""
    raws = [raw for raw in recording.records[topic.name] if raw.offset >= before]
    begins = {**recording.begins, (topic.name, PARTITION): before}
    return replace(recording, records={**recording.records, topic.name: raws}, begins=begins)


def first(verdict: Verdict) -> tuple[str, str, int]:
    """Of the first divergence: stage, topic, offset."""
    found = verdict.divergences[0]
    return found.stage, found.topic, found.offset


# Alike


def test_a_recorded_incident_is_decided_alike(recording: Recording) -> None:
    """Every stage from the metric to the notice, and the chain of events, come out as they are on record."""
    verdict = rerun(recording)
    assert (verdict.result, verdict.missing, verdict.same_code) == ("identical", (), True)
    decided = {
        "metrics",
        "forecasts",
        "candidates",
        "warnings",
        "diagnosis",
        "consensus",
        "planning",
        "notices",
        "ledger",
    }
    assert set(verdict.by_stage) == decided
    assert verdict.decisions == sum(verdict.by_stage.values()) > 40


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), deaths=st.sampled_from([0.0, 0.03, 0.3]))
def test_random_incidents_are_decided_alike(seed: int, deaths: float) -> None:
    """In whatever order topics were read, in whatever batches, however often a worker died, or did not know that it had."""
    verdict = rerun(lived(seed, deaths=deaths).recording())
    assert (verdict.result, verdict.divergences, verdict.missing) == ("identical", (), ())


@pytest.mark.parametrize("change", [GroupChange.JOINED, GroupChange.TAKEN])
def test_what_grouping_told_is_decided_on_alike(change: GroupChange) -> None:
    """An incident that answers for a member, and one that another answers for."""
    found = next(recording for recording in map(_grouped, range(60)) if change in _changes(recording))
    verdict = rerun(found)
    assert (verdict.result, verdict.divergences, verdict.missing) == ("identical", (), ())
    parents = {raw.parent_incident_id for raw in _all(found, CANDIDATES)}
    assert ("inc-database" in parents) == (change is GroupChange.TAKEN)


def _grouped(seed: int) -> Recording:
    return lived(seed, 45).recording()


def _all(recording: Recording, topic: Topic) -> list[Any]:
    codec: Codec[Any] = Codec(topic.record)
    return [codec.decode(raw.value or b"") for raw in recording.records.get(topic.name, ())]


def _changes(recording: Recording) -> set[GroupChange]:
    """What grouping said, where the incident opened; of one that joined, where this one answered for it."""
    said = {told.change for told in _all(recording, GROUPS)}
    opened = bool(_all(recording, CANDIDATES))
    if GroupChange.JOINED in said and GroupChange.TAKEN not in said:
        return set()
    return said - ({GroupChange.TAKEN} if GroupChange.JOINED in said else set()) if opened else set()


def test_a_recording_without_a_journal_is_no_identical_one(recording: Recording) -> None:
    """Nothing that could be made again is an error, never a verdict."""
    with pytest.raises(NothingRecordedError, match="decision journal"):
        rerun(replace(recording, records={**recording.records, JOURNAL.name: ()}))


# Not alike


_CALLS = itertools.count()


class Impure:
    """A stage like the one within, but for a decision that depends on what is on no record: how often it was called."""

    def __init__(self, within: Stage[Any]) -> None:
        self._within = within
        self.name, self.sources, self.views = within.name, within.sources, within.views

    def __getattr__(self, name: str) -> Any:
        return getattr(self._within, name)

    def decide(self, state: Any, received: Received[Any]) -> Step[Any]:
        step = self._within.decide(state, received)
        return Step(step.state, tuple(_moved(output) for output in step.outputs))


def _moved(output: Output) -> Output:
    if not isinstance(output.record, IncidentCandidate):
        return output
    return replace(output, record=replace(output.record, confidence=1 / (2 + next(_CALLS))))


def _impure(stage: Stage[Any]) -> Stage[Any]:
    return Impure(stage) if stage.name == "candidates" else stage


def _impure_stages(chosen: Settings, answers: Answers) -> list[Stage[Any]]:
    return [_impure(stage) for stage in stages_of(chosen, answers)]


def test_an_impure_decision_is_caught() -> None:
    """Recorded by a stage that counts its calls somewhere else, and made again by it: the first one differs."""
    verdict = rerun(lived(SEED, wrap=_impure).recording(), _impure_stages)
    assert verdict.result == "diverged"
    assert first(verdict) == ("candidates", CANDIDATES.name, 0)
    assert verdict.divergences[0].fields == ("confidence",)


@pytest.mark.parametrize(
    ("topic", "number", "fields", "stage"),
    [
        (CANDIDATES, 0, {"confidence": 0.123}, "candidates"),
        (DIAGNOSES, 0, {"root_cause": "sabotage"}, "diagnosis"),
        (DECISIONS, 0, {"autonomous": False}, "consensus"),
        (RECOMMENDATIONS, 0, {"rationale": "it was told to"}, "candidates"),
        (COMMANDS, 0, {"payload": "{}"}, "candidates"),
        (EVENTS, 3, {"payload": "{}"}, "ledger"),
    ],
)
def test_a_changed_record_is_the_first_divergence(
    recording: Recording, topic: Topic, number: int, fields: dict[str, Any], stage: str
) -> None:
    """With its offset and both sides, before all that follows from it."""
    verdict = rerun(changed(recording, topic, number, **fields))
    assert verdict.result == "diverged"
    assert first(verdict) == (stage, topic.name, number)
    found = verdict.divergences[0]
    name, value = next(iter(fields.items()))
    assert (found.recorded or {})[name] == value
    assert found.decided is not None
    assert found.decided[name] != value


def test_a_forged_decision_is_found(recording: Recording) -> None:
    """What is on record and was never decided differs as well."""
    raws = recording.records[DECISIONS.name]
    codec: Codec[Decision] = Codec(Decision)
    decision = codec.decode(raws[0].value)
    forged = codec.encode(replace(decision, decision_id="forged", target="payments"))
    more = (*raws, replace(raws[-1], offset=raws[-1].offset + 1, value=forged))
    verdict = rerun(replace(recording, records={**recording.records, DECISIONS.name: more}))
    assert [(d.what, d.offset) for d in verdict.divergences] == [("on record, and not decided now", more[-1].offset)]


def test_a_changed_input_is_found_in_what_was_decided_on_it(recording: Recording) -> None:
    """Alerts are on record as they came; other alerts make other decisions."""
    severe = changed(recording, SAMPLED, 0, service="another", name="Another")
    assert rerun(severe).result == "diverged"


def test_another_code_is_told(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """A divergence may then be a change of ours."""
    monkeypatch.setattr("ops.reexecution.rerun.code_digest", lambda: "newer")
    assert not rerun(recording).same_code


def test_settings_that_were_changed_are_not_taken(recording: Recording) -> None:
    """By a declaration that is not what its digest says nothing is decided."""
    raws = recording.records[JOURNAL.name]
    codec: Codec[StepTaken] = Codec(StepTaken)
    declared = [n for n, raw in enumerate(raws) if not codec.decode(raw.value).key]
    for number in declared:
        text = codec.decode(raws[number].value).settings.replace('"confidence_gate": 0.7', '"confidence_gate": 0.1')
        recording = changed(recording, JOURNAL, number, settings=text)
    verdict = rerun(recording)
    assert all("in the journal" in missing.why for missing in verdict.missing)
    assert not verdict.whole


@pytest.mark.parametrize("gate", [0.71, 0.99])
def test_other_settings_are_told_from_another_decision(recording: Recording, gate: float) -> None:
    """Who declares other settings in the journal, digest and all, is told by the events: they name those of then."""
    codec: Codec[StepTaken] = Codec(StepTaken)
    told = recording
    for number, raw in enumerate(recording.records[JOURNAL.name]):
        step = codec.decode(raw.value)
        text = _basis_of(recording, step.basis).settings.replace('"confidence_gate": 0.7', f'"confidence_gate": {gate}')
        other = Basis(text, _basis_of(recording, step.basis).code)
        told = changed(told, JOURNAL, number, basis=other.digest, settings="" if step.key else text)
    verdict = rerun(told)
    assert (verdict.result, verdict.same_settings) == ("diverged", False)
    assert {d.kind for d in verdict.divergences if d.topic == COMMANDS.name} == {"settings"}
    undecided = [d.topic for d in verdict.divergences if d.decided is None]
    assert undecided == ([DECISIONS.name, COMMANDS.name] if gate > 0.9 else [])
    assert verdict.document()["first_divergence"]["kind"] == "settings"
    by_another = rerun(changed(recording, DECISIONS, 0, autonomous=False))
    assert (by_another.same_settings, by_another.divergences[0].kind) == (True, "decision")


def _basis_of(recording: Recording, digest: str) -> Basis:
    codec: Codec[StepTaken] = Codec(StepTaken)
    steps = [codec.decode(raw.value) for raw in recording.records[JOURNAL.name]]
    return next(Basis(s.settings, s.code) for s in steps if not s.key and s.basis == digest)


def test_every_event_of_a_stage_names_what_it_was_decided_by(recording: Recording) -> None:
    """And that is in the journal; what executors say rests on no setting."""
    codec: Codec[IncidentEvent] = Codec(IncidentEvent)
    events = [codec.decode(raw.value) for raw in recording.records[EVENTS.name]]
    by_nobody = {event.type for event in events if not event.basis}
    assert by_nobody == {EventType.ACTION_COMPLETED, EventType.INCIDENT_RESOLVED}
    assert all(_basis_of(recording, event.basis).settings for event in events if event.basis)


def test_what_an_earlier_version_recorded_is_decided_alike(recording: Recording) -> None:
    """Its commands and events name no basis."""
    commands: Codec[IncidentCommand] = Codec(IncidentCommand)
    events: Codec[IncidentEvent] = Codec(IncidentEvent)
    old, head = recording, GENESIS
    for number, raw in enumerate(recording.records[EVENTS.name]):
        event = seal(replace(events.decode(raw.value), basis="", previous_hash=head))
        head = event.hash
        old = changed(old, EVENTS, number, basis="", previous_hash=event.previous_hash, hash=head)
    for number, raw in enumerate(recording.records[COMMANDS.name]):
        assert commands.decode(raw.value).incident_id == recording.incident_id
        old = changed(old, COMMANDS, number, basis="")
    verdict = rerun(old)
    assert (verdict.result, verdict.same_settings, verdict.whole) == ("identical", True, True)


def test_a_window_judges_what_lies_in_it(recording: Recording) -> None:
    """All is made again, since states rest on what was before; what differs outside is not told, and not counted."""
    spoilt = changed(recording, DECISIONS, 0, autonomous=False)
    whole = rerun(spoilt)
    at = whole.divergences[0].at
    before, within, after = (
        rerun(spoilt, window=window) for window in (Window(last=at - 1), Window(at, at), Window(first=at + 2_000))
    )
    assert [one.result for one in (before, within, after)] == ["identical", "diverged", "identical"]
    assert before.decisions > 0
    assert after.decisions > 0
    assert 0 < within.decisions < whole.decisions
    assert before.decisions + rerun(spoilt, window=Window(first=at)).decisions == whole.decisions
    assert within.document()["window"] == {"first": at, "last": at}


# Missing


def test_alerts_that_retention_took_make_the_verdict_partial(recording: Recording) -> None:
    """What is gone is named by topic, partition and range; what can be judged without it is."""
    verdict = rerun(without(recording, SAMPLED, 5))
    assert verdict.result == "identical"
    assert not verdict.whole
    assert {(m.topic, m.partition) for m in verdict.missing} == {(SAMPLED.name, PARTITION)}
    assert all("retention took them" in m.why for m in verdict.missing)
    assert verdict.by_stage["consensus"] > 0
    assert verdict.document()["partial"] is True


def test_metrics_that_retention_took_are_told(recording: Recording) -> None:
    """What a detector learnt before is gone with them."""
    verdict = rerun(without(recording, METRICS, 3))
    assert (verdict.result, "metrics" in verdict.by_stage) == ("identical", False)
    assert {(m.topic, m.first, m.last) for m in verdict.missing} == {(METRICS.name, 0, 2)}


def test_commands_that_retention_took_are_told(recording: Recording) -> None:
    """A chain cannot be made again without them."""
    verdict = rerun(without(recording, COMMANDS, 2))
    assert (COMMANDS.name, 0) in {(m.topic, m.first) for m in verdict.missing}
    assert "ledger" not in verdict.by_stage


def test_a_journal_with_a_hole_is_told(recording: Recording) -> None:
    """A step that is not there leaves the state after it unknown, until the key begins anew."""
    codec: Codec[StepTaken] = Codec(StepTaken)
    raws = recording.records[JOURNAL.name]
    hole = next(n for n, r in enumerate(raws) if (s := codec.decode(r.value)).stage == "consensus" and s.number == 2)
    kept = [raw for n, raw in enumerate(raws) if n != hole]
    verdict = rerun(replace(recording, records={**recording.records, JOURNAL.name: kept}))
    assert [m.why for m in verdict.missing] == ["steps 2 to 2 of consensus are not in the journal"]
    assert verdict.result == "identical"


# Sealed


@pytest.mark.parametrize(
    "effect",
    [
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: subprocess.run([sys.executable, "--version"], check=False),
        lambda: Path("/tmp/never").write_text("x", encoding="utf-8"),  # noqa: S108 - it is not written
    ],
    ids=["socket", "process", "file"],
)
def test_nothing_gets_through_the_seal(effect: Any) -> None:
    """No socket, no process, no file."""
    with sealed(), pytest.raises(EffectSealedError):
        effect()


def test_a_rerun_opens_no_socket_and_a_stage_that_tries_is_caught(recording: Recording) -> None:
    """Python's own audit of sockets stays silent through a whole rerun, and a stage that asks a server diverges."""
    heard: list[str] = []
    listening = True

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if listening and event.startswith("socket."):
            heard.append(event)

    sys.addaudithook(hook)
    assert rerun(recording).result == "identical"
    assert heard == []

    class Asking(Impure):
        def decide(self, state: Any, received: Received[Any]) -> Step[Any]:
            socket.create_connection(("127.0.0.1", 9))
            return self._within.decide(state, received)

    def asking(chosen: Settings, answers: Answers) -> list[Stage[Any]]:
        return [Asking(s) if s.name == "consensus" else s for s in stages_of(chosen, answers)]

    verdict = rerun(recording, asking)
    listening = False
    assert (verdict.result, verdict.divergences[0].stage) == ("diverged", "consensus")
    assert "socket" in verdict.divergences[0].what


def test_all_topics_of_a_recording_are_the_programs(recording: Recording) -> None:
    """The double writes nothing that the program would not."""
    assert set(recording.records) <= set(BY_NAME)
