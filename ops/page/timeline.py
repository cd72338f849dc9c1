"""An incident's events as the page tells them: what happened and why, the records that say so, and the event itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from ops.api.views import event_view
from ops.terminal.story import Proof, tell
from state.ports import StoredEvent

_MOST_EVIDENCE = 4


def told(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """Each event as `event_view` has it, with `what`, `why` and `evidence`; `after_s` seconds after its episode opened."""
    found = []
    for stored, line in zip(events, tell(list(events)), strict=True):
        view = event_view(stored)
        why = [reason for reason in line.why if not isinstance(reason, Proof)]
        found.append(
            {**view, "what": line.what, "why": why, "after_s": line.after_s, "evidence": evidence(view["payload"])}
        )
    return found


def evidence(payload: Any) -> list[Mapping[str, Any]]:
    """The first records that a statement rests on."""
    if not isinstance(payload, Mapping):
        return []
    hypotheses = payload.get("hypotheses")
    parts = [payload, *(hypotheses[:1] if isinstance(hypotheses, list) else [])]
    lists = [part.get("evidence") for part in parts if isinstance(part, Mapping)]
    found = [one for some in lists if isinstance(some, list) for one in some if isinstance(one, Mapping)]
    return found[:_MOST_EVIDENCE]


def place_of(where: Any) -> dict[str, Any]:
    """A place in the log, from TOPIC/PARTITION/OFFSET or a record that names one; offset -1 where it names none."""
    if isinstance(where, Mapping):
        topic, partition, offset = (where.get(name) for name in ("topic", "partition", "offset"))
    else:
        topic, partition, offset = [*str(where).split("/"), "", ""][:3]
    try:
        return {"topic": str(topic), "partition": int(str(partition)), "offset": int(str(offset))}
    except ValueError:
        return {"topic": str(topic), "partition": -1, "offset": -1}
