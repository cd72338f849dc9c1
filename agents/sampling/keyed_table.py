"""A table of whole numbers with sorted keys, worked on by the thousand keys at once. Pure.

Dictionaries cost half a microsecond a key and keep an object a number; here a batch finds, adds and removes its keys in a
few numpy calls, and what belongs to one owner (the upper bits of its keys) lies side by side.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Keys are (owner << SHIFT) | part: owners below 2^29, parts (seconds since 1970, say) below 2^34.
SHIFT = 34
PART = (1 << SHIFT) - 1


class KeyedTable:
    """Rows of `width` numbers by key; `values[i]` belongs to `keys[i]`, and keys ascend."""

    def __init__(self, width: int) -> None:
        self.keys: Ints = np.empty(0, np.int64)
        self.values: Ints = np.empty((0, width), np.int64)

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, keys: Ints) -> tuple[Ints, Bools]:
        """Where keys are, and whether they are there; the place of an absent key means nothing."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return at, self.keys[at] == keys

    def ensure(self, keys: Ints, initial: Ints) -> Ints:
        """Where (distinct) keys are, once those that were not there are added, each with its row of `initial`."""
        _, there = self.find(keys)
        if not there.all():
            new = np.flatnonzero(~there)
            self._merge(keys[new], initial[new])
        return np.searchsorted(self.keys, keys)

    def _merge(self, keys: Ints, values: Ints) -> None:
        merged = np.concatenate((self.keys, keys))
        order = np.argsort(merged, kind="stable")  # radix sort would not know that most of it is sorted
        self.keys = merged[order]
        self.values = np.concatenate((self.values, values))[order]

    def keep(self, which: Bools) -> None:
        """Remove all rows but these."""
        if not which.all():
            self.keys, self.values = self.keys[which], self.values[which]

    def owners(self) -> Ints:
        """The owner of each row."""
        return self.keys >> SHIFT

    def parts(self, begin: int = 0, end: int | None = None) -> Ints:
        """The part of each row's key that is not the owner; of some of the rows, where they are named."""
        return self.keys[begin:end] & PART

    def bounds(self, owners: Ints) -> tuple[list[int], list[int]]:
        """Where the rows of each owner begin and end."""
        begins = np.searchsorted(self.keys, owners << SHIFT)
        ends = np.searchsorted(self.keys, (owners + 1) << SHIFT)
        return begins.tolist(), ends.tolist()
