"""What any program that can write to Kafka may send: it is refused or passed over, and nothing stands still."""

import json
from dataclasses import replace
from typing import Any

import pytest

from schemas.codec import Codec
from schemas.records.log import CommandRefused, IncidentEvent, IncidentSnapshot
from state.admission import MAX_TEXT_BYTES
from state.chain import seal
from state.event_log import parse_event_key
from state.incident import EventType, Status, fold
from state.recovery import Recovery
from state.snapshots import RECENT_COMMANDS, SnapshotRecord, with_headers
from tests.support.commands import command
from tests.support.ledger_run import Run, numbered


def _nested(levels: int) -> str:
    return '{"probability":' + "[" * levels + "]" * levels + "}"


@pytest.mark.parametrize(
    "payload", ['{"a":"\\ud800"}', '{"a":NaN}', '{"a":1e999}', '{"a":1' + "0" * 30 + "}", _nested(900), _nested(5000)]
)
def test_payloads_that_readers_could_not_write_again_are_refused(payload: str) -> None:
    """Half a character, no number, a number beyond 64 bits, a nest without end."""
    opened = command(EventType.INCIDENT_OPENED)
    run = Run().feed(
        numbered([opened, replace(opened, command_id="p", type=EventType.PREDICTION_MADE, payload=payload)])
    )
    assert (len(run.events), len(run.refusals)) == (1, 1)


@pytest.mark.parametrize("name", ["command_id", "incident_id", "tenant", "type", "correlation_id", "causation_id"])
def test_texts_without_measure_are_refused_in_a_refusal_that_fits(name: str) -> None:
    """An event that Kafka refuses would stop its partition for good; so would a refusal."""
    changes: dict[str, Any] = {name: "é" * 900_000}
    run = Run().feed(numbered([replace(command(EventType.INCIDENT_OPENED), **changes)]))
    (refused,) = run.refusals
    assert not run.events
    assert len(Codec(CommandRefused).encode(refused)) < 8 * MAX_TEXT_BYTES


@pytest.mark.parametrize("payload", ["{}", "[]", "no JSON", "[" * 5000])
def test_readers_pass_over_what_an_event_does_not_say(payload: str) -> None:
    """A forged event changes the head alone; the projection folds the next."""
    forged = seal(replace(_event(), payload=payload))
    state = fold(forged.incident_id, [forged])
    assert (state.version, state.head_hash, state.status) == (1, forged.hash, Status.NONE)


@pytest.mark.parametrize(
    "state", ["[]", "[" * 5000, {"actions": [1]}, {"actions": 5}, {"updated_at": "x"}, {"episode": None}]
)
def test_forged_snapshots_are_as_none(state: Any) -> None:
    """The events are read instead."""
    named = {"incident_id": "inc-forged", "version": 1, "head_hash": "h"}
    text = state if isinstance(state, str) else json.dumps({**named, **state})
    forged = IncidentSnapshot(**named, tenant="", events=1, command_offset=0, event_offset=0, state=text, occurred_at=0)  # type: ignore[arg-type]
    recovery = Recovery()
    recovery.snapshot(SnapshotRecord(forged, ()))
    assert not recovery.passes_over("inc-forged", 0)
    assert not recovery.ledger(5).heads


def test_numbers_of_thousands_of_digits_are_none() -> None:
    """Python refuses to read them, with an error that nobody expects."""
    snapshot = IncidentSnapshot(
        incident_id="i", tenant="", version=1, head_hash="h", events=1, command_offset=0, event_offset=0, state="{}",
        occurred_at=0,
    )  # fmt: skip
    for spoilt in (None, b"1234567"):
        assert with_headers(snapshot, {RECENT_COMMANDS: spoilt}) == SnapshotRecord(snapshot, ())
    assert parse_event_key(b"inc/" + b"1" * 5000) == ("", 0)


def _event() -> IncidentEvent:
    return Run().feed(numbered([command(EventType.INCIDENT_OPENED)])).events[0]
