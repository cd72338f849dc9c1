"""The list as people read it: what burns first, what another incident causes folded under that, and each in a few words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.page.words import deed, lower

Incident = Mapping[str, Any]

_ENDED = ("resolved", "closed")
_RANKS = {"CRITICAL": 0, "ERROR": 1, "WARNING": 2}
_WORDS = {"escalated": "human asked", "remediating": "repairing"}


@dataclass(slots=True)
class Row:
    """An incident, and those that it causes."""

    one: Incident
    children: list[Incident] = field(default_factory=list)


def ended(one: Incident) -> bool:
    """Whether it is over."""
    return one["status"] in _ENDED


def rows(incidents: Sequence[Incident]) -> list[Row]:
    """Those that burn worst first, children under their parents; two that name each other as cause are both shown."""
    found = {one["incident_id"]: Row(one) for one in incidents}
    folded = set()
    for one in incidents:
        parent = found.get(one.get("parent_incident_id") or "")
        if parent is None or parent.one is one:
            continue
        parent.children.append(one)
        if parent.one.get("parent_incident_id") != one["incident_id"]:
            folded.add(one["incident_id"])
    return sorted((row for name, row in found.items() if name not in folded), key=lambda row: _rank(row.one))


def _rank(one: Incident) -> int:
    return 9 if ended(one) else _RANKS.get(one["severity"], 3)


def said(one: Incident) -> str:
    """What is decided or done, in a few words."""
    approval = one.get("approval")
    if ended(one):
        return str(one.get("outcome") or "")
    if approval and approval["state"] == "PENDING":
        return f"waits for approval: {deed(approval)}"
    if one["actions"]:
        return f"{deed(one['actions'][-1])}: {lower(one['actions'][-1]['state'])}"
    if one.get("decision"):
        return deed(one["decision"]) + ("" if one["decision"]["autonomous"] else ", if a human agrees")
    return "no decision yet"


def steps(one: Incident) -> list[tuple[str, bool, bool]]:
    """The lifecycle: what each step is called, whether it was done, whether it is the present one."""
    status, asked = one["status"], one.get("escalation") or one.get("approval")
    done = {
        "open": one["opened_at"], "diagnosed": one["root_cause"], "decided": one["decision"], "escalated": asked,
        "remediating": one["actions"], "resolved": status == "resolved", "closed": False,
    }  # fmt: skip
    left_out = {"resolved" if status == "closed" else "closed"}
    if status != "escalated" and not asked:
        left_out.add("escalated")
    return [(_WORDS.get(n, n), bool(was), n == status) for n, was in done.items() if n not in left_out]
