"""What a projection holds, as a digest an incident: two stores of one log are the same where these are."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from state.chain import encode
from state.ports import IncidentQuery, Projection
from state.snapshots import state_to_json

_PAGE = 200
_EVENTS = 5_000
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Held:
    """An incident as a store has it: its version, and the SHA-256 (hex) of its state and of all its events."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two stores held against each other; ids of incidents.

    Attributes:
        different: of one version, and not alike. missing: only the first has them.
        moved: of different versions, or only the second has them: the log went on between the two readings.
    """

    alike: int
    different: tuple[str, ...]
    missing: tuple[str, ...]
    moved: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs but what moved."""
        return not (self.different or self.missing)


def held_by(projection: Projection) -> dict[str, Held]:
    """All incidents of a store.

    An event's place in the log is not looked at: what was repaired lies elsewhere for a store that was filled later.

    Raises:
        ProjectionUnavailableError: the store does not answer.
    """
    return {incident_id: _held(projection, incident_id) for incident_id in list(_ids(projection))}


def compared(rebuilt: Mapping[str, Held], live: Mapping[str, Held]) -> Comparison:
    """A store that was filled from the log, against the one that followed it."""
    both = rebuilt.keys() & live.keys()
    equal_versions = {one for one in both if rebuilt[one].version == live[one].version}
    different = {one for one in equal_versions if rebuilt[one] != live[one]}
    moved = (both - equal_versions) | (live.keys() - both)
    return Comparison(
        len(equal_versions) - len(different), tuple(sorted(different)), tuple(sorted(rebuilt.keys() - both)),
        tuple(sorted(moved)),
    )  # fmt: skip


def digest_of(held: Mapping[str, Held]) -> str:
    """One digest of all: SHA-256 over the lines `id version digest`, in the order of the ids."""
    lines = (f"{one} {held[one].version} {held[one].digest}\n" for one in sorted(held))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _ids(projection: Projection) -> Iterator[str]:
    query = IncidentQuery(limit=_PAGE)
    while True:
        page = projection.incidents(query)
        yield from (state.incident_id for state in page.incidents)
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)


def _held(projection: Projection, incident_id: str) -> Held:
    state = projection.incident(incident_id)
    total, version = hashlib.sha256(), 0
    if state is not None:
        _add(total, state_to_json(state).encode())
        # A store that goes on meanwhile has more events than the state: they are not of this version.
        while version < state.version and (some := projection.timeline(incident_id, version, _EVENTS)):
            for stored in some:
                if stored.event.version <= state.version:
                    _add(total, encode(stored.event))
                    _add(total, stored.event.hash.encode())
                version = stored.event.version
    return Held(0 if state is None else state.version, total.hexdigest())


def _add(total: "hashlib._Hash", part: bytes) -> None:
    total.update(len(part).to_bytes(_LENGTH_BYTES, "big"))
    total.update(part)
