"""What came in lately, so that a sender's retry makes no second record: bounded in time and in number."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from schemas.records.vocabulary import Millis

_LONGEST = 200


def compact(identity: str) -> str:
    """An identity no longer than 200 characters: of a longer one its hash. A sender may choose what it is made of."""
    if len(identity) <= _LONGEST:
        return identity
    return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def compacted(identities: Sequence[str | None]) -> list[str | None]:
    """The identities, each compact."""
    if None not in identities and max(map(len, identities), default=0) <= _LONGEST:  # type: ignore[arg-type] # no None
        return list(identities)
    return [None if identity is None else compact(identity) for identity in identities]


class Pending(Protocol):
    """Something on its way to Kafka."""


class Recent:
    """Remembers identities for a window: those that Kafka has, and those that are on their way.

    Two generations: the younger is filled until half a window or half the number is over, then the elder is forgotten. So an
    identity is remembered for at least half of the window, and never longer than the whole, unless the number is exceeded.

    Args:
        window_s: how long an identity is remembered; 0 remembers none.
        most: identities that are remembered; at some 200 bytes each, 200,000 are 40 MB.
    """

    def __init__(self, window_s: int, most: int) -> None:
        self._half_ms = window_s * 500
        self._half = max(1, most // 2)
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._since: Millis = 0
        self._pending: dict[str, Pending] = {}

    def turn(self, now: Millis) -> None:
        """Forget what is due. Call it before asking."""
        if now - self._since >= self._half_ms or len(self._young) >= self._half:
            self._old = self._young if now - self._since < 2 * self._half_ms else set()
            self._young = set()
            self._since = now

    def known(self, identity: str) -> bool:
        """Whether Kafka has it."""
        return identity in self._young or identity in self._old

    def pending(self, identity: str) -> Pending | None:
        """What carries it to Kafka now."""
        return self._pending.get(identity)

    def all_new(self, identities: Sequence[str | None]) -> bool:
        """Whether nobody has any of these yet, neither Kafka nor what is on its way, and none comes twice. None is always new."""
        named = set(identities)
        count = len(identities)
        if None in named:
            named.discard(None)
            count -= identities.count(None)
        return (
            len(named) == count
            and self._young.isdisjoint(named)
            and self._old.isdisjoint(named)
            and self._pending.keys().isdisjoint(named)
        )

    def begun(self, identities: Sequence[str | None], carrier: Pending) -> None:
        """They are on their way; what is None has no identity."""
        self._pending.update(dict.fromkeys([one for one in identities if one is not None], carrier))

    def ended(self, identities: Sequence[str | None], answers: Sequence[str | None]) -> None:
        """Kafka has those whose answer is None, and will never have the others: they may come again.

        Args:
            answers: those of `identities` in front, more behind them.
        """
        named = [one for one in identities if one is not None]
        for identity in named:
            self._pending.pop(identity, None)
        if not self._half_ms:
            return
        if answers.count(None) < len(answers):
            taken = zip(identities, answers[: len(identities)], strict=True)
            named = [one for one, answer in taken if one is not None and answer is None]
        self._young.update(named)

    def learned(self, identities: Iterable[str]) -> None:
        """Kafka has these, whoever brought them."""
        if self._half_ms:
            self._young.update(map(compact, identities))

    def __len__(self) -> int:
        return len(self._young) + len(self._old) + len(self._pending)
