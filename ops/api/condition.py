"""How the machine itself is: checks, brokers, workers, the store; each asked within five seconds, once for all who ask."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from fastapi import APIRouter, Request, Response

from ops.api.health import CHECK_TIMEOUT_S
from ops.api.problems import ProblemRoute, problems
from ops.api.remembered import Remembered
from ops.api.tags import tagged
from ops.lag.judgement import LagRow
from ops.projections import told_if_damaged
from ops.roles import ROLES, group_of
from schemas.errors import BreakwaterError
from schemas.records.vocabulary import Millis
from state.ports import Projection

_FRESH_S = 2.0

# What there is to tell, or raises: what is wrong and what to do.
Ask = Callable[[], dict[str, Any]]


class Board(Protocol):
    """What is needed of a LagBoard."""

    def latest(self, patience_s: float) -> tuple[tuple[LagRow, ...], float]:
        """The rows of the last look and when they were true, epoch seconds."""


class Condition:
    """Asks each question on a thread of its own. `clock`: epoch ms."""

    def __init__(self, questions: Mapping[str, Ask], clock: Callable[[], Millis]) -> None:
        self._questions, self._clock = dict(questions), clock
        self._pool = ThreadPoolExecutor(2 * len(questions), thread_name_prefix="condition")
        self._last: Remembered[dict[str, Any]] = Remembered(_FRESH_S)

    def close(self) -> None:
        """End; a question that is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def view(self) -> dict[str, Any]:
        """`well`, `checks` (by name: ok, detail, took_s), and under each question's name what it told."""
        return self._last.get("", self._look)

    def _look(self) -> dict[str, Any]:
        asked = {name: self._pool.submit(_asked, ask) for name, ask in self._questions.items()}
        wait(asked.values(), timeout=CHECK_TIMEOUT_S)
        late = {"ok": False, "detail": f"No answer within {CHECK_TIMEOUT_S:g} s.", "took_s": CHECK_TIMEOUT_S}
        found = {name: future.result() if future.done() else (late, {}) for name, future in asked.items()}
        checks = [{"name": name, **check} for name, (check, _) in found.items()]
        told = {name: shown for name, (_, shown) in found.items()}
        return {"at": self._clock(), "well": all(check["ok"] for check in checks), "checks": checks, **told}


def _asked(ask: Ask) -> tuple[dict[str, Any], dict[str, Any]]:
    begun, detail, shown = time.monotonic(), "", {}
    try:
        shown = ask()
        detail = str(shown.pop("wrong", ""))
    except BreakwaterError as error:
        detail = str(error)
    except KafkaException as error:
        detail = f"Kafka does not answer: {error.args[0].str()}."
    except TimeoutError:
        detail = "Kafka does not answer in time."
    return {"ok": not detail, "detail": detail, "took_s": round(time.monotonic() - begun, 3)}, shown


class ClusterQuestions:
    """Brokers and workers, asked of Kafka by one client."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._client: AdminClient | None = None

    def brokers(self) -> dict[str, Any]:
        """Who is there, and who leads."""
        found = self._answered(self._admin().describe_cluster(request_timeout=CHECK_TIMEOUT_S))
        leader = found.controller.id if found.controller else None
        nodes = [
            {"id": node.id, "address": f"{node.host}:{node.port}", "controller": node.id == leader}
            for node in found.nodes
        ]
        return {"cluster_id": found.cluster_id, "nodes": nodes}

    def workers(self) -> dict[str, Any]:
        """The members of each role's group, with how many partitions each has."""
        groups = {group_of(role): role for role in ROLES}
        asked = self._admin().describe_consumer_groups(list(groups), request_timeout=CHECK_TIMEOUT_S)
        shown, missing = [], []
        for group, future in asked.items():
            described = self._answered(future)
            members = [
                {"client": member.client_id, "host": member.host.lstrip("/"),
                 "partitions": len(member.assignment.topic_partitions) if member.assignment else 0}
                for member in described.members
            ]  # fmt: skip
            shown.append({"role": groups[group], "group": group, "state": described.state.name, "members": members})
            if not members:
                missing.append(groups[group])
        wrong = f"No worker runs: start it with `breakwater worker {missing[0]}`." if len(missing) == 1 else (
            f"No workers run for {', '.join(missing)}: `breakwater up` starts them." if missing else "")  # fmt: skip
        return {"groups": shown, "wrong": wrong}

    def _answered(self, asked: "Future[Any]") -> Any:
        try:
            return asked.result(CHECK_TIMEOUT_S)
        except (KafkaException, TimeoutError):
            self._client = None  # one that lost its broker in the middle of a request may wait for that answer for ever
            raise

    def _admin(self) -> AdminClient:
        if self._client is None:
            self._client = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
        return self._client


def store_question(projection: Callable[[], Projection], kind: str) -> Ask:
    """Whether the store of incidents answers, and how many events it holds."""

    def ask() -> dict[str, Any]:
        with told_if_damaged():
            return {"kind": kind, "events": projection().count()}

    return ask


def log_question(following: Callable[[], bool]) -> Ask:
    """Whether the log's events are followed, for live streams."""

    def ask() -> dict[str, Any]:
        wrong = "" if following() else "The events of the log are not followed: what streams tell stands still."
        return {"following": following(), "wrong": wrong}

    return ask


def keeping_up_question(board: Board) -> Ask:
    """Whether a group of ours stands still while there is something to read."""

    def ask() -> dict[str, Any]:
        rows, at = board.latest(CHECK_TIMEOUT_S - 0.5)
        ours = [row for row in rows if row.group in {group_of(role) for role in ROLES}]
        standing = sorted({f"{row.group} on {row.topic}: {row.status}" for row in ours if row.status != "OK"})
        wrong = f"{'; '.join(standing[:3])}. See the lag." if standing else ""
        return {
            "at": int(at * 1000), "lag": sum(row.lag for row in ours), "wrong": wrong,
            "lag_s": max((row.lag_s for row in ours), default=0.0),
        }  # fmt: skip

    return ask


def condition_router(condition: Condition) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/api/v1/health", tags=["health"], route_class=ProblemRoute)

    @router.get("", responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}, **problems(503)})
    def health(request: Request) -> Response:
        """Every check with what is wrong and what to do; brokers, workers, the store. 200 also where something is wrong."""
        return tagged(request, condition.view())

    return router


_EXAMPLE: dict[str, Any] = {
    "at": 1_700_000_000_000, "well": False,
    "checks": [{"name": "brokers", "ok": True, "detail": "", "took_s": 0.01},
               {"name": "workers", "ok": False, "detail": "No worker runs: start it with `breakwater worker edge`.",
                "took_s": 0.02}],
    "brokers": {"cluster_id": "xAb…", "nodes": [{"id": 1, "address": "127.0.0.1:9092", "controller": True}]},
    "workers": {"groups": [{"role": "edge", "group": "breakwater-edge", "state": "EMPTY", "members": []}]},
    "store": {"kind": "embedded", "events": 1_200},
}  # fmt: skip
