"""Telemetry over HTTP. It answers 202 only when Kafka has acknowledged, and holds up nobody while it waits.

What cannot be mapped goes to the dead letters byte for byte; when Kafka is away the answer is 503, and nothing is taken.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from ops.intake.answers import IntakeAnswer, RefusedBody, Unavailable, answer_of, refused_body, request_body
from ops.intake.batch import Batch, BatchReader, BodyRefusedError
from ops.intake.body import MAX_BODY_BYTES, Body, read_body
from ops.intake.counters import IntakeCounters
from ops.intake.formats import FORMATS, Format
from ops.intake.letters import OVERSIZED, PATH_HEADER, described, refused
from ops.intake.models import Arrival
from schemas.records.log import DeadLetter
from schemas.records.vocabulary import Millis
from streams.errors import DeliveryError
from streams.outbox import Message

_RETRY_AFTER_S = 5
# Larger bodies are mapped on a thread: at some 30 microseconds an item they would hold up the event loop.
_ON_A_THREAD_BYTES = 32_768


class Delivery(Protocol):
    """What the intake needs of a producer."""

    async def delivered(self, records: Sequence[Message]) -> list[str | None]:
        """Send records and wait for Kafka's answer to each: None, or why it was not taken."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What the routes work with: the producer, there once the application has started; `clock` gives epoch ms."""

    delivery: Callable[[], Delivery]
    reader: BatchReader
    counters: IntakeCounters
    clock: Callable[[], Millis]
    new_id: Callable[[], str]


def intake_router(intake: Intake, formats: Sequence[Format] = FORMATS) -> APIRouter:
    """A POST route for each format."""
    router = APIRouter(tags=["intake"])
    for known in formats:
        router.add_api_route(
            known.path,
            _endpoint(intake, known),
            methods=["POST"],
            status_code=202,
            name=f"take{known.path.replace('/', '_')}",
            summary=(known.shape.__doc__ or "").strip(),
            response_model=IntakeAnswer,
            responses={
                400: {"model": RefusedBody},
                413: {"model": RefusedBody},
                422: {"model": IntakeAnswer},
                503: {"model": Unavailable},
            },
            openapi_extra=request_body(known.shape, known.items),
        )
    return router


def _endpoint(intake: Intake, known: Format) -> Callable[..., Any]:
    async def take(request: Request) -> Response:
        try:
            body = await read_body(request.stream())
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it: the sender has gone away in the middle
        begun = time.perf_counter()
        headers = {PATH_HEADER: known.path.encode()}
        if kind := request.headers.get("content-type"):
            headers["content-type"] = kind.encode("latin-1")
        try:
            answered = await _take(intake, known, body, headers)
        except DeliveryError as error:
            intake.counters.unavailable(known.path)
            return _answer(503, Unavailable(detail=f"Nothing was taken. {error}"), {"Retry-After": str(_RETRY_AFTER_S)})
        intake.counters.taken(known.path, answered.accepted, answered.rejected, time.perf_counter() - begun)
        return answered.response

    return take


@dataclass(frozen=True, slots=True)
class _Answered:
    response: Response
    accepted: int
    rejected: int


async def _take(intake: Intake, known: Format, body: Body, headers: dict[str, bytes]) -> _Answered:
    arrival = Arrival(intake.clock(), intake.new_id)
    if body.value is None:
        return await _refuse(intake, 413, _too_large(body, known, arrival, headers))
    try:
        batch = await _read(intake.reader, body.value, known, arrival, headers)
    except BodyRefusedError as error:
        letter = refused(
            body.value, topic=known.topic.name, reason=error.reason, detail=str(error), arrival=arrival, headers=headers
        )
        return await _refuse(intake, 413 if error.reason == OVERSIZED else 400, letter)
    await _hand_over(intake, batch.accepted, [refusal.letter for refusal in batch.refusals])
    status = 202 if batch.accepted or not batch.refusals else (413 if batch.oversized else 422)
    return _Answered(_answer(status, answer_of(batch)), len(batch.accepted), len(batch.refusals))


async def _read(reader: BatchReader, value: bytes, known: Format, arrival: Arrival, headers: dict[str, bytes]) -> Batch:
    if len(value) < _ON_A_THREAD_BYTES:
        return reader.read(value, known, arrival, headers)
    return await asyncio.to_thread(reader.read, value, known, arrival, headers)


async def _refuse(intake: Intake, status: int, letter: DeadLetter) -> _Answered:
    await _hand_over(intake, [], [letter])
    return _Answered(_answer(status, refused_body(letter)), 0, 1)


async def _hand_over(intake: Intake, accepted: list[Message], letters: list[DeadLetter]) -> None:
    messages = [*accepted, *(intake.reader.encoder.message(letter) for letter in letters)]
    failures = [why for why in await intake.delivery().delivered(messages) if why is not None]
    if failures:
        raise DeliveryError(
            f"Kafka did not take {len(failures)} of {len(messages)} records ({failures[0]}). Send it again."
        )


def _too_large(body: Body, known: Format, arrival: Arrival, headers: dict[str, bytes]) -> DeadLetter:
    what = described(body.size, body.sha256) if body.whole else f"more than {body.size} bytes, cut off there"
    detail = f"The body is over {MAX_BODY_BYTES} bytes and was not kept: {what}. Send it in parts."
    return refused(None, topic=known.topic.name, reason=OVERSIZED, detail=detail, arrival=arrival, headers=headers)


def _answer(status: int, content: BaseModel, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(content.model_dump(), status, headers)
