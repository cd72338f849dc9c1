"""The approvals' desk: what waits for a person, and putting their answer on record.

The sequencer alone decides whether an answer counts (state.incident.unanswerable); the desk says early what it can see, and
waits until the answer is in the log.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import HTTPException

from agents.resolution.plan import plan_hash
from ops.api.asking import Commands, StoreAsk
from ops.api.problems import ConflictError
from schemas.codec import Codec
from schemas.identity import stable_id
from schemas.records.command import ApprovalAnswer, ApprovalState
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Agent, Evidence, Millis
from state.commands import append_event
from state.errors import ProposalRefusedError
from state.incident import EventType, IncidentState, Status
from state.ports import IncidentQuery, Projection
from state.proposal import Decide, propose
from streams.errors import SilentSequencerError
from streams.topics import EVENTS

_PAGE = 200
# Of incidents that wait for nobody any more, so many are looked through for an approval that was answered.
_MOST_ANSWERED = 2_000

_KINDS = {ApprovalState.GIVEN: EventType.APPROVAL_GIVEN, ApprovalState.REFUSED: EventType.APPROVAL_REFUSED}


@dataclass(frozen=True, slots=True)
class ApprovalsDesk:
    """Works on the store and the log.

    `clock` gives epoch ms; `seal` makes an answer's payload, with what is personal in it sealed for its incident; `patience_s` is
    how long an answer may take to be on record.
    """

    projection: Callable[[], Projection]
    commands: Callable[[], Commands]
    codec: Callable[[], Codec[IncidentCommand]]
    clock: Callable[[], Millis]
    seal: Callable[[ApprovalAnswer, str], dict[str, Any]]
    patience_s: float = 10.0

    def waiting(self, tenant: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Plans that wait for a person, those that expire first in front."""
        found = []
        for state in self._states(IncidentQuery(status=Status.ESCALATED, tenant=tenant, limit=_PAGE)):
            approval = state.approval
            if approval is not None and approval["state"] == ApprovalState.PENDING:
                found.append(approval_view(state, approval, self.clock()))
        return sorted(found, key=lambda one: (one["expires_at"] or 0, one["approval_id"]))[:limit]

    def find(self, approval_id: str) -> IncidentState:
        """The incident whose plan it is.

        Raises:
            HTTPException: 404, there is none.
        """
        queries = (IncidentQuery(status=Status.ESCALATED, limit=_PAGE), IncidentQuery(limit=_PAGE))
        for query in queries:
            for number, state in enumerate(self._states(query)):
                if state.approval is not None and state.approval["approval_id"] == approval_id:
                    return state
                if query.status is None and number >= _MOST_ANSWERED:
                    break
        raise HTTPException(
            404, f"No plan has the approval id {approval_id[:100]!r}. `GET /api/v1/approvals` lists those."
        )

    async def answer(self, said: ApprovalAnswer, how: ApprovalState) -> tuple[dict[str, Any], bool]:
        """Put an answer on record; the approval as it then stands, and whether the answer has been seen in the log.

        The same answer of the same person again changes nothing and is answered alike.

        Raises:
            ConflictError: the plan does not wait any more, is another one, or somebody else was quicker.
            NotRecordedError: Kafka does not take it.
        """
        state = await asyncio.to_thread(self.find, said.approval_id)
        approval = state.approval or {}
        if approval["state"] != ApprovalState.PENDING:
            return self._settled(state, said, how), True
        self._check(approval, said)
        place = await asyncio.to_thread(self._place, state, said.approval_id)
        payload = await asyncio.to_thread(self.seal, said, state.incident_id)
        if not await self._proposed(state, said, partial(self._command, said, _KINDS[how], payload, place)):
            return approval_view(state, approval, self.clock()), False
        now_state = await asyncio.to_thread(lambda: self.projection().incident(state.incident_id))
        return self._settled(now_state or state, said, how), True

    def _settled(self, state: IncidentState, said: ApprovalAnswer, how: ApprovalState) -> dict[str, Any]:
        approval = state.approval or {}
        ours = (how, said.plan_hash, said.by)
        if (approval.get("state"), approval.get("plan_hash"), approval.get("by")) == ours:
            return approval_view(state, approval, self.clock())
        by = f" by {approval['by']}" if approval.get("by") else ""
        now = str(approval.get("state", "gone")).lower()
        shown = approval_view(state, approval, self.clock())
        raise ConflictError(
            f"The plan does not wait for an answer any more: it is {now}{by}. Nothing was changed.", approval=shown
        )

    def _check(self, approval: dict[str, Any], said: ApprovalAnswer) -> None:
        if plan_hash(approval.get("plan", "")) != approval["plan_hash"]:
            raise ConflictError(
                "The plan on record is not the one that its hash is of. Run `breakwater events verify`."
            )
        if approval["plan_hash"] != said.plan_hash:
            raise ConflictError(
                "The answer is to another plan than the one that waits. Read the present one and answer that.",
                plan_hash=approval["plan_hash"],
            )
        expires_at = approval.get("expires_at")
        if isinstance(expires_at, int) and self.clock() > expires_at:
            raise ConflictError("The plan has expired: what it rests on is too old. Nothing was changed.")

    def _place(self, state: IncidentState, approval_id: str) -> Evidence:
        """Where the request lies in the log: the answer's source."""
        for stored in reversed(self.projection().timeline(state.incident_id)):
            event = stored.event
            if event.type == EventType.APPROVAL_REQUESTED and json.loads(event.payload)["approval_id"] == approval_id:
                return Evidence(topic=stored.topic, partition=stored.partition, offset=stored.offset, summary="asked")
        return Evidence(topic=EVENTS.name, partition=-1, offset=-1, summary="asked")

    async def _proposed(self, state: IncidentState, said: ApprovalAnswer, make: Decide) -> bool:
        """Whether the plan waits no more: by this answer, or by what somebody else said meanwhile.

        The answer names the version of the incident that it was judged by. Where that has gone on, it is judged again.
        """

        def decide(now: IncidentState) -> IncidentCommand | None:
            approval = now.approval or {}
            if approval.get("approval_id") != said.approval_id or approval["state"] != ApprovalState.PENDING:
                return None
            self._check(approval, said)
            return make(now)

        def read() -> IncidentState:
            return self.projection().incident(state.incident_id) or state

        loop = asyncio.get_running_loop()
        ask = StoreAsk(self.projection, self.commands(), self.codec(), loop, self.clock, self.patience_s)
        try:
            await asyncio.to_thread(propose, read, decide, ask, sleep=time.sleep, chance=random.random)
        except (SilentSequencerError, ProposalRefusedError):
            # Given twice at once it is on record once, and this was the other one.
            return decide(await asyncio.to_thread(read)) is None
        return True

    def _command(
        self, said: ApprovalAnswer, kind: EventType, payload: dict[str, Any], place: Evidence, state: IncidentState
    ) -> IncidentCommand:
        return append_event(
            kind,
            incident_id=state.incident_id,
            tenant=state.tenant,
            episode=state.episode,
            payload=payload,
            agent=Agent.OPERATOR,
            occurred_at=self.clock(),
            source=place,
            # Two people who say the same are two: the second is told that the first was quicker.
            causation_id=stable_id("answer", said.approval_id, payload["by"]),
        )

    def _states(self, query: IncidentQuery) -> Iterator[IncidentState]:
        while True:
            page = self.projection().incidents(query)
            yield from page.incidents
            if page.cursor is None:
                return
            query = replace(query, cursor=page.cursor)


def approval_view(state: IncidentState, approval: dict[str, Any], now: Millis) -> dict[str, Any]:
    """A plan that waits or waited, whole: `plan` is the object whose canonical text the hash is of."""
    expires_at = approval.get("expires_at")
    late = isinstance(expires_at, int) and now > expires_at and approval["state"] == ApprovalState.PENDING
    return {
        **approval,
        "plan": _plan(approval.get("plan")),
        "state": ApprovalState.EXPIRED if late else approval["state"],
        "expires_at": expires_at,
        "incident_id": state.incident_id,
        "incident": {
            "status": state.status, "severity": state.severity, "title": state.title, "service": state.service,
            "tier": state.tier, "root_cause": state.root_cause,
        },
    }  # fmt: skip


def _plan(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
