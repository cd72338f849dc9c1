"""`/api/v1/dead-letters`: what could not be taken, why, and putting it back."""

import base64
import threading
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ops.api.problems import ProblemRoute, problems
from ops.api.remembered import Remembered
from ops.api.tags import Shown, answered, shown
from ops.dead_letters.errors import LetterNotFoundError
from ops.dead_letters.redrive import Redrive
from ops.dead_letters.shelf import Shelf
from ops.errors import OperationError
from schemas.records.log import DeadLetter

log = structlog.get_logger()

_MOST_TOLD = 1_000
# Of a letter's bytes a page shows this much; `breakwater dlq show` has them all.
_SHOWN_BYTES = 2_048

MakeRedrive = Callable[[Shelf], Redrive]


class BusyError(OperationError):
    """Another redrive is under way here."""

    retriable = True


class RedriveBody(BaseModel):
    """Which letters go back: one, those of a reason, or with neither all of them. Who and why are logged."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "invalid", "by": "ana", "why": "The mapping is mended."}]},
    )

    dead_letter_id: str | None = Field(None, min_length=1, max_length=200)
    reason: str | None = Field(None, min_length=1, max_length=200)
    by: str = Field(min_length=1, max_length=200, pattern=r"\S")
    why: str = Field(min_length=1, max_length=2_000, pattern=r"\S")


class LettersDesk:
    """Letters for all who look; `fresh_s`: so old a list may be, for it takes a reading of all, but not older than a redrive."""

    def __init__(self, shelf: Callable[[], Shelf], redrive: MakeRedrive, fresh_s: float = 0.0) -> None:
        self._shelf, self._redrive = shelf, redrive
        self._lists: Remembered[Shown] = Remembered(fresh_s)
        self._turn = threading.Lock()

    def shown(self, reason: str | None, limit: int) -> Shown:
        """The newest, as they are sent."""
        return self._lists.get((reason, limit), lambda: shown(_newest(self._shelf(), reason, limit)))

    def letter(self, dead_letter_id: str) -> dict[str, Any]:
        """One letter, with the beginning of its bytes.

        Raises:
            HTTPException: 404, there is none.
        """
        found, redriven = _found(self._shelf(), dead_letter_id)
        return {**letter_view(found, redriven), **_bytes(found)}

    def put_back(self, body: RedriveBody) -> dict[str, Any]:
        """Put letters back; how many, and what became of each.

        Raises:
            BusyError: another redrive is under way here.
        """
        if not self._turn.acquire(blocking=False):
            raise BusyError("A redrive is under way. Wait for its end, then look what is left.")
        try:
            return _put_back(self._shelf(), self._redrive, body)
        finally:
            self._lists.forget()
            self._turn.release()


def letters_router(desk: LettersDesk) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/dead-letters", tags=["dead letters"], route_class=ProblemRoute)

    @router.get("", responses={200: {"content": {"application/json": {"example": _PAGE}}}, **problems(422, 503)})
    def letters(
        request: Request, reason: str | None = None, limit: Annotated[int, Query(ge=1, le=_MOST_TOLD)] = 50
    ) -> Response:
        """The newest dead letters, and how many there are by reason."""
        return answered(request, desk.shown(reason, limit))

    @router.get("/{dead_letter_id}", responses=problems(404, 503))
    def letter(dead_letter_id: str) -> dict[str, Any]:
        """One letter, with the beginning of its bytes."""
        return desk.letter(dead_letter_id)

    @router.post("/redrive", responses=problems(403, 404, 422, 503))
    def put_back(body: RedriveBody) -> dict[str, Any]:
        """Put letters back, each at most once, whoever else redrives; says what became of each."""
        return desk.put_back(body)

    return router


def letters_waiting(shelf: Shelf) -> int:
    """How many letters were not put back."""
    overview = shelf.newest(1)[1]
    return max(0, overview.letters - len(overview.redriven))


def _newest(shelf: Shelf, reason: str | None, limit: int) -> dict[str, Any]:
    newest, overview = shelf.newest(limit, reason)
    told = [letter_view(letter, letter.dead_letter_id in overview.redriven) for letter in newest]
    waiting = max(0, overview.letters - len(overview.redriven))
    return {"total": overview.letters, "waiting": waiting, "by_reason": overview.by_reason, "dead_letters": told}


def _put_back(shelf: Shelf, redrive: MakeRedrive, body: RedriveBody) -> dict[str, Any]:
    only = None if body.dead_letter_id is None else _found(shelf, body.dead_letter_id)[0].dead_letter_id
    log.warning("redrive", by=body.by, why=body.why, dead_letter_id=only, reason=body.reason)
    counts: Counter[str] = Counter({"redriven": 0, "already": 0, "refused": 0})
    told: list[dict[str, str]] = []
    for outcome in redrive(shelf).run(body.reason, only):
        counts[outcome.outcome] += 1
        if len(told) < _MOST_TOLD:
            letter_id = outcome.letter.dead_letter_id
            told.append({"dead_letter_id": letter_id, "outcome": outcome.outcome, "detail": outcome.detail})
    return {**counts, "letters": told}


def letter_view(letter: DeadLetter, redriven: bool) -> dict[str, Any]:
    """A letter without its bytes; `occurred_at` is epoch ms."""
    return {
        "dead_letter_id": letter.dead_letter_id,
        "occurred_at": letter.occurred_at,
        "stage": letter.stage,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "tenant": letter.tenant,
        "bytes": len(letter.value or b""),
        "redriven": redriven,
    }


def _bytes(letter: DeadLetter) -> dict[str, Any]:
    value = (letter.value or b"")[:_SHOWN_BYTES]
    return {
        "value_text": value.decode("utf-8", "backslashreplace"),
        "value_base64": base64.b64encode(value).decode(),
        "cut": len(letter.value or b"") > _SHOWN_BYTES,
    }


def _found(shelf: Shelf, dead_letter_id: str) -> tuple[DeadLetter, bool]:
    try:
        return shelf.find(dead_letter_id)
    except LetterNotFoundError as error:
        raise HTTPException(404, str(error)) from error


_PAGE = {
    "total": 3, "waiting": 1, "by_reason": {"not_json": 3},
    "dead_letters": [{"dead_letter_id": "7be1…", "occurred_at": 1_700_000_000_000, "stage": "intake", "reason": "not_json",
                      "detail": "The body is no JSON.", "topic": "alerts", "partition": -1, "offset": -1,
                      "tenant": "default", "bytes": 17, "redriven": False}],
}  # fmt: skip
