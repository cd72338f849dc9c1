"""How much of everything the target has, and how fast its faults may eat it up."""

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The target's means.

    Attributes:
        headroom_bytes: memory above that of a fresh process at which it is out of memory.
        leak_bytes: most that the leak ever holds, so that a forgotten target cannot eat up its machine.
        slots: requests that are worked on at once, a replica.
        queue: requests that may wait for a slot, a replica.
        queue_wait_s: longest wait for a slot.
        connections: size of the pool to the pretend database, a replica.
        connection_wait_s: longest wait for a connection.
        query_s: what the pretend database takes.
    """

    headroom_bytes: int = 128 * MB
    leak_bytes: int = 160 * MB
    slots: int = 8
    queue: int = 32
    queue_wait_s: float = 0.5
    connections: int = 20
    connection_wait_s: float = 0.4
    query_s: float = 0.004
