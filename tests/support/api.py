"""The API over a store of its own, and a pipeline that answers at once in place of Kafka and its workers."""

import json
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.approval_desk import ApprovalsDesk
from ops.api.approvals import Approvals, approvals_router
from ops.api.incident_paths import IncidentPaths
from ops.api.incidents import incidents_router
from schemas.codec import Codec
from schemas.convert import to_dict
from schemas.records.log import IncidentCommand
from state.admission import refusal
from state.incident import EventType
from state.personal import Keyring, OpenedProjection, sealed
from state.sqlite_projection import SqliteProjection
from streams.outbox import Message
from tests.support.event_sequences import EventLog

ID = "inc-checkout"


class DirectCommands:
    """Takes commands as the sequencer does, and has the store show their events at once; or, when `deaf`, never."""

    def __init__(self, log: EventLog, store: SqliteProjection) -> None:
        self.log, self.store = log, store
        self.taken: list[IncidentCommand] = []
        self.fault: str | None = None
        self.deaf = False
        self.between: list[EventType] = []  # what others have put on record by the time that a command comes

    async def delivered(self, records: Sequence[Message]) -> list[str | None]:
        for message in [] if self.fault or self.deaf else records:
            command = Codec(IncidentCommand).decode(message.value or b"")
            if self.between:
                self.append(self.between.pop(0))
            self.taken.append(command)
            if refusal(self.log.state(command.incident_id), command) is None:
                self.append(EventType(command.type), event_id=command.command_id, **json.loads(command.payload))
        return [self.fault for _ in records]

    def append(self, kind: EventType, incident_id: str = ID, **changes: Any) -> None:
        """An event, as the projection gets it."""
        self.store.apply([self.log.append(incident_id, kind, **changes)])


def client_of(pipeline: DirectCommands, *, patience_s: float = 5.0, keys: Keyring | None = None) -> TestClient:
    """Asks the API of the pipeline's store; its clock is the log's. With `keys`, what is personal is sealed."""
    shown = pipeline.store if keys is None else OpenedProjection(pipeline.store, keys)
    desk = ApprovalsDesk(
        lambda: shown,
        lambda: pipeline,
        lambda: Codec(IncidentCommand),
        lambda: pipeline.log.now_ms,
        lambda said, incident_id: to_dict(said) if keys is None else sealed(said, incident_id, keys),
        patience_s,
    )
    app = FastAPI()
    app.include_router(incidents_router(lambda: shown, clock=lambda: pipeline.log.now_ms))
    app.include_router(approvals_router(Approvals(desk)))
    app.add_middleware(IncidentPaths)
    return TestClient(app, raise_server_exceptions=False)
