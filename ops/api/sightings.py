"""What the page tells beside incidents, as the log has it: alerts' rates and storms, predictions with what came of them, and what
workers say of themselves.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from confluent_kafka import Message
from fastapi import APIRouter, Query, Request, Response

from ops.api.alert_rates import AlertRates
from ops.api.predictions_seen import PredictionsSeen
from ops.api.problems import ProblemRoute, problems
from ops.api.remembered import Remembered
from ops.api.tags import Shown, answered, shown, tagged
from ops.api.tailing import LogTail, Place
from ops.decoding import RecordDecoder
from schemas.errors import DecodeError
from schemas.records.log import WorkSignal
from schemas.records.vocabulary import Millis
from streams.topics import ACCOUNT, DEAD_LETTERS, PREDICTIONS, SIGNALS, STORMS

T = TypeVar("T")

_RATES_BACK_S = 600.0
_SIGNALS_BACK_S = 3_600.0
_MOST_SIGNALS = 100
_FRESH_S = 1.0
_PREDICTIONS_BACK_S = 86_400.0


class Sightings:
    """Follows the topics; any thread may ask. `threshold`: from which probability a breach is foretold."""

    def __init__(self, bootstrap: str, threshold: float) -> None:
        self._turn = threading.Lock()
        self._rates, self._predictions = AlertRates(), PredictionsSeen(threshold)
        self._signals: deque[WorkSignal] = deque(maxlen=_MOST_SIGNALS)
        self._threshold = threshold
        self._decoders = {topic.name: RecordDecoder(topic.name) for topic in (ACCOUNT, STORMS, PREDICTIONS, SIGNALS)}
        alerts = [topic.name for topic in (ACCOUNT, STORMS, DEAD_LETTERS)]
        self._tails = (
            LogTail(bootstrap, alerts, _Told(self._alerts_begin, self._take), back_s=_RATES_BACK_S),
            LogTail(
                bootstrap, [PREDICTIONS.name], _Told(self._predictions_begin, self._take), back_s=_PREDICTIONS_BACK_S
            ),
            LogTail(bootstrap, [SIGNALS.name], _Told(self._signals_begin, self._take), back_s=_SIGNALS_BACK_S),
        )

    def start(self) -> None:
        """Begin to follow."""
        for tail in self._tails:
            tail.start()

    def stop(self) -> None:
        """End."""
        for tail in self._tails:
            tail.stop()

    def rates(self, now: Millis) -> dict[str, Any]:
        """AlertRates.view."""
        return self._asked(lambda: self._rates.view(now))

    def predictions(self, now: Millis) -> dict[str, Any]:
        """PredictionsSeen.view."""
        return self._asked(lambda: self._predictions.view(now))

    def signals(self) -> list[WorkSignal]:
        """What workers said of themselves in the last hour, the newest first."""
        return self._asked(lambda: sorted(self._signals, key=lambda one: -one.occurred_at))

    def _asked(self, question: Callable[[], T]) -> T:
        with self._turn:
            return question()

    def _alerts_begin(self) -> None:
        with self._turn:
            self._rates = AlertRates()

    def _signals_begin(self) -> None:
        with self._turn:
            self._signals.clear()

    def _predictions_begin(self) -> None:
        with self._turn:
            self._predictions = PredictionsSeen(self._threshold)

    def _take(self, messages: Sequence[Message]) -> None:
        with self._turn:
            for message in messages:
                self._one(str(message.topic()), message)

    def _one(self, topic: str, message: Message) -> None:
        value, (_, at) = message.value(), message.timestamp()
        if value is None:
            return
        if topic == DEAD_LETTERS.name:
            self._rates.dead_letter(at)
            return
        try:
            record = self._decoders[topic].record(value)
        except DecodeError:
            return  # the stage that reads it writes the dead letter
        if topic == ACCOUNT.name:
            self._rates.account(record, at)
        elif topic == STORMS.name:
            self._rates.storm(record)
        elif topic == SIGNALS.name:
            self._signals.append(record)
        else:
            self._predictions.take(record)


class _Told:
    """A tail's listener that begins anew with each reading."""

    def __init__(self, begin: Callable[[], None], take: Callable[[Sequence[Message]], None]) -> None:
        self._begin, self.take = begin, take

    def begin(self, ends: dict[Place, int]) -> None:  # noqa: ARG002 - the tail's signature
        self._begin()

    def cut_off(self) -> None:
        """What was seen stays."""


