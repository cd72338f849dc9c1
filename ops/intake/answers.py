"""What the intake answers: the counts, and RFC 9457 problem details that name what is wrong and where its bytes are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel, Field

from ops.intake.letters import INVALID, NOT_JSON, OVERSIZED, UNPACKABLE, UNREADABLE, UNSUPPORTED
from ops.intake.reading import Reading, Refused

# Enough to see what is wrong; the rest is in the dead letters.
MOST_ERRORS = 1000
JSON, PROBLEM = "application/json", "application/problem+json"
_STATUS = {NOT_JSON: 400, UNREADABLE: 400, UNPACKABLE: 400, OVERSIZED: 413, UNSUPPORTED: 415, INVALID: 422}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a body that was read: Kafka has its records and its dead letters.

    Attributes:
        reading: what it said. accepted: items with their records in Kafka, duplicates among them.
        duplicates: records that were there already and made no second one.
        letters: for each refusal the id of its dead letter.
        asked: the request's headers, by lower-case names.
    """

    reading: Reading
    accepted: int
    duplicates: int = 0
    letters: Sequence[str] = ()
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """202 where something was taken or nothing refused; else what is wrong with the only item, or 422."""
        refusals = self.reading.refusals
        if self.accepted or not refusals:
            return 202
        return _STATUS.get(refusals[0].reason, 422) if len(refusals) == 1 else 422


@dataclass(frozen=True, slots=True)
class Problem:
    """A request that was not taken: the status, a code, a sentence, and whatever else tells it."""

    status: int
    reason: str
    detail: str
    retry_after_s: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    def all_headers(self) -> dict[str, str]:
        """Its own headers, and Retry-After where waiting helps."""
        after = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        return {**self.headers, **after}


class ItemError(BaseModel):
    """Why one item was not taken."""

    index: int = Field(description="Place of the item in the body, from 0.")
    reason: str = Field(description="Code: invalid, oversized, not_json.")
    detail: str = Field(description="A sentence that names the field.")
    fields: list[str] = Field(description="The fields at fault, where they can be told.")
    dead_letter_id: str = Field(description="Where its exact bytes are kept: `breakwater dlq show ID`.")


class IntakeAnswer(BaseModel):
    """What became of the items of a body. Accepted ones are in Kafka, acknowledged by all in-sync replicas."""

    accepted: int
    rejected: int
    duplicates: int = Field(description="Of the accepted ones, those that had come before and made no second record.")
    errors: list[ItemError] = Field(description=f"At most {MOST_ERRORS} of the rejected items.")


class ProblemDetails(BaseModel):
    """RFC 9457: a request that was not taken. `accepted` is 0."""

    type: str = Field(description="`about:blank`: the status says what kind it is, `reason` which.")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do next.")
    reason: str = Field(description="Code: not_json, oversized, unsupported, unavailable, rate_limited, …")
    accepted: int = 0
    dead_letter_id: str | None = Field(None, description="Where its exact bytes are kept: `breakwater dlq show ID`.")
    errors: list[ItemError] | None = Field(None, description="The items, where it could be told apart.")


def status_of(reason: str) -> int:
    """The HTTP status of a body that is refused as a whole."""
    return _STATUS.get(reason, 400)


def native_answer(outcome: Outcome) -> Answer:
    """The counts; where nothing was taken, as a problem."""
    refusals = outcome.reading.refusals
    status = outcome.status
    counts = {
        "accepted": outcome.accepted,
        "rejected": len(refusals),
        "duplicates": outcome.duplicates,
        "errors": errors_of(outcome),
    }
    if status == 202:
        return Answer(202, orjson.dumps(counts))
    detail = refusals[0].detail if len(refusals) == 1 else f"None of {outcome.reading.items} items was taken."
    return problem_answer(Problem(status, refusals[0].reason, detail, more=counts))


def errors_of(outcome: Outcome) -> list[dict[str, Any]]:
    """The refused items, the first thousand of them."""
    pairs = zip(outcome.reading.refusals[:MOST_ERRORS], outcome.letters, strict=False)
    return [_error(refusal, letter) for refusal, letter in pairs]


def problem_answer(problem: Problem) -> Answer:
    """A problem as RFC 9457 writes it."""
    document = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "reason": problem.reason,
        "accepted": 0,
        **problem.more,
    }
    return Answer(problem.status, orjson.dumps(document), PROBLEM, problem.all_headers())


def request_body(shape: type[BaseModel], items: str) -> dict[str, Any]:
    """OpenAPI's description of a body: one item, a list of them, or an object with the list under `items`."""
    schema = shape.model_json_schema()
    definitions = schema.pop("$defs", {})
    one = _inlined(schema, definitions)
    many = {"type": "array", "items": one}
    either = {"anyOf": [one, many, {"type": "object", "properties": {items: many}}]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": either}}}}


def _error(refusal: Refused, letter_id: str) -> dict[str, Any]:
    return {
        "index": refusal.index,
        "reason": refusal.reason,
        "detail": refusal.detail,
        "fields": list(refusal.fields),
        "dead_letter_id": letter_id,
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema without references: a path's body has no place for definitions of its own."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}
