"""What becomes of alerts from moment to moment: rates, open storms, the loudest incidents and tenants. Bounded, no I/O.

Accounts are cumulative: what a slot of time got is the difference to the incident's account before. An incident whose beginning
was not seen counts from its second account on.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import Millis

SLOT_MS = 2_000
# Ten minutes.
SLOTS = 300
FATES = ("received", "kept", "suppressed", "late", "dead")
# Incidents whose last account is remembered: some 20 MB.
_MOST_REMEMBERED = 100_000
# A slot that is over keeps its loudest: in all 60,000 names.
_LOUDEST_OF_SLOT = 200
_MOST_STORMS = 200
_TOLD = 10

_COUNTED = ("received", "kept", "suppressed", "late")


@dataclass(slots=True)
class _Slot:
    """What happened from `at` on, for SLOT_MS."""

    at: Millis
    fates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    incidents: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # id, service, tenant
    tenants: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)  # by tenant and by incident


class AlertRates:
    """Fed with records in the order of the log by partition; `at` is when a record was written, epoch ms."""

    def __init__(self) -> None:
        self._slots: deque[_Slot] = deque(maxlen=SLOTS)
        self._last: OrderedDict[tuple[str, int], tuple[int, ...]] = OrderedDict()
        self._storms: OrderedDict[tuple[str, int], StormChanged] = OrderedDict()

    def account(self, account: AlertAccount, at: Millis) -> None:
        """An incident's account, told anew."""
        key = (account.incident_id, account.partition)
        totals = tuple(getattr(account, f"total_{fate}") for fate in _COUNTED)
        first = account.total_received == account.received
        before = self._last.pop(key, (0,) * len(_COUNTED) if first else totals)
        self._last[key] = tuple(map(max, totals, before))
        if len(self._last) > _MOST_REMEMBERED:
            self._last.popitem(last=False)
        more = [max(0, now - then) for now, then in zip(totals, before, strict=True)]
        slot = self._slot(at) if any(more) else None
        if slot is None:
            return
        for fate, count in zip(_COUNTED, more, strict=True):
            slot.fates[fate] += count
        received, _, suppressed, _ = more
        slot.incidents[account.incident_id, account.service, account.tenant] += received
        slot.tenants[account.tenant] += received
        slot.suppressed[f"tenant {account.tenant}"] += suppressed
        slot.suppressed[account.incident_id] += suppressed

    def dead_letter(self, at: Millis) -> None:
        """A record was refused."""
        slot = self._slot(at)
        if slot is not None:
            slot.fates["dead"] += 1

    def storm(self, storm: StormChanged) -> None:
        """A storm opened or closed on a partition."""
        key = (storm.incident_id, storm.partition)
        self._storms.pop(key, None)
        if storm.open:
            self._storms[key] = storm
            if len(self._storms) > _MOST_STORMS:
                self._storms.popitem(last=False)

    def view(self, now: Millis) -> dict[str, Any]:
        """As the API shows it: rates by slot up to now (a second), and who was loudest in that time."""
        by_at = {slot.at: slot for slot in self._slots}
        end = _begin(now) - SLOT_MS  # the present slot is not full yet
        begins = range(end - (SLOTS - 1) * SLOT_MS, end + 1, SLOT_MS)
        empty = _Slot(0)
        rates = {
            fate: [by_at.get(at, empty).fates[fate] * 1_000 / SLOT_MS for at in begins] for fate in FATES
        }  # fmt: skip
        recent = [slot for slot in self._slots if slot.at >= begins[0]]
        return {
            "at": list(begins), "rates": rates, "slot_ms": SLOT_MS,
            "totals": {fate: sum(slot.fates[fate] for slot in recent) for fate in FATES},
            "incidents": list(_loudest_incidents(recent)), "tenants": list(_loudest_tenants(recent)),
            "storms": [_storm_view(storm) for storm in reversed(self._storms.values())],
        }  # fmt: skip

    def _slot(self, at: Millis) -> _Slot | None:
        begin = _begin(at)
        for slot in reversed(self._slots):
            if slot.at == begin:
                return slot
            if slot.at < begin:
                break
        if self._slots and begin < self._slots[-1].at:
            return self._between(begin)
        for done in list(self._slots)[-2:]:
            _shorten(done)
        self._slots.append(_Slot(begin))
        return self._slots[-1]

    def _between(self, begin: Millis) -> _Slot | None:
        """A slot for what is told late, partitions being read at different speeds; None where that is too long ago."""
        if begin <= self._slots[-1].at - SLOTS * SLOT_MS:
            return None
        if len(self._slots) == SLOTS:
            self._slots.popleft()
        place = sum(slot.at < begin for slot in self._slots)
        self._slots.insert(place, _Slot(begin))
        return self._slots[place]


def _begin(at: Millis) -> Millis:
    return at - at % SLOT_MS


def _shorten(slot: _Slot) -> None:
    for name in ("incidents", "tenants", "suppressed"):
        counter: Counter[Any] = getattr(slot, name)
        if len(counter) > 2 * _LOUDEST_OF_SLOT:
            setattr(slot, name, Counter(dict(counter.most_common(_LOUDEST_OF_SLOT))))


def _loudest_incidents(slots: list[_Slot]) -> Iterator[dict[str, Any]]:
    counts: Counter[tuple[str, str, str]] = sum((slot.incidents for slot in slots), Counter())
    for (incident_id, service, tenant), received in counts.most_common(_TOLD):
        suppressed = sum(slot.suppressed[incident_id] for slot in slots)
        yield {
            "incident_id": incident_id, "service": service, "tenant": tenant, "received": received, "suppressed": suppressed,
        }  # fmt: skip


def _loudest_tenants(slots: list[_Slot]) -> Iterator[dict[str, Any]]:
    counts: Counter[str] = sum((slot.tenants for slot in slots), Counter())
    for tenant, received in counts.most_common(_TOLD):
        suppressed = sum(slot.suppressed[f"tenant {tenant}"] for slot in slots)
        yield {"tenant": tenant, "received": received, "suppressed": suppressed}


def _storm_view(storm: StormChanged) -> dict[str, Any]:
    return {
        "storm_id": storm.storm_id, "incident_id": storm.incident_id, "tenant": storm.tenant, "service": storm.service,
        "since": storm.occurred_at, "rate_per_s": storm.rate_per_s, "baseline_per_s": storm.baseline_per_s,
        "distinct_sources": storm.distinct_sources,
        "loudest": [{"name": one.name, "count": one.count} for one in storm.loudest[:3]],
    }  # fmt: skip
