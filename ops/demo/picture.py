"""The log of a demonstration folded into a picture. The same records in any order of topics give the same picture."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from ops.demo.snapshot import AlertCounts, Observed
from schemas.records.log import DeadLetter, IncidentEvent
from schemas.records.sampling import AlertAccount, StormChanged
from state.incident import IncidentState, Status, evolve
from streams.topics import ALERTS


class Picture:
    """Folds records of the incidents in `ids`; others are passed over."""

    def __init__(self, ids: Collection[str]) -> None:
        self._ids = frozenset(ids)
        self._accounts: dict[tuple[int, str], AlertAccount] = {}  # by partition of the raw topic, and incident
        self._incidents: dict[str, IncidentState] = {}
        self._resolved: dict[str, IncidentState] = {}
        self._told: Counter[str] = Counter()
        self._dead: set[str] = set()
        self._storms: set[str] = set()
        self._loudest_per_s = 0.0
        self._folds: dict[type, Callable[[Any], None]] = {
            AlertAccount: self._account,
            IncidentEvent: self._event,
            StormChanged: self._storm,
        }

    def take(self, topic: str, record: Any) -> None:
        """Fold one record in. A record that came before changes nothing but its topic's count."""
        if isinstance(record, DeadLetter):
            if record.topic == ALERTS.name and (record.key or b"").decode("utf-8", "replace") in self._ids:
                self._dead.add(record.dead_letter_id)
            return
        if record.incident_id not in self._ids:
            return
        self._told[topic] += 1
        fold = self._folds.get(type(record))
        if fold is not None:
            fold(record)

    def observed(self) -> Observed:
        """The picture now."""
        return Observed(
            alerts=self._counts(),
            incidents=tuple(sorted(self._incidents.values(), key=lambda i: (i.opened_at or 0, i.incident_id))),
            resolved=dict(self._resolved),
            told=dict(self._told),
            dead_letters=len(self._dead),
            storms=len(self._storms),
            loudest_storm_per_s=self._loudest_per_s,
        )

    def _account(self, record: AlertAccount) -> None:
        # Totals are cumulative by partition of the raw topic: the record that counts up to the greatest offset tells all.
        place = record.partition, record.incident_id
        known = self._accounts.get(place)
        if known is None or record.upto >= known.upto:
            self._accounts[place] = record

    def _event(self, event: IncidentEvent) -> None:
        state = self._incidents.get(event.incident_id, IncidentState(incident_id=event.incident_id))
        if event.version > state.version:
            state = self._incidents[event.incident_id] = evolve(state, event)
            before = self._resolved.get(event.incident_id)
            if state.status == Status.RESOLVED and (state.actions or before is None or not before.actions):
                self._resolved[event.incident_id] = state

    def _storm(self, change: StormChanged) -> None:
        self._storms.add(change.storm_id)
        self._loudest_per_s = max(self._loudest_per_s, change.rate_per_s)

    def _counts(self) -> AlertCounts:
        latest = self._accounts.values()
        return AlertCounts(
            received=sum(a.total_received for a in latest),
            kept=sum(a.total_kept for a in latest),
            suppressed=sum(a.total_suppressed for a in latest),
            late=sum(a.total_late for a in latest),
            dead_lettered=sum(a.total_dead_lettered for a in latest),
        )
