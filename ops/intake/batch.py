"""A body becomes records and dead letters: every item of it is one or the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ops.intake.formats import Format
from ops.intake.letters import INVALID, NOT_JSON, OVERSIZED, refused
from ops.intake.models import Arrival
from ops.intake.spans import cut_items
from schemas.errors import BreakwaterError, InvalidInputError
from schemas.records.log import DeadLetter
from streams.encoder import TelemetryEncoder
from streams.outbox import Message

# A thousand times what a person types, and little enough that a body of ones makes no flood of dead letters.
MAX_ITEMS = 50_000


class BodyRefusedError(BreakwaterError):
    """A body that is refused as a whole; `reason` is the dead letter's code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that was not taken: which one, the reason code, a sentence, and its dead letter."""

    index: int
    reason: str
    detail: str
    letter: DeadLetter


@dataclass(slots=True)
class Batch:
    """What one body holds."""

    accepted: list[Message] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def oversized(self) -> bool:
        """Whether the body's only item is too large."""
        return not self.accepted and len(self.refusals) == 1 and self.refusals[0].reason == OVERSIZED


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads bodies. Needs no Kafka; large bodies may be read on any thread.

    Args:
        encoder: makes the messages of accepted records.
        max_item_bytes: an item larger than this, as it came in, is refused.
    """

    encoder: TelemetryEncoder
    max_item_bytes: int

    def read(self, body: bytes, known: Format, arrival: Arrival, headers: Mapping[str, bytes]) -> Batch:
        """Map every item of a body.

        Raises:
            BodyRefusedError: `not_json` (it may be binary, truncated or of another encoding), or `oversized` for more than
                `MAX_ITEMS` items.
        """
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BodyRefusedError(NOT_JSON, f"The body is no JSON: {error}.") from error
        listed = isinstance(parsed, list) or (isinstance(parsed, dict) and isinstance(parsed.get(known.items), list))
        if not listed:
            return self._each([parsed], [body], known, arrival, headers)
        items = parsed if isinstance(parsed, list) else parsed[known.items]
        if len(items) > MAX_ITEMS:
            raise BodyRefusedError(OVERSIZED, f"The body has {len(items)} items; send at most {MAX_ITEMS} at once.")
        batch = self._each(items, None, known, arrival, headers)
        # Cutting costs more than parsing, so it is done only where the bytes are wanted.
        if batch.refusals or len(body) > self.max_item_bytes:
            cut = cut_items(body, known.items)
            whole = cut if cut and len(cut) == len(items) else [orjson.dumps(item) for item in items]
            batch = self._each(items, whole, known, arrival, headers)
        return batch

    def _each(
        self, items: list[Any], cut: list[bytes] | None, known: Format, arrival: Arrival, headers: Mapping[str, bytes]
    ) -> Batch:
        batch = Batch()
        for index, item in enumerate(items):
            value = cut[index] if cut else b""
            try:
                self.check_size(len(value))
                batch.accepted.append(self.encoder.message(known.record(item, arrival)))
            except InvalidInputError as error:
                reason = OVERSIZED if len(value) > self.max_item_bytes else INVALID
                letter = refused(
                    value, topic=known.topic.name, reason=reason, detail=str(error), arrival=arrival, headers=headers
                )
                batch.refusals.append(Refusal(index, reason, str(error), letter))
        return batch

    def check_size(self, size: int) -> None:
        """Raises InvalidInputError for an item of more than `max_item_bytes`."""
        if size > self.max_item_bytes:
            raise InvalidInputError(
                f"The item has {size} bytes; send at most {self.max_item_bytes} (BREAKWATER_MAX_ALERT_BYTES)."
            )
