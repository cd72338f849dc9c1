"""What a record gets from its arrival: the time, a tenant, an id of its own, and the rules it is read by."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ops.intake.rules import Rules
from schemas.records.vocabulary import Millis

DEFAULT_TENANT = "default"
DEFAULT_ENVIRONMENT = "production"
_DEFAULT_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a record gets that its source did not give: when it arrived (epoch ms), its tenant, an id of its own.

    `bound` says that the sender may name no other tenant.
    """

    received_at: Millis
    new_id: Callable[[], str]
    tenant: str = DEFAULT_TENANT
    rules: Rules = field(default=_DEFAULT_RULES)
    bound: bool = False
