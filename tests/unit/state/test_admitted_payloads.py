"""Whatever gets into the log can be folded, shown as JSON and projected; what cannot is refused before."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st

from ops.api.views import event_view, incident_view
from ops.terminal.story import tell
from schemas.records.log import IncidentCommand, IncidentEvent
from state.chain import seal
from state.incident import EventType, evolve, fold
from state.json_text import MAX_DEPTH
from state.ledger import PartitionLedger
from state.ports import IncidentQuery, StoredEvent
from state.snapshots import state_from_json
from state.sqlite_projection import SqliteProjection
from tests.support.commands import command
from tests.support.ledger_run import Run, numbered

_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["CRITICAL", "OPEN", "INTENDED", "SUCCEEDED", "MEMORY_LEAK", "RESTART", "action-1", "\ud800"]),
)  # fmt: skip
_ANYTHING = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def hostile_commands(draw: st.DrawFn) -> list[IncidentCommand]:
    """An incident's commands whose payloads are nearly right: a field of another type, missing, or one too many."""
    log = [command(command_id="opened")]
    for ordinal in range(1, draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(EventType))
        made = command(kind, command_id=f"c-{ordinal}", episode=draw(st.sampled_from([1, 1, 1, 2])), ordinal=ordinal)
        payload = json.loads(made.payload)
        for name in draw(st.lists(st.sampled_from([*payload, "more"]), max_size=2)):
            if draw(st.booleans()):
                payload[name] = draw(_ANYTHING)
            else:
                payload.pop(name, None)
        log.append(replace(made, payload=json.dumps(payload)))
    return log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for projections."""
    return tmp_path_factory.mktemp("projections")


@given(commands=hostile_commands())
def test_what_is_admitted_folds_and_is_shown_and_projected(commands: list[IncidentCommand], folder: Path) -> None:
    """By every reader: the fold, a snapshot, the stores, the API's JSON and the story that people read."""
    run = Run().feed(numbered(commands))
    assert len(run.events) + len(run.refusals) == len(commands)
    stored = [StoredEvent(event, "incident.events", 0, offset) for offset, event in enumerate(run.events)]
    head = run.ledger.heads["inc-checkout"]
    assert fold("inc-checkout", run.events) == head.state
    assert state_from_json(head.snapshot().state) == head.state
    for shown in (incident_view(head.state), *map(event_view, stored)):
        JSONResponse(shown)
        orjson.dumps(shown)
    assert len(tell(stored)) == len(stored)
    path = folder / "store.sqlite"
    path.unlink(missing_ok=True)
    projection = SqliteProjection(path)
    assert projection.apply(stored) == len(stored)
    assert projection.incidents(IncidentQuery()).incidents == [head.state]
    projection.close()


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind is not EventType.INCIDENT_OPENED])
def test_a_payload_without_fields_is_only_taken_where_there_are_none(kind: EventType) -> None:
    """Each type of event says something."""
    run = Run().feed(numbered([command(command_id="opened"), command(kind, command_id="empty", payload="{}")]))
    assert [refused.command_id for refused in run.refusals] == ["empty"]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (EventType.DECISION_MADE, {"action": "EXPLODE"}),
        (EventType.DECISION_MADE, {"votes": [{"agent": "nobody"}]}),
        (EventType.DECISION_MADE, {"parameters": {"count": 2}}),
        (EventType.DIAGNOSIS_MADE, {"hypotheses": {}}),
        (EventType.DIAGNOSIS_MADE, {"confidence": True}),
        (EventType.PREDICTION_MADE, {"from_s": 1.5}),
        (EventType.PREDICTION_MADE, {"from_s": 2**63}),
        (EventType.STORM_OPENED, {"open": "yes"}),
        (EventType.HUMAN_REQUESTED, {"tried": "RESTART"}),
        (EventType.INCIDENT_RECLASSIFIED, {"severity": "DIRE"}),
        (EventType.NOTIFICATION_QUEUED, {"state": "LOST"}),
    ],
)
def test_words_and_numbers_are_those_of_their_field(kind: EventType, changes: dict[str, Any]) -> None:
    """Also those that the fold does not read, which stages and people do."""
    made = command(kind, command_id="made")
    bad = replace(made, command_id="bad", payload=json.dumps({**json.loads(made.payload), **changes}))
    run = Run().feed(numbered([command(command_id="opened"), bad, made]))
    assert [refused.command_id for refused in run.refusals] == ["bad"]
    assert next(iter(changes)) in run.refusals[0].reason


def test_a_field_that_a_later_version_adds_is_taken() -> None:
    """A worker of the next version runs beside this one for a while."""
    made = command(EventType.PREDICTION_MADE, command_id="made")
    more = replace(made, payload=json.dumps({**json.loads(made.payload), "season": {"hours": 24}}))
    assert len(Run().feed(numbered([command(command_id="opened"), more])).events) == 2


BROKEN = {
    "brackets": '{"a":' + "[" * 500 + "]" * 500 + "}",
    "brackets without end": "[" * 100_000,
    "half a character": '{"how":"\\ud800"}',
    "a number without measure": '{"how":1e999}',
    "no JSON": "\x00",
    "no object": "7",
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_a_payload_in_the_log_that_is_none_breaks_no_reader(payload: str, tmp_path: Path) -> None:
    """Another program wrote it; its event is kept and moves the head, and is shown with what is wrong."""
    opened = Run().feed(numbered([command()])).events[0]
    events = [opened, _after(opened, EventType.PREDICTION_MADE, payload)]
    stored = [StoredEvent(event, "incident.events", 0, offset) for offset, event in enumerate(events)]
    state = fold("inc-checkout", events)
    assert (state.version, state.prediction, state.title) == (2, None, json.loads(opened.payload)["title"])
    shown = event_view(stored[1])["payload"]
    assert shown["bytes"] == len(payload)
    JSONResponse([shown, incident_view(state)])
    assert len(tell(stored)) == 2
    projection = SqliteProjection(tmp_path / "store.sqlite")
    assert projection.apply(stored) == 2
    assert [event_view(one)["payload"] for one in projection.timeline("inc-checkout")][1] == shown
    projection.close()


def test_the_deepest_payload_that_is_taken_is_read_by_all(tmp_path: Path) -> None:
    """As deep as admission allows, in what the state keeps whole."""
    made = command(EventType.ACTION_INTENDED, command_id="made")
    nest = json.loads("[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    deep = replace(made, payload=json.dumps({**json.loads(made.payload), "more": nest}))
    deeper = replace(made, command_id="more", payload=json.dumps({**json.loads(made.payload), "more": [nest]}))
    run = Run(PartitionLedger()).feed(numbered([command(command_id="opened"), deeper, deep]))
    assert [refused.command_id for refused in run.refusals] == ["more"]
    head = run.ledger.heads["inc-checkout"]
    assert state_from_json(head.snapshot().state) == head.state
    JSONResponse(incident_view(head.state))


def test_a_fold_says_what_a_payload_lacks() -> None:
    """For those who judge it: the sequencer refuses with these words."""
    opened = Run().feed(numbered([command()])).events[0]
    bad = _after(opened, EventType.DIAGNOSIS_MADE, '{"root_cause":"checkout","classification":"DDOS","confidence":"1"}')
    with pytest.raises(ValueError, match="'confidence' is no number"):
        evolve(fold("inc-checkout", [opened]), bad)


def _after(before: IncidentEvent, kind: EventType, payload: str) -> IncidentEvent:
    return seal(replace(before, version=before.version + 1, type=kind, payload=payload, previous_hash=before.hash))
