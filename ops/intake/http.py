"""Telemetry over HTTP. Success is said only when Kafka has acknowledged, and nobody is held up while it waits.

What cannot be mapped goes to the dead letters byte for byte; when Kafka is slow or away the answer is 503 with Retry-After.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ops.intake.answers import Answer, IntakeAnswer, Outcome, Problem, ProblemDetails, request_body, status_of
from ops.intake.arrival import Arrival
from ops.intake.batch import Batch, BatchReader
from ops.intake.body import MAX_BODY_BYTES, Body, BodyReader, SenderGoneError
from ops.intake.counters import IntakeCounters
from ops.intake.errors import BodyRefusedError, NotAdmittedError
from ops.intake.formats import FORMATS, Format, chosen
from ops.intake.guard import Admitted, Guard
from ops.intake.handover import Handover, NothingSentError
from ops.intake.headers import plain_headers
from ops.intake.letters import BOUND_HEADER, KEPT_HEADERS, OVERSIZED, PATH_HEADER, described, refused
from ops.intake.reading import Parcel
from ops.intake.rules import Rules
from ops.intake.unsettled import Ids, Reception, Unsettled, body_key
from schemas.records.log import DeadLetter
from schemas.records.vocabulary import Millis
from streams.errors import DeliveryError

_RETRY_AFTER_S = 5
# Longer bodies, and those of many objects, are mapped on a thread: at 15 microseconds an item, and 30 where it is unusual, they
# would hold up the event loop.
_ON_A_THREAD_BYTES = 32_768
_MOST_OBJECTS = 400

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
# Whether a body is from whom it says; raises NotAdmittedError.
Verify = Callable[[Parcel], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Intake:
    """What the routes work with; `clock` gives epoch ms. `verifiers` are asked before a body of a format is read."""

    handover: Handover
    reader: BatchReader
    counters: IntakeCounters
    clock: Callable[[], Millis]
    new_id: Callable[[], str]
    rules: Rules = field(default_factory=Rules)
    guard: Guard = field(default_factory=Guard)
    bodies: BodyReader = field(default_factory=BodyReader)
    verifiers: Mapping[str, Verify] = field(default_factory=dict)
    unsettled: Unsettled = field(default_factory=Unsettled)

    async def answer(self, at_path: Format, scope: Scope, receive: Receive) -> Answer:
        """The answer to one request.

        Raises:
            SenderGoneError: nobody waits for one.
        """
        parcel, known = Parcel(b""), at_path
        body, admitted, answered = Body(b"", 0), None, None
        try:
            headers = plain_headers(scope["headers"])
            parcel = Parcel(b"", headers)
            admitted = self.guard.enter(at_path.path, scope.get("client"), headers)
            body = await self.bodies.read(receive)
            begun = time.perf_counter()
            raw = body.value or b""
            parcel = Parcel(raw, headers)
            known = chosen(at_path, parcel)
            admitted = self.guard.check(admitted, raw, headers, self.clock())
            answered = await self._take(known, body, parcel, admitted, begun)
        except NotAdmittedError as error:
            self.counters.not_admitted(at_path.path, error.reason)
            return known.problem(_not_admitted(error), parcel)
        except DeliveryError as error:
            self.counters.unavailable(at_path.path)
            return known.problem(
                Problem(503, "unavailable", f"Nothing counts as taken. {error}", _RETRY_AFTER_S), parcel
            )
        finally:
            if answered is None and admitted is not None:
                self.guard.not_taken(admitted)
            self.bodies.release(body)
            self.counters.waiting(self.handover.waiting_bytes)
        return answered

    async def _take(self, known: Format, body: Body, parcel: Parcel, admitted: Admitted, begun: float) -> Answer:
        """As `_taken`; a body that its sender was told to send again is taken as it was the first time."""
        now, place = self.clock(), (_sent_to(known, admitted), parcel.body or body.sha256.encode())
        before = self.unsettled.resumed(*place, now)
        reception = before or Reception(self.new_id(), now)
        try:
            answer = await self._taken(known, body, parcel, admitted, begun, reception)
        except (NothingSentError, NotAdmittedError):
            if before is None:
                self.unsettled.settled(reception)
            else:
                self.unsettled.failed(*place, reception)
            raise
        except BaseException:
            self.unsettled.failed(*place, reception)
            raise
        self.unsettled.settled(reception)
        return answer

    async def _taken(
        self, known: Format, body: Body, parcel: Parcel, admitted: Admitted, begun: float, reception: Reception
    ) -> Answer:
        ids = Ids(reception)
        presses = self.reader.press(), self.reader.label_press()
        arrival = Arrival(reception.received_at, ids, admitted.tenant, self.rules, admitted.bound, *presses)
        kept = _kept(known.path, parcel.headers, admitted.bound)
        if body.value is None:
            return await self._refuse(known, _too_large(body, known, arrival, kept), OVERSIZED, parcel, begun)
        try:
            if verify := self.verifiers.get(known.name):
                await verify(self.reader.open(known, parcel.body, parcel.headers))
            batch = await self._read(known, parcel, arrival, kept)
        except BodyRefusedError as error:
            letter = refused(
                parcel.body,
                topic=known.topic.name,
                reason=error.reason,
                detail=str(error),
                arrival=arrival,
                headers=kept,
            )
            return await self._refuse(known, letter, error.reason, parcel, begun)
        self.guard.charge(admitted, max(1, batch.reading.items), time.monotonic())
        if nameless := ids.given > 0 or None in batch.identities:
            self.unsettled.begun(_sent_to(known, admitted), parcel.body, reception)
        # Of a body that holds dead letters or nameless records, a repetition is known by its bytes alone.
        key = body_key(_sent_to(known, admitted), parcel.body) if nameless else ""
        duplicates = await self._hand_over(known, batch, key)
        reading = batch.reading
        outcome = Outcome(reading, batch.accepted, duplicates, batch.letter_ids(), parcel.headers)
        took_s = time.perf_counter() - begun
        self.counters.taken(known.path, batch.accepted, reading.items - batch.accepted, duplicates, took_s)
        if reading.passed_over:
            self.counters.passed_over(known.path, reading.passed_over)
        return known.answer(outcome)

    async def _read(self, known: Format, parcel: Parcel, arrival: Arrival, kept: Mapping[str, bytes]) -> Batch:
        headers = parcel.headers
        if "content-encoding" not in headers and _is_short(parcel.body):
            return self.reader.read(known, parcel.body, headers, arrival, kept)
        return await asyncio.to_thread(self.reader.read, known, parcel.body, headers, arrival, kept)

    async def _refuse(self, known: Format, letter: DeadLetter, reason: str, parcel: Parcel, begun: float) -> Answer:
        await self._shelve(known, [letter])
        self.counters.taken(known.path, 0, 1, 0, time.perf_counter() - begun)
        more = {"dead_letter_id": letter.dead_letter_id}
        headers = {"Accept-Encoding": "gzip, deflate, zstd"} if status_of(reason) == 415 else {}
        if letter.value is None:
            headers["Connection"] = "close"  # its rest is not read
        return known.problem(Problem(status_of(reason), reason, letter.detail, more=more, headers=headers), parcel)

    async def _hand_over(self, known: Format, batch: Batch, key: str) -> int:
        messages = batch.messages
        if batch.letters:
            messages = [*messages, *(self.reader.encoder.message(letter) for letter in batch.letters)]
        duplicates = await self.handover.hand_over(messages, batch.identities, key)
        self.counters.shelved(known.path, batch.letters)
        return duplicates

    async def _shelve(self, known: Format, letters: list[DeadLetter]) -> None:
        await self.handover.hand_over([self.reader.encoder.message(letter) for letter in letters], ())
        self.counters.shelved(known.path, letters)


def _sent_to(known: Format, admitted: Admitted) -> str:
    """Where a body was sent, and for whom: the same bytes of two tenants are two bodies."""
    return f"{known.path} {admitted.tenant} {admitted.bound}"


class IntakePaths:
    """ASGI middleware: answers the intake's paths itself, at a fraction of what routing and validation would cost."""

    def __init__(self, app: Any, intake: Intake, formats: Sequence[Format] = FORMATS) -> None:
        self._app = app
        self._intake = intake
        self._by_path = {known.path: known for known in formats}

    async def __call__(self, scope: Scope, receive: Receive, send: Callable[[Any], Awaitable[None]]) -> None:
        known = self._by_path.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if known is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._intake.answer(known, scope, receive)
        except SenderGoneError:
            return
        headers = [(b"content-length", str(len(answer.body)).encode())]
        if answer.media:
            headers.append((b"content-type", answer.media.encode()))
        for name, value in answer.headers.items():
            headers.append((name.lower().encode(), value.encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def intake_router(intake: Intake, formats: Sequence[Format] = FORMATS) -> APIRouter:
    """A POST route for each format, as the API's documentation shows it."""
    router = APIRouter(tags=["intake"])
    problems: dict[int | str, dict[str, Any]] = {
        status: {"model": ProblemDetails} for status in (400, 401, 403, 408, 413, 415, 422, 429, 503)
    }
    for known in formats:
        router.add_api_route(
            known.path,
            _endpoint(intake, known),
            methods=["POST"],
            status_code=202,
            name=f"take_{known.name}",
            summary=known.title,
            response_model=IntakeAnswer,
            responses=problems,
            openapi_extra=request_body(known.shape, known.items) if known.shape else None,
        )
    return router


def _endpoint(intake: Intake, known: Format) -> Callable[..., Any]:
    async def take(request: Request) -> Response:
        try:
            answer = await intake.answer(known, request.scope, request.receive)
        except SenderGoneError:
            return Response(status_code=400)  # nobody reads it
        return Response(answer.body, answer.status, dict(answer.headers), answer.media or None)

    return take


def _is_short(body: bytes) -> bool:
    """Whether a body is mapped in a few milliseconds."""
    return len(body) < _ON_A_THREAD_BYTES and body.count(b"{") + body.count(b"\n") <= _MOST_OBJECTS


def _kept(path: str, headers: Mapping[str, str], bound: bool) -> dict[str, bytes]:
    """The headers that a dead letter keeps: those by which its bytes are read."""
    kept = {PATH_HEADER: path.encode()} | ({BOUND_HEADER: b"1"} if bound else {})
    for name, value in headers.items():
        if name in KEPT_HEADERS or name.startswith("ce-"):
            kept[name] = value.encode("latin-1")
    return kept


def _too_large(body: Body, known: Format, arrival: Arrival, headers: Mapping[str, bytes]) -> DeadLetter:
    what = described(body.size, body.sha256) if body.whole else f"more than {body.size} bytes, cut off there"
    detail = f"The body is over {MAX_BODY_BYTES} bytes and was not kept: {what}. Send it in parts."
    return refused(None, topic=known.topic.name, reason=OVERSIZED, detail=detail, arrival=arrival, headers=headers)


def _not_admitted(error: NotAdmittedError) -> Problem:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if error.status == 408:
        headers["Connection"] = "close"  # the rest of the body is not waited for
    return Problem(error.status, error.reason, str(error), error.retry_after_s, headers=headers)
