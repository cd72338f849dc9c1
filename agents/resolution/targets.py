"""Which services may be acted on, by what, and at what price: the file targets.json, a list of objects.

It is read anew when it changes. A missing file means that nothing may be acted on. A file that cannot be used is an error
at the start; later the last good one is kept, so that a slip of the pen never widens or ends what is allowed.
"""

from pathlib import Path
from typing import Literal, Protocol, Self

import structlog
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from agents.resolution.errors import TargetsError
from schemas.errors import plainly
from schemas.records.vocabulary import Action

log = structlog.get_logger()

Key = tuple[str, str, str]
Stamp = tuple[int, int, int]


class Target(BaseModel):
    """One remediable service. `unit` or `container` is what its executor knows it by; the service's name if absent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str = Field(min_length=1, max_length=255)
    tenant: str = Field(min_length=1)
    environment: str = Field(min_length=1)
    executor: Literal["process", "docker"]
    health_url: AnyHttpUrl
    unit: str = ""
    container: str = ""
    actions: tuple[Action, ...] = (Action.RESTART, Action.SCALE_UP, Action.ROLLBACK)
    max_instances: int = Field(1, ge=1, le=1000)
    cost_per_action: float = Field(0.0, ge=0)
    risk: Literal["low", "medium", "high"] = "low"

    @model_validator(mode="after")
    def _names_its_own_kind(self) -> Self:
        foreign = self.container if self.executor == "process" else self.unit
        if foreign:
            raise ValueError(f"a {self.executor} target is named by `{'unit' if self.container else 'container'}`")
        return self

    @property
    def handle(self) -> str:
        """The process unit's or the container's name."""
        return self.unit or self.container or self.service

    @property
    def key(self) -> Key:
        """Tenant, environment and service: one target each."""
        return (self.tenant, self.environment, self.service)

    def allows(self, action: Action) -> bool:
        """Whether the operator lets this be done to it at all."""
        return action in self.actions and (action != Action.SCALE_UP or self.max_instances > 1)


class Targets(Protocol):
    """What may be acted on, now."""

    def find(self, tenant: str, environment: str, service: str) -> Target | None:
        """The target, None where the service may not be acted on.

        Raises:
            TargetsError: it cannot be told.
        """


class TargetsFile:
    """The targets of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: Stamp | None = None
        self._targets: dict[Key, Target] | None = None

    def load(self) -> list[Target]:
        """Read the file now; for the start of a program, where a bad one is refused.

        Raises:
            TargetsError: the file cannot be used; says where and why.
        """
        self._stamp = _stamp(self._path)
        self._targets = read_targets(self._path)
        return list(self._targets.values())

    def find(self, tenant: str, environment: str, service: str) -> Target | None:
        """The target by the file as it is now, or as it last was good."""
        if self._targets is None or _stamp(self._path) != self._stamp:
            self._reload()
        return (self._targets or {}).get((tenant, environment, service))

    def _reload(self) -> None:
        try:
            self.load()
        except TargetsError as error:
            if self._targets is None:
                self._stamp = None
                raise
            log.warning("targets kept as they were", reason=str(error))


def read_targets(path: Path) -> dict[Key, Target]:
    """The file's targets by tenant, environment and service; none where there is no file.

    Raises:
        TargetsError: it is no list of targets, or names one service twice.
    """
    try:
        found = TypeAdapter(list[Target]).validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TargetsError(f"The targets file {path} cannot be read: {error.strerror}. Correct its rights.") from error
    except ValidationError as error:
        faults = "; ".join(f"{_place(e['loc'])}: {plainly(e['msg'])}" for e in error.errors()[:5])
        raise TargetsError(f"The targets file {path} cannot be used: {faults}. Correct it and save it.") from error
    targets = {target.key: target for target in found}
    if len(targets) < len(found):
        twice = sorted({"/".join(t.key) for t in found if targets[t.key] is not t})
        raise TargetsError(f"The targets file {path} names {', '.join(twice)} twice. Remove one.")
    return targets


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(f"[{part}]" if isinstance(part, int) else part for part in location) or "the file"


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