def sightings_router(sightings: Callable[[], Sightings], clock: Callable[[], Millis]) -> APIRouter:
    """The routes."""
    rates: Remembered[Shown] = Remembered(_FRESH_S)
    router = APIRouter(prefix="/api/v1", route_class=ProblemRoute)

    @router.get(
        "/storms", tags=["storms"],
        responses={200: {"content": {"application/json": {"example": _STORMS}}}, **problems(503)},
    )  # fmt: skip
    def storms(request: Request) -> Response:
        """Alerts a second by what became of them, over ten minutes; open storms; the loudest incidents and tenants."""
        return answered(request, rates.get("", lambda: shown(sightings().rates(clock()))))

    @router.get(
        "/signals",
        tags=["health"],
        responses={200: {"content": {"application/json": {"example": _SIGNALS}}}, **problems(503)},
    )
    def signals(request: Request) -> Response:
        """What workers said of themselves in the last hour: stages over their budgets, and where another worker is due."""
        return tagged(request, {"signals": sightings().signals()})

    @router.get(
        "/predictions", tags=["predictions"],
        responses={200: {"content": {"application/json": {"example": _PREDICTIONS}}}, **problems(422, 503)},
    )  # fmt: skip
    def predictions(
        request: Request, tenant: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
    ) -> Response:
        """Breaches that are foretold, the likeliest first; and how the last ones turned out."""
        found = sightings().predictions(clock())
        for name in ("standing", "settled"):
            found[name] = [one for one in found[name] if tenant in (None, one["tenant"])][:limit]
        return tagged(request, found, [found["standing"], found["settled"]])

    return router


_STORMS: dict[str, Any] = {
    "at": [1_700_000_000_000], "slot_ms": 2_000, "totals": {"received": 50_000},
    "rates": {"received": [25_000.0], "kept": [100.0], "suppressed": [24_900.0], "late": [0.0], "dead": [0.0]},
    "incidents": [{"incident_id": "inc-3f2a9c1b", "service": "cart", "tenant": "default", "received": 40_000,
                   "suppressed": 39_800}],
    "tenants": [{"tenant": "default", "received": 50_000, "suppressed": 49_800}],
    "storms": [{"storm_id": "9c1b…", "incident_id": "inc-3f2a9c1b", "service": "cart", "tenant": "default",
                "since": 1_700_000_000_000, "rate_per_s": 12_000.0, "baseline_per_s": 0.2, "distinct_sources": 40,
                "loudest": [{"name": "UpstreamErrors", "count": 9_000}]}],
}  # fmt: skip
_PREDICTIONS: dict[str, Any] = {
    "at": 1_700_000_000_000, "counts": {"hit": 8, "false": 1, "miss": 1},
    "standing": [{"incident_id": "inc-3f2a9c1b", "service": "checkout", "metric": "memory_limit_ratio", "level": 0.95,
                  "probability": 0.91, "value": 0.74, "breach_in_s": 95.0, "to_s": 1_800}],
    "settled": [{"service": "cart", "metric": "error_rate", "outcome": "hit", "breached_after_s": 312.0}],
}  # fmt: skip
_SIGNALS: dict[str, Any] = {
    "signals": [{"kind": "over_budget", "worker": "analysis-1", "stage": "diagnosis", "topic": "incident.candidates",
                 "limit": "target", "measured": 131.2, "allowed": 120.0, "times": 3, "occurred_at": 1_700_000_000_000}],
}  # fmt: skip
