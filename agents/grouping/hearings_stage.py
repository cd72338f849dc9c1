"""Stage `hearings`: of each incident's sampled alerts those that grouping need hear, to where its whole tenant is heard.

Records of one tenant's environment lie in one partition of `alerts.heard`; counts keep a storm from filling it
(telling_counts.py). They come in the order of the sampled alerts of each partition and say where those lie, so that what a
redelivery brings again is known.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from agents.grouping.telling_counts import TellingCount
from schemas.identity import stable_id
from schemas.records.grouping import AlertHeard
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis
from streams.stage import Output, Received, Step
from streams.topics import HEARD, SAMPLED, Topic

_MOST_PAIRS = 200  # of one incident, counted at once
_IDLE_MS = 120_000
_LONGEST = 64  # of a service or name, in bytes
_KEPT = 40
_BETWEEN = "\x1f"


@dataclass(slots=True)
class Hearings:
    """An incident's counts by service and name, the newest last; `arrived_at` is its newest alert's arrival."""

    counts: dict[str, TellingCount] = field(default_factory=dict)
    arrived_at: Millis = 0


class HearingsStage:
    """SAMPLED -> HEARD, keyed by incident; what it says is keyed by tenant and environment."""

    name = "hearings"
    sources: tuple[Topic, ...] = (SAMPLED,)
    views: tuple[Topic, ...] = ()

    def key(self, received: Received[Any]) -> str | None:
        """The incident; an alert that has resolved is nothing unusual."""
        alert: Alert = received.record
        return alert.incident_id if alert.status is AlertStatus.FIRING else None

    def initial(self, key: str) -> Hearings:  # noqa: ARG002 - every incident begins alike
        """Nothing was counted."""
        return Hearings()

    def decide(self, state: Hearings, received: Received[Any]) -> Step[Hearings]:
        """Count the alert; say it where it tells something. Counts in place: a state is good for one decision."""
        alert: Alert = received.record
        words = short(alert.service) + _BETWEEN + short(alert.name)
        count = state.counts.pop(words, None) or TellingCount()
        state.counts[words] = count
        if len(state.counts) > _MOST_PAIRS:
            del state.counts[next(iter(state.counts))]
        state.arrived_at = received.position.arrived_at
        telling = count.heard(alert.occurred_at, alert.severity.rank)
        return Step(state, () if telling is None else (_heard(received, telling),))

    def tick(self, key: str, state: Hearings, now: Millis) -> Step[Hearings] | None:  # noqa: ARG002
        """Forget what has been silent for two minutes."""
        return Step(None) if now - state.arrived_at > _IDLE_MS else None

    def waits(self, state: Hearings) -> bool:  # noqa: ARG002
        """Always: until it is forgotten."""
        return True

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: Hearings) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(state)

    def load(self, fields: dict[str, Any]) -> Hearings:
        """What `dump` wrote."""
        counts = {words: TellingCount(**count) for words, count in fields["counts"].items()}
        return Hearings(counts, fields["arrived_at"])


def short(words: str) -> str:
    """The words, or where they are long their beginning and a number of the whole: alike for alike words.

    >>> short("login failed"), len(short("x" * 1000))
    ('login failed', 57)
    """
    if len(words) <= _LONGEST and len(words.encode("unicode_escape")) <= _LONGEST:
        return words
    begin = words[:_KEPT] if words[:_KEPT].isascii() else ""
    return f"{begin}~{stable_id(words, digits=16)}"


def _heard(received: Received[Any], count: int) -> Output:
    alert, where = received.record, received.position
    record = AlertHeard(
        tenant=alert.tenant, environment=alert.environment, incident_id=alert.incident_id, service=short(alert.service),
        name=short(alert.name), severity=alert.severity, count=count, occurred_at=alert.occurred_at,
        partition=where.partition, offset=where.offset,
    )  # fmt: skip
    return Output(HEARD, f"{alert.tenant}/{alert.environment}", record)
