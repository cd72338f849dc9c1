"""What was or is to be done: the plan that an action carries with it, and how far it came."""

from collections.abc import Mapping
from typing import Any

import orjson

from agents.resolution.plan import PLAN
from schemas.records.command import ActionState

_NOTHING_DONE = "nothing was done: "


def read_plan(text: Any) -> dict[str, Any]:
    """A plan's canonical text as an object; empty where it is none."""
    try:
        found = orjson.loads(text or "{}")
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def plan_of(action: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that an intent or its outcome carries.

    >>> plan_of({"parameters": {"plan": '{"risk": "low"}'}}), plan_of({"parameters": {}})
    ({'risk': 'low'}, {})
    """
    return read_plan((action.get("parameters") or {}).get(PLAN))


def dry_run(action: Mapping[str, Any]) -> str:
    """How the dry run went: an action that had an effect came past it.

    >>> dry_run({"state": "FAILED", "checks": 0, "detail": "nothing was done: there is no unit cart"})
    '✗ there is no unit cart'
    >>> dry_run({"state": "SUCCEEDED", "checks": 1, "detail": "started"})
    '✓ it could be done'
    """
    detail, state = str(action.get("detail") or ""), action.get("state")
    if action.get("reconciled"):
        return "not again: it was found done"
    if detail.startswith(_NOTHING_DONE):
        return f"✗ {detail.removeprefix(_NOTHING_DONE)}"
    if action.get("checks") or state in (ActionState.SUCCEEDED, ActionState.ROLLED_BACK):
        return "✓ it could be done"
    return "not told yet" if state == ActionState.INTENDED else "not reached"


def checked(action: Mapping[str, Any]) -> str:
    """What the checks of its target's health said.

    >>> checked({"checks": 2, "healthy": True, "state": "SUCCEEDED"})
    '✓ healthy after 2 checks'
    """
    checks = action.get("checks")
    if not checks:
        return "not told yet" if action.get("state") == ActionState.INTENDED else "none was made"
    times = f"{checks} check{'' if checks == 1 else 's'}"
    return f"✓ healthy after {times}" if action.get("healthy") else f"✗ not healthy after {times}"
