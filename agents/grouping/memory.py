"""What a watch remembers, and its row: every number exactly, a size that is bounded whatever alerts are called.

Pairs and names are known by 64 bits of a hash of their words: 20,000 pairs are 2.3 MB in a row, however long the words are.
"""

import hashlib
import struct
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from agents.grouping.busiest import Busiest
from agents.grouping.group import Group
from agents.grouping.recurrence import Recurrence
from schemas.records.vocabulary import Severity

VERSION = 1
_BETWEEN = "\x1f"
_PAIR = struct.Struct("<Q9d")
_NAME = struct.Struct("<Q5d")


class Pair:
    """What is remembered of one name on one service."""

    __slots__ = ("busiest", "recurrence")

    def __init__(self) -> None:
        self.recurrence = Recurrence()
        self.busiest = Busiest()


@dataclass(slots=True)
class Memory:
    """All that a watch has learnt; of each mapping what was heard of last comes last. Times are epoch ms of event time.

    Attributes:
        rare: by service the unusual names of the last minutes, when each came and how rare it was.
    """

    pairs: OrderedDict[int, Pair] = field(default_factory=OrderedDict)
    names: OrderedDict[int, Recurrence] = field(default_factory=OrderedDict)
    rare: OrderedDict[str, dict[str, tuple[int, float]]] = field(default_factory=OrderedDict)
    groups: list[Group] = field(default_factory=list)
    began: int = -1
    now: int = -1


def known_as(*words: str) -> int:
    """The number that these words are remembered by."""
    text = _BETWEEN.join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def dump(memory: Memory) -> dict[str, Any]:
    """As JSON holds it; `dump(load(d)) == d`."""
    pairs = (_PAIR.pack(key, *_course(p.recurrence), *_rush(p.busiest)) for key, p in memory.pairs.items())
    names = (_NAME.pack(key, *_course(name)) for key, name in memory.names.items())
    rare = {service: {n: list(one) for n, one in names.items()} for service, names in memory.rare.items()}
    return {
        "version": VERSION, "began": memory.began, "now": memory.now, "pairs": _text(pairs), "names": _text(names),
        "rare": rare, "groups": [_fields(group) for group in memory.groups],
    }  # fmt: skip


def load(fields: dict[str, Any]) -> Memory:
    """What `dump` wrote.

    Raises:
        ValueError, KeyError, TypeError: another version wrote it, or it is damaged.
    """
    if fields["version"] != VERSION:
        raise ValueError(f"it is of version {fields['version']}, not {VERSION}")
    memory = Memory(began=int(fields["began"]), now=int(fields["now"]))
    for key, *numbers in _unpacked(_PAIR, fields["pairs"]):
        pair = memory.pairs[int(key)] = Pair()
        _follow(pair.recurrence, numbers[:5])
        minute, count, record, at = numbers[5:]
        pair.busiest.minute, pair.busiest.count = int(minute), int(count)
        pair.busiest.record, pair.busiest.at = record, int(at)
    for key, *numbers in _unpacked(_NAME, fields["names"]):
        _follow(memory.names.setdefault(int(key), Recurrence()), numbers)
    for service, names in fields["rare"].items():
        memory.rare[service] = {name: (int(at), float(rarity)) for name, (at, rarity) in names.items()}
    memory.groups = [_group(each) for each in fields["groups"]]
    return memory


def _course(one: Recurrence) -> tuple[float, ...]:
    return one.count, one.cosine, one.sine, float(one.at), one.expected


def _rush(one: Busiest) -> tuple[float, ...]:
    return float(one.minute), float(one.count), one.record, float(one.at)


def _follow(one: Recurrence, numbers: list[float]) -> None:
    one.count, one.cosine, one.sine, at, one.expected = numbers
    one.at = int(at)


def _fields(group: Group) -> dict[str, Any]:
    return {
        **asdict(group), "because": list(group.because), "services": sorted(group.services), "names": sorted(group.names),
    }  # fmt: skip


def _group(fields: dict[str, Any]) -> Group:
    return Group(**{
        **fields, "because": tuple(fields["because"]), "severity": Severity(fields["severity"]),
        "services": set(fields["services"]), "names": set(fields["names"]),
    })  # fmt: skip


def _text(packed: Iterable[bytes]) -> str:
    return b64encode(b"".join(packed)).decode()


def _unpacked(form: struct.Struct, text: str) -> Iterable[tuple[Any, ...]]:
    try:
        return form.iter_unpack(b64decode(text, validate=True))
    except struct.error as error:
        raise ValueError(f"it is cut short: {error}") from error
