"""Every format that is taken: the path it comes by, the model it must fit, the topic its records go to."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ops.intake.models import AlertIn, Arrival, EdgeIn, LogIn, MetricIn, PlainPayload, Sent
from schemas.errors import InvalidInputError
from streams.topics import ALERTS, LOGS, METRICS, TOPOLOGY, Topic


@dataclass(frozen=True, slots=True)
class Format:
    """One format. A body holds one item, a list of them, or an object with the list under `items`."""

    path: str
    items: str
    topic: Topic
    shape: type[Sent]

    def record(self, item: Any, arrival: Arrival) -> Any:
        """The record that an item becomes.

        Raises:
            InvalidInputError: a field is missing or cannot be taken; every such field is named.
        """
        try:
            return self.shape.model_validate(item).record(arrival)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise InvalidInputError("; ".join(_sentence(fault) for fault in faults) + ".") from error


FORMATS: tuple[Format, ...] = (
    Format("/webhook", "alerts", ALERTS, PlainPayload),
    Format("/v1/alerts", "alerts", ALERTS, AlertIn),
    Format("/v1/metrics", "metrics", METRICS, MetricIn),
    Format("/v1/logs", "logs", LOGS, LogIn),
    Format("/v1/topology", "edges", TOPOLOGY, EdgeIn),
)
BY_PATH = {known.path: known for known in FORMATS}


def _sentence(fault: ErrorDetails) -> str:
    field = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{field} is missing; give it"
    return f"{field} {fault['msg'].removeprefix('Value error, ')}".strip()
