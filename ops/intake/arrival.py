"""What a record gets from its arrival: the time, a tenant, an id of its own, and the rules it is read by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ops.intake.rules import Rules
from schemas.records.vocabulary import Millis
from streams.outbox import Message

if TYPE_CHECKING:  # the formats import this module
    from ops.intake.formats.notices import Dialect

DEFAULT_TENANT = "default"
DEFAULT_ENVIRONMENT = "production"
_DEFAULT_RULES = Rules()


class Press(Protocol):
    """Makes the message and the identity of a native alert; None where it has to go the slow way."""

    def message(self, item: Any, arrival: "Arrival") -> tuple[Message, str] | None:
        """Of one item."""


class NoticePress(Protocol):
    """Makes the messages and the identities of alerts by labels, a body's at a time."""

    def taker(
        self, dialect: "Dialect", kept: Mapping[str, str], arrival: "Arrival"
    ) -> Callable[[Any], tuple[Message, str] | None]:
        """What does so for an item of the body; None where it has to go the slow way."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a record gets that its source did not give: when it arrived (epoch ms), its tenant, an id of its own.

    `bound` says that the sender may name no other tenant; `press` and `label_press` make messages of usual alerts at once.
    """

    received_at: Millis
    new_id: Callable[[], str]
    tenant: str = DEFAULT_TENANT
    rules: Rules = field(default=_DEFAULT_RULES)
    bound: bool = False
    press: Press | None = None
    label_press: NoticePress | None = None
