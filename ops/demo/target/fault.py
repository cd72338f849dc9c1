"""The faults that the target can have, and how their severity is asked for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ops.demo.errors import BadFaultError


class FaultKind(StrEnum):
    """What is wrong with the target."""

    NONE = "none"
    LEAK = "leak"
    POOL = "pool"
    OVERLOAD = "overload"


# By kind: the key of its severity, what it is where none is given, and its most.
_SEVERITY: dict[FaultKind, tuple[str, float, float]] = {
    FaultKind.NONE: ("rate", 0.0, 0.0),
    FaultKind.LEAK: ("rate_mb_s", 14.0, 100.0),
    FaultKind.POOL: ("connections_per_s", 4.0, 1_000.0),
    FaultKind.OVERLOAD: ("requests_per_s", 150.0, 400.0),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and how bad it is, in its kind's unit: MB, connections or requests a second."""

    kind: FaultKind = FaultKind.NONE
    severity: float = 0.0

    def document(self) -> dict[str, Any]:
        """As `/stats` shows it."""
        return {"kind": str(self.kind), _SEVERITY[self.kind][0]: self.severity}


def fault_of(document: object, usual: FaultKind = FaultKind.NONE) -> Fault:
    """The fault that a JSON document asks for: `{"kind": "leak", "rate_mb_s": 8}`; the severity may be left out.

    Args:
        document: what came in.
        usual: the kind where none is named.

    Raises:
        BadFaultError: it is no such document; the message says what would be.
    """
    if not isinstance(document, dict):
        raise BadFaultError('A fault is a JSON object such as {"kind": "leak", "rate_mb_s": 8}.')
    try:
        kind = FaultKind(document.get("kind", usual))
    except ValueError as error:
        kinds = ", ".join(FaultKind)
        raise BadFaultError(f"There is no fault {document.get('kind')!r}; there are {kinds}.") from error
    key, default, most = _SEVERITY[kind]
    severity = document.get(key, default)
    if isinstance(severity, bool) or not isinstance(severity, int | float) or not 0 <= severity <= most:
        raise BadFaultError(f"`{key}` must be a number from 0 to {most:g}, not {severity!r}.")
    return Fault(kind, float(severity))
