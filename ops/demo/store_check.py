"""The event store after a demonstration, verified as `breakwater events verify` does it."""

from dataclasses import dataclass

from ops.verifying import Trust, verify_store


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """The event store after the demonstration: its events, and whether every chain of them holds."""

    events: int
    verified: bool
    faults: tuple[str, ...] = ()


def check_store(bootstrap: str, trust: Trust | None = None) -> StoreCheck:
    """Count the events and check every chain.

    Raises:
        StateError: the store cannot be read.
    """
    verdict = verify_store(bootstrap, trust, progress=lambda _: None)
    faults = tuple(f"{fault.kind} at version {fault.version} of {fault.incident_id}" for fault in verdict.faults[:5])
    return StoreCheck(verdict.events, verdict.verified, faults)
