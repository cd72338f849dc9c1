"""What the intake answers, as the API's documentation shows it."""

from typing import Any

from pydantic import BaseModel, Field

from ops.intake.batch import Batch, Refusal
from schemas.records.log import DeadLetter

# Enough to see what is wrong; the rest is in the dead letters.
_MOST_ERRORS = 1000


class ItemError(BaseModel):
    """Why one item was not taken."""

    index: int = Field(description="Place of the item in the body, from 0.")
    reason: str = Field(description="Code: invalid, oversized.")
    detail: str = Field(description="A sentence that names the field.")
    dead_letter_id: str = Field(description="Where its exact bytes are kept: `breakwater dlq show ID`.")


class IntakeAnswer(BaseModel):
    """What became of the items of a body. Accepted ones are in Kafka, acknowledged by all in-sync replicas."""

    accepted: int
    rejected: int
    errors: list[ItemError] = Field(description=f"At most {_MOST_ERRORS} of the rejected items.")


class RefusedBody(BaseModel):
    """A body that could not be read at all."""

    detail: str
    reason: str = Field(description="Code: not_json, oversized.")
    dead_letter_id: str = Field(description="Where its exact bytes are kept: `breakwater dlq show ID`.")


class Unavailable(BaseModel):
    """Kafka did not take the body; nothing of it counts as accepted: send it again."""

    accepted: int = 0
    detail: str


def answer_of(batch: Batch) -> IntakeAnswer:
    """The answer for a batch that Kafka has taken."""
    return IntakeAnswer(
        accepted=len(batch.accepted),
        rejected=len(batch.refusals),
        errors=[_error(refusal) for refusal in batch.refusals[:_MOST_ERRORS]],
    )


def refused_body(letter: DeadLetter) -> RefusedBody:
    """The answer for a body that could not be read."""
    return RefusedBody(detail=letter.detail, reason=letter.reason, dead_letter_id=letter.dead_letter_id)


def request_body(shape: type[BaseModel], items: str) -> dict[str, Any]:
    """OpenAPI's description of a body: one item, a list of them, or an object with the list under `items`."""
    schema = shape.model_json_schema()
    definitions = schema.pop("$defs", {})
    one = _inlined(schema, definitions)
    many = {"type": "array", "items": one}
    either = {"anyOf": [one, many, {"type": "object", "properties": {items: many}}]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": either}}}}


def _error(refusal: Refusal) -> ItemError:
    return ItemError(
        index=refusal.index,
        reason=refusal.reason,
        detail=refusal.detail,
        dead_letter_id=refusal.letter.dead_letter_id,
    )


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema without references: a path's body has no place for definitions of its own."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}
