"""`/api/v1/approvals`: plans that wait for a person, and the person's answer to one exact plan."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ops.api.approval_desk import ApprovalsDesk
from ops.api.problems import ProblemRoute, problems
from ops.api.remembered import Remembered
from ops.api.tags import Shown, answered, shown
from ops.projections import told_if_damaged
from schemas.records.command import ApprovalAnswer, ApprovalState

_HOW = {"approve": ApprovalState.GIVEN, "reject": ApprovalState.REFUSED}


class AnswerBody(BaseModel):
    """Who says what to which plan, and why; all of it goes on record."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"answer": "approve", "plan_hash": "9f2c" * 16, "by": "ana", "why": "It is the known leak."}]
        },
    )

    answer: Literal["approve", "reject"]
    plan_hash: str = Field(
        pattern="^[0-9a-f]{64}$", description="Of the plan that was read: the answer is to no other."
    )
    by: str = Field(min_length=1, max_length=200, pattern=r"\S", description="Who answers.")
    why: str = Field(min_length=1, max_length=2_000, pattern=r"\S", description="Why, as it will be read afterwards.")


class Approvals:
    """The desk for all who look at it; `fresh_s`: so old the list may be, but not older than an answer given here."""

    def __init__(self, desk: ApprovalsDesk, fresh_s: float = 0.0) -> None:
        self._desk = desk
        self._lists: Remembered[Shown] = Remembered(fresh_s)

    def shown(self, tenant: str | None = None, limit: int = 100) -> Shown:
        """The plans that wait, as they are sent."""
        with told_if_damaged():
            return self._lists.get((tenant, limit), lambda: shown({"approvals": self._desk.waiting(tenant, limit)}))

    async def answer(self, approval_id: str, body: AnswerBody) -> tuple[dict[str, Any], bool]:
        """ApprovalsDesk.answer."""
        said = ApprovalAnswer(
            approval_id=approval_id, plan_hash=body.plan_hash, by=body.by.strip(), why=body.why.strip()
        )
        with told_if_damaged():
            found = await self._desk.answer(said, _HOW[body.answer])
        self._lists.forget()
        return found


def approvals_router(approvals: Approvals) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"], route_class=ProblemRoute)

    @router.get("", responses={200: {"content": {"application/json": {"example": _PAGE}}}, **problems(503)})
    def waiting(
        request: Request, tenant: str | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> Response:
        """Plans that wait for a person, those that expire first in front."""
        return answered(request, approvals.shown(tenant, limit))

    @router.post(
        "/{approval_id}",
        responses={
            200: {"description": "It is on record.", "content": {"application/json": {"example": _APPROVAL}}},
            202: {"description": "It is on its way; ask again."},
            **problems(403, 404, 409, 422, 503),
        },
    )
    async def answer(approval_id: str, body: AnswerBody) -> Response:
        """Approve or reject one exact plan. 409 where it is stale: another plan, expired, or answered already.

        The same answer again is answered alike and changes nothing.
        """
        approval, recorded = await approvals.answer(approval_id, body)
        return JSONResponse(approval, 200 if recorded else 202)

    return router


_APPROVAL: dict[str, Any] = {
    "approval_id": "5c1d…", "incident_id": "inc-3f2a9c1b", "state": "GIVEN", "action": "RESTART", "target": "checkout",
    "role": "senior_sre", "reason": "A human decides: support 0.4 is below 0.5.", "plan_hash": "9f2c" * 16,
    "plan": {"action": "RESTART", "steps": ["stop checkout and start it again"], "evidence": ["anomalies/0/7"]},
    "cost": 10.0, "expires_at": 1_700_000_900_000, "by": "ana", "why": "It is the known leak.",
}  # fmt: skip
_PAGE = {"approvals": [{**_APPROVAL, "state": "PENDING"}]}
