"""Places of items in a body, as a dead letter's header names them: `0-3,7`."""

from collections.abc import Sequence


def as_ranges(places: Sequence[int]) -> str:
    """Places in rising order, neighbours as ranges: of 50,000 items at most 150 kB.

    >>> as_ranges([0, 1, 2, 5, 7, 8])
    '0-2,5,7-8'
    """
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)


def places_of(ranges: str) -> set[int]:
    """The places again.

    >>> sorted(places_of("0-2,5,7-8")), places_of("")
    ([0, 1, 2, 5, 7, 8], set())
    """
    found: set[int] = set()
    for run in ranges.split(","):
        first, _, last = run.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return found
