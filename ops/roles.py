"""The workers by role, and the consumer group of each. Light to import, for those who only speak of workers."""

from typing import Literal

Role = Literal["edge", "analysis", "command"]
ROLES: tuple[Role, ...] = ("edge", "analysis", "command")


def group_of(role: Role) -> str:
    """The consumer group of a role."""
    return f"breakwater-{role}"
