"""How many distinct sources an incident's alerts come from: a HyperLogLog sketch an incident, kept sparse.

P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007): 1,024 registers, a
standard error of 3.3 %; few sources are counted by the registers that are still empty (linear counting).
"""

import math
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from agents.sampling.columns import Columns
from agents.sampling.incidents import Incidents, key_of
from agents.sampling.keyed_table import Ints

REGISTERS = 1024
_REGISTER_BITS = 10
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)
_MIX = 0x9E3779B97F4A7C15


@lru_cache(maxsize=65_536)
def register_of(source: str) -> int:
    """The register and the rank of a source, as `register << 8 | rank`."""
    raw = source.encode("utf-8", "surrogatepass")
    hashed = ((zlib.crc32(raw) << 32 | zlib.adler32(raw)) * _MIX) & 0xFFFFFFFFFFFFFFFF
    hashed ^= hashed >> 32
    hashed = (hashed * _MIX) & 0xFFFFFFFFFFFFFFFF
    rest = hashed >> _REGISTER_BITS
    rank = 64 - _REGISTER_BITS - rest.bit_length() + 1
    return (hashed & (REGISTERS - 1)) << 8 | rank


def note_sources(state: Incidents, who: Ints, order: Ints, columns: Columns) -> None:
    """Add the sources of alerts to their incidents' sketches. `who`: slots, of the rows `order` of the columns."""
    sources = columns.codes("source")
    pairs = np.unique(who * len(sources.values) + sources.codes[order])
    slots, code = np.divmod(pairs, len(sources.values))
    places = np.asarray([register_of(source) for source in sources.values], np.int64)[code]
    keys = key_of(slots, places >> 8)
    by_key = np.argsort(keys << 8 | places & 0xFF)
    keys, ranks = keys[by_key], (places & 0xFF)[by_key]
    last = np.append(keys[1:] != keys[:-1], True)  # the greatest rank of each register
    keys, ranks = keys[last], ranks[last]
    at = state.sources.ensure(keys, ranks[:, None])
    state.sources.values[at, 0] = np.maximum(state.sources.values[at, 0], ranks)


def sketch(state: Incidents, slot: int) -> bytes:
    """The registers of an incident, as a storm's event carries them: each that is not 0 as two bytes number, one byte rank."""
    (begin,), (end,) = state.sources.bounds(np.asarray([slot]))
    parts, ranks = state.sources.parts(begin, end).tolist(), state.sources.values[begin:end, 0].tolist()
    return b"".join(part.to_bytes(2, "big") + rank.to_bytes(1, "big") for part, rank in zip(parts, ranks, strict=True))


def estimate(sketched: bytes) -> int:
    """About how many distinct sources a sketch has seen."""
    ranks = sketched[2::3]
    empty = REGISTERS - len(ranks)
    raw = _ALPHA * REGISTERS**2 / (sum(2.0**-rank for rank in ranks) + empty)
    if raw <= 2.5 * REGISTERS and empty:
        return round(REGISTERS * math.log(REGISTERS / empty))
    return round(raw)


def merged(sketches: Iterable[bytes]) -> bytes:
    """The sketch of all sources that any of these has seen: partitions and storms add up."""
    ranks: dict[int, int] = {}
    for one in sketches:
        for at in range(0, len(one), 3):
            number = int.from_bytes(one[at : at + 2], "big")
            ranks[number] = max(ranks.get(number, 0), one[at + 2])
    return _packed(sorted(ranks.items()))


def _packed(registers: Sequence[tuple[int, int]]) -> bytes:
    return b"".join(number.to_bytes(2, "big") + rank.to_bytes(1, "big") for number, rank in registers)
