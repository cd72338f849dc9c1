"""What is taken away from an incident: its postmortem as a page, all its records as a bundle, and the verdict of a rerun.

A rerun takes seconds of processor time: it runs as a process of its own with the least priority, one at a time, and its verdict
is kept as long as the incident has not moved.
"""

import asyncio
import json
import re
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from ops.api.incident_paths import INCIDENT
from ops.api.problems import ProblemRoute, problems
from ops.errors import OperationError
from ops.incident_lookup import whole_timeline
from ops.projections import told_if_damaged
from ops.terminal.postmortem import markdown
from ops.terminal.stage_times import stage_times
from ops.terminal.story import tell
from state.incident import IncidentState
from state.ports import Projection

_PATIENCE_S = 120.0
_MOST_KEPT = 200
_MOST_SAID = 500
_WRONG_USE = 2

# Runs `breakwater ARGUMENTS`: exit code, standard output, standard error.
RunCommand = Callable[[Sequence[str]], Awaitable[tuple[int, bytes, bytes]]]


class RerunFailedError(OperationError):
    """The process that makes decisions again, or that writes a bundle, came to no end."""

    retriable = True


class Exports:
    """`folder` is where bundles lie while they are sent."""

    def __init__(self, projection: Callable[[], Projection], run: RunCommand, folder: Path) -> None:
        self._projection, self._run, self._folder = projection, run, folder
        self._turn = asyncio.Lock()
        self._verdicts: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()

    def known(self, incident_id: str) -> IncidentState:
        """The incident.

        Raises:
            HTTPException: 404, there is none.
        """
        with told_if_damaged():
            state = self._projection().incident(incident_id)
        if state is None:
            raise HTTPException(404, f"There is no incident {incident_id}.")
        return state

    def postmortem(self, incident_id: str) -> str:
        """The page, in Markdown."""
        state = self.known(incident_id)
        with told_if_damaged():
            events = whole_timeline(self._projection(), incident_id)
        return markdown(state, tell(events), stage_times([stored.event for stored in events]))

    def verdict(self, incident_id: str) -> dict[str, Any] | None:
        """The last verdict, with `stale`: the incident has moved since. None where nobody asked for one yet."""
        state = self.known(incident_id)
        head, found = self._verdicts.get(incident_id, ("", None))
        return None if found is None else {**found, "stale": head != state.head_hash}

    async def rerun(self, incident_id: str) -> dict[str, Any]:
        """Make the incident's decisions again; the document of `breakwater rerun --json`.

        Raises:
            RerunFailedError: it came to no end.
        """
        state = await asyncio.to_thread(self.known, incident_id)
        async with self._turn:
            head, found = self._verdicts.get(incident_id, ("", None))
            if found is None or head != state.head_hash:
                found = json.loads(await self._output(["rerun", "--json", "--", incident_id], partial_is_fine=True))
                self._verdicts[incident_id] = state.head_hash, found
                if len(self._verdicts) > _MOST_KEPT:
                    self._verdicts.popitem(last=False)
        return {**found, "stale": False}

    async def bundle(self, incident_id: str) -> tuple[Path, "TemporaryDirectory[str]"]:
        """All records of the incident in a file, in a folder that whoever sends it removes."""
        await asyncio.to_thread(self.known, incident_id)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="bundle-", dir=self._folder)
        path = Path(folder.name) / "incident.bundle"
        try:
            async with self._turn:
                await self._output(["bundle", "-o", str(path), "--", incident_id])
        except BaseException:
            folder.cleanup()
            raise
        return path, folder

    async def _output(self, arguments: Sequence[str], *, partial_is_fine: bool = False) -> bytes:
        if any("\0" in argument for argument in arguments):
            raise HTTPException(
                422, "No program can be told an id with a NUL character in it, so this cannot be made of it."
            )
        code, said, complaint = await self._run(arguments)
        # 1 also says that something differs: then there is a document all the same.
        if code == 0 or (partial_is_fine and code < _WRONG_USE and said.strip().startswith(b"{")):
            return said
        last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit code {code}"]
        raise RerunFailedError(f"`breakwater {arguments[0]}` failed: {last[0][:_MOST_SAID]}")


async def run_breakwater(arguments: Sequence[str]) -> tuple[int, bytes, bytes]:
    """Run the command line as a process of its own, with the least priority.

    Raises:
        RerunFailedError: it took too long, and was ended.
    """
    process = await asyncio.create_subprocess_exec(
        "nice", "-n", "10", sys.executable, "-m", "ops.cli", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        said, complaint = await asyncio.wait_for(process.communicate(), _PATIENCE_S)
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            raise RerunFailedError(
                f"`breakwater {arguments[0]}` took longer than {_PATIENCE_S:g} s. Run it in a terminal."
            ) from error
        raise
    return process.returncode or 0, said, complaint


def exports_router(exports: Callable[[], Exports]) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix=f"/api/v1/incidents/{INCIDENT}", tags=["incidents"], route_class=ProblemRoute)

    @router.get(
        "/postmortem",
        response_class=Response,
        responses={200: {"content": {"text/markdown": {}}}, **problems(404, 503)},
    )
    def postmortem(incident_id: str) -> Response:
        """The story as a Markdown page that a postmortem can begin with."""
        text = exports().postmortem(incident_id)
        return Response(text, media_type="text/markdown; charset=utf-8", headers=_attached(incident_id, "md"))

    @router.get(
        "/bundle",
        response_class=FileResponse,
        responses={200: {"content": {"application/zip": {}}}, **problems(404, 503)},
    )
    async def bundle(incident_id: str) -> FileResponse:
        """All records, schemas and settings of the incident in one file, for `breakwater rerun FILE` anywhere."""
        path, folder = await exports().bundle(incident_id)
        return FileResponse(
            path, media_type="application/zip", headers=_attached(incident_id, "bundle"),
            background=BackgroundTask(folder.cleanup),
        )  # fmt: skip

    @router.get(
        "/rerun", responses={200: {"content": {"application/json": {"example": _VERDICT}}}, **problems(404, 503)}
    )
    def verdict(incident_id: str) -> dict[str, Any]:
        """The last rerun's verdict; `result` null where none was asked for, `stale` where the incident has moved since."""
        return exports().verdict(incident_id) or {"incident_id": incident_id, "result": None, "stale": False}

    @router.post(
        "/rerun", responses={200: {"content": {"application/json": {"example": _VERDICT}}}, **problems(403, 404, 503)}
    )
    async def rerun(incident_id: str) -> dict[str, Any]:
        """Make the incident's decisions again, sealed off from the world, and compare each with the record."""
        return await exports().rerun(incident_id)

    return router


def _attached(incident_id: str, ending: str) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9._-]", "_", incident_id)[:100] or "incident"
    return {"Content-Disposition": f'attachment; filename="{name}.{ending}"', "X-Content-Type-Options": "nosniff"}


_VERDICT: dict[str, Any] = {
    "incident_id": "inc-3f2a9c1b", "result": "identical", "partial": False, "decisions": 212, "stale": False,
    "by_stage": {"candidates": 90, "consensus": 6}, "first_divergence": None, "divergences": 0, "missing": [],
    "same_code": True,
}  # fmt: skip
