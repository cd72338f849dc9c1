"""A bounded memory of what a series has been like: the distance to the nearest prototype is how new a point is.

Source: adaptive resonance theory (Carpenter, Grossberg and Rosen 1991, "Fuzzy ART", Neural Networks 4), as ARTime takes it to
time series (Hampton 2022, the best published score on the Numenta benchmark): what resonates with a category refines it, what
does not founds a new one. Here the vigilance is a distance, and the category that was not met for longest makes room.
"""

from array import array
from bisect import bisect_left

_REFINES = 0.1


class Prototypes:
    """At most `capacity` points of a space of up to three dimensions; coordinates in the caller's units. 16 bytes each."""

    __slots__ = ("_a", "_b", "_c", "_capacity", "_clock", "_dimensions", "_met", "_vigilance")

    def __init__(self, capacity: int, vigilance: float, dimensions: int = 3) -> None:
        self._dimensions = dimensions
        self._capacity = capacity
        self._vigilance = vigilance
        self._a, self._b, self._c = array("f"), array("f"), array("f")
        self._met = array("I")
        self._clock = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._a)

    def distance(self, a: float, b: float, c: float, scale: float) -> float:
        """Root mean square distance to the nearest prototype, in units of `scale`; then learn the point. 0 for the first."""
        self._clock += 1
        if not self._a:
            self._found(a, b, c)
            return 0.0
        squares = [
            (a - x) * (a - x) + (b - y) * (b - y) + (c - z) * (c - z)
            for x, y, z in zip(self._a, self._b, self._c, strict=True)
        ]
        least = min(squares)
        distance: float = (least / self._dimensions) ** 0.5 / scale
        if distance > self._vigilance:
            self._found(a, b, c)
        else:
            self._refine(squares.index(least), a, b, c)
        return distance

    def _refine(self, nearest: int, a: float, b: float, c: float) -> None:
        self._met[nearest] = self._clock
        self._a[nearest] += _REFINES * (a - self._a[nearest])
        self._b[nearest] += _REFINES * (b - self._b[nearest])
        self._c[nearest] += _REFINES * (c - self._c[nearest])

    def _found(self, a: float, b: float, c: float) -> None:
        if len(self._a) < self._capacity:
            self._a.append(a)
            self._b.append(b)
            self._c.append(c)
            self._met.append(self._clock)
            return
        oldest = self._met.index(min(self._met))
        self._a[oldest], self._b[oldest], self._c[oldest] = a, b, c
        self._met[oldest] = self._clock


class PrototypesOnLine:
    """The same in one dimension, kept in order, so that the nearest is found by bisection. 8 bytes each."""

    __slots__ = ("_capacity", "_clock", "_met", "_places", "_vigilance")

    def __init__(self, capacity: int, vigilance: float) -> None:
        self._capacity = capacity
        self._vigilance = vigilance
        self._places = array("f")
        self._met = array("I")
        self._clock = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)

    def distance(self, place: float, scale: float) -> float:
        """Distance to the nearest prototype, in units of `scale`; then learn the place. 0 for the first."""
        self._clock += 1
        places = self._places
        after = bisect_left(places, place)
        if not places:
            self._found(0, place)
            return 0.0
        nearest = after
        if after == len(places) or (after and place - places[after - 1] < places[after] - place):
            nearest = after - 1
        off = place - places[nearest]
        distance = abs(off) / scale
        if distance > self._vigilance:
            self._found(after, place)
        else:
            # Its neighbours are beyond the place, so the order holds.
            places[nearest] += _REFINES * off
            self._met[nearest] = self._clock
        return distance

    def _found(self, after: int, place: float) -> None:
        if len(self._places) == self._capacity:
            oldest = self._met.index(min(self._met))
            del self._places[oldest], self._met[oldest]
            after -= oldest < after
        self._places.insert(after, place)
        self._met.insert(after, self._clock)
