"""What a record gets from its arrival: the time, a tenant, an id of its own, and the rules it is read by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ops.intake.rules import Rules
from schemas.records.vocabulary import Millis
from streams.outbox import Message

if TYPE_CHECKING:  # the formats import this module
    from ops.intake.formats.notices import Dialect
    from ops.intake.reading import Reading

DEFAULT_TENANT = "default"
DEFAULT_ENVIRONMENT = "production"
_DEFAULT_RULES = Rules()


# A message, and what tells it from a repetition.
Made = tuple[Message, str]


class Press(Protocol):
    """Makes the messages and the identities of native alerts, a body's at a time."""

    def made(self, items: Sequence[Any], arrival: "Arrival", reading: "Reading") -> list[Made | None]:
        """Of a body's items; None where one has to go the slow way. The reading is told of the bytes."""


class NoticePress(Protocol):
    """The same of alerts by labels, which all have `kept` among their labels."""

    def made(
        self, items: Sequence[Any], dialect: "Dialect", kept: Mapping[str, str], arrival: "Arrival", reading: "Reading"
    ) -> list[Made | None]:
        """Of a body's items; None where one has to go the slow way. The reading is told of the bytes."""


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
