"""What came in lately, so that a sender's retry makes no second record: bounded in time and in number."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from schemas.records.vocabulary import Millis

_LONGEST = 200


def compact(identity: str) -> str:
    """An identity no longer than 200 characters: of a longer one its hash. A sender may choose what it is made of."""
    if len(identity) <= _LONGEST:
        return identity
    return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


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

    def begun(self, identity: str, carrier: Pending) -> None:
        """It is on its way."""
        self._pending[identity] = carrier

    def ended(self, identity: str, delivered: bool) -> None:
        """Kafka has it, or will never have it: then it may come again."""
        self._pending.pop(identity, None)
        if delivered and self._half_ms:
            self._young.add(identity)

    def learned(self, identities: Iterable[str]) -> None:
        """Kafka has these, whoever brought them."""
        if self._half_ms:
            self._young.update(map(compact, identities))

    def __len__(self) -> int:
        return len(self._young) + len(self._old) + len(self._pending)
