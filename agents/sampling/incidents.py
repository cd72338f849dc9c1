"""What is known of a partition's incidents, in columns: an incident is a slot, and a batch touches all of its slots at once.

`numbers` holds what is one number an incident. Windows, seconds, fingerprints and sources are many an incident: tables whose
keys begin with the slot, so that what belongs to an incident lies side by side.
"""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from agents.sampling.keyed_table import SHIFT, Bools, Ints, KeyedTable
from agents.sampling.texts import Texts

# Of fingerprints and their names, that rows hold by the ten thousand; and of the tenant and service of an account.
MAX_PRINT_CHARS = 64
MAX_NAME_CHARS = 64
MAX_TEXT = 256
_FIRST = 256


class N(IntEnum):
    """Columns of `numbers`. The six counts stand side by side, and `upto` is the offset up to which alerts are counted."""

    RECEIVED = 0
    KEPT = 1
    SUPPRESSED = 2
    LATE = 3
    DEAD = 4
    OVER_QUOTA = 5
    UPTO = 6
    WATERMARK = 7
    ARRIVED = 8
    TIER = 9
    STORM_AT = 10
    CALM = 11
    JUDGED = 12


COUNTS = 6
_START = np.asarray([0] * COUNTS + [-1, -1, 0, 0, 0, 0, -1], np.int64)


class W(IntEnum):
    """Columns of `windows`, behind the counts; keys are (slot, number of the window)."""

    FIRST = COUNTS
    CHANGED = COUNTS + 1


class P(IntEnum):
    """Columns of `prints`; keys are (slot, code of the fingerprint's text)."""

    SEEN = 0
    FIRING = 1
    COUNT = 2
    NAME = 3


class Incidents:
    """The incidents of one partition.

    Attributes:
        ids: by slot; "" where a slot is free. numbers: by slot and `N`. storms: ids of the storms that are open, by slot.
        windows, prints: see `W` and `P`. seconds: how many alerts were kept, by slot and second of event time.
        sources: registers of the sketch of distinct sources, by slot and register. changed: slots to be written.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.tenants: list[str] = []
        self.services: list[str] = []
        self.numbers: Ints = np.tile(_START, (_FIRST, 1))
        self.baselines: NDArray[np.float64] = np.zeros(_FIRST)
        self.changed: Bools = np.zeros(_FIRST, bool)
        self.storms: dict[int, str] = {}
        self.windows = KeyedTable(COUNTS + 2)
        self.seconds = KeyedTable(1)
        self.prints = KeyedTable(4)
        self.sources = KeyedTable(1)
        self.texts = Texts()
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._texts_kept = 0

    def __len__(self) -> int:
        return len(self._slots)

    def slots(self, ids: Sequence[str]) -> Ints:
        """The slots of incidents; new ones get one."""
        get = self._slots.get
        found = [get(incident_id) for incident_id in ids]
        if None in found:
            found = [self.slot_of(i) if slot is None else slot for i, slot in zip(ids, found, strict=True)]
        return np.asarray(found, np.int64)

    def known(self, incident_id: str) -> bool:
        """Whether it has a slot."""
        return incident_id in self._slots

    def slot_of(self, incident_id: str) -> int:
        """The slot of one incident."""
        known = self._slots.get(incident_id)
        if known is not None:
            return known
        if self._free:
            slot = self._free.pop()
            self.ids[slot] = incident_id
        else:
            slot = len(self.ids)
            self.ids.append(incident_id)
            self.tenants.append("")
            self.services.append("")
            self._grow(slot + 1)
        self._slots[incident_id] = slot
        return slot

    def _grow(self, size: int) -> None:
        if size > len(self.numbers):
            more = len(self.numbers)
            self.numbers = np.concatenate((self.numbers, np.tile(_START, (more, 1))))
            self.baselines = np.concatenate((self.baselines, np.zeros(more)))
            self.changed = np.concatenate((self.changed, np.zeros(more, bool)))

    def live(self) -> Ints:
        """The slots that are taken."""
        return np.fromiter(self._slots.values(), np.int64, len(self._slots))

    def forget(self, slots: Ints) -> list[str]:
        """Remove incidents and all that is known of them; returns their ids."""
        gone = [self.ids[slot] for slot in slots.tolist()]
        for slot, incident_id in zip(slots.tolist(), gone, strict=True):
            del self._slots[incident_id]
            self.storms.pop(slot, None)
            self.ids[slot] = self.tenants[slot] = self.services[slot] = ""
            self._free.append(slot)
        self.numbers[slots], self.baselines[slots], self.changed[slots] = _START, 0.0, False
        for table in (self.windows, self.seconds, self.prints, self.sources):
            table.keep(~np.isin(table.owners(), slots))
        return gone

    def forget_texts(self) -> None:
        """Give back texts that no fingerprint has any more, once there are half as many again as last time."""
        if len(self.texts) > self._texts_kept + self._texts_kept // 2 + _FIRST:
            self.texts.keep(np.concatenate((self.prints.parts(), self.prints.values[:, P.NAME])))
            self._texts_kept = len(self.texts)


def key_of(slots: Ints, parts: Ints) -> Ints:
    """Keys of the tables."""
    return (slots << SHIFT) | parts
