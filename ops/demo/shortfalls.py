"""What a demonstration did not reach, in words, and what to do about it."""

import sys
from pathlib import Path

from ops.demo.snapshot import DemoSnapshot, Observed
from ops.demo.store_check import StoreCheck
from state.incident import IncidentState, Status


def shortfalls(snapshot: DemoSnapshot, target_incident_id: str, alerts: int) -> list[str]:
    """What is not reached yet, a sentence each."""
    observed, fleet = snapshot.observed, snapshot.fleet
    counts, found = observed.alerts, observed.incident(target_incident_id)
    missing = []
    if fleet.failure:
        missing.append(f"The fleet could not send its alerts: {fleet.failure}")
    elif fleet.sent != alerts:
        missing.append(f"{fleet.sent:,} of {alerts:,} alerts were sent; the fleet is at `{fleet.phase}`.")
    if counts.received != alerts:
        missing.append(f"{counts.received:,} of {alerts:,} alerts are accounted for.")
    if not counts.exact:
        missing.append("The account does not add up: received differs from kept + suppressed + late + dead-lettered.")
    if found is None:
        missing.append(f"No incident was opened for {snapshot.target_service}.")
    elif found.status != Status.RESOLVED:
        missing.append(f"The incident of {snapshot.target_service} {_not_resolved(found, observed)}.")
    others = [i.service for i in observed.incidents if i.active and i.incident_id != target_incident_id]
    if others:
        missing.append(f"Incidents of {', '.join(others)} are still active.")
    if not snapshot.target.healthy:
        missing.append(f"{snapshot.target_service} is not healthy: {snapshot.target.why or 'it was not seen'}.")
    return missing


def _not_resolved(found: IncidentState, observed: Observed) -> str:
    before = observed.remedied(found)
    if before is found:
        return f"is {found.status}, not resolved"
    return f"was resolved in episode {before.episode} and came back: episode {found.episode} is {found.status}"


def advice(last: DemoSnapshot, alerts: int) -> str:
    """What to do about a demonstration that did not reach all."""
    logs = "The workers' logs under the home say why; look there, then run it again."
    if not last.late:
        return logs
    behind = ", ".join(f"{worker} is {lag:,} records behind" for worker, lag in last.lag.items() if lag)
    if not behind:
        return f"time was up, and no worker was behind. {logs}"
    fewer = f"`{program()} demo --alerts {max(alerts // 5, 1_000)}`"
    return f"time was up, and the agents were still at work: {behind}. Try again with less beside it, or with {fewer}."


def store_shortfalls(store: StoreCheck | None) -> list[str]:
    """What is wrong with the event store, a sentence each."""
    if store is None:
        return ["The event store was not verified."]
    if not store.verified:
        return [f"The event store does not verify: {'; '.join(store.faults) or 'its chains do not hold'}."]
    return []


def program() -> str:
    """How this program was called, so that what is printed can be typed as it is."""
    return sys.argv[0] if Path(sys.argv[0]).name == "breakwater" else "breakwater"
