"""The heads of a partition by incident; those that came from snapshots are decoded when they are first asked for.

A worker that takes a partition over with a hundred thousand incidents hears of a few of them in its first minute. Decoding all
their states would take most of the time of taking over, and four times the memory.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import replace

from schemas.frozen import maker
from state.head import Head, Mark, head_of
from state.incident import UNFIT, IncidentState
from state.snapshots import Claim

_MARK = maker(Mark)


class Heads(MutableMapping[str, Head]):
    """A mapping of incidents to their heads."""

    def __init__(self, heads: Mapping[str, Head] | None = None) -> None:
        self._ready: dict[str, Head] = dict(heads or {})
        self._kept: dict[str, Claim] = {}

    def keep(self, claim: Claim) -> None:
        """Take the head of a snapshot that is believed."""
        self._kept[claim.incident_id] = claim
        self._ready.pop(claim.incident_id, None)

    def offset_of(self, incident_id: str) -> int:
        """Where the incident's last event lies; -1 where that is not known. Decodes nothing."""
        kept = self._kept.get(incident_id)
        if kept is not None:
            return kept.offset
        head = self._ready.get(incident_id)
        return -1 if head is None else head.offset

    def marks(self) -> Iterator[Mark]:
        """What a checkpoint says of each head. Decodes nothing."""
        for claim in self._kept.values():
            yield _MARK(claim.incident_id, claim.version, claim.version, claim.hash)
        for incident_id, head in self._ready.items():
            if head.version:
                yield Mark(incident_id, head.version, head.snapshot_version, head.hash)

    @property
    def damaged(self) -> bool:
        """Whether any incident's chain is."""
        return any(head.fault for head in self._ready.values())

    def __getitem__(self, incident_id: str) -> Head:
        kept = self._kept.pop(incident_id, None)
        if kept is not None:
            self._ready[incident_id] = _decoded(kept)
        return self._ready[incident_id]

    def __setitem__(self, incident_id: str, head: Head) -> None:
        self._kept.pop(incident_id, None)
        self._ready[incident_id] = head

    def __delitem__(self, incident_id: str) -> None:
        if self._kept.pop(incident_id, None) is None:
            del self._ready[incident_id]

    def __contains__(self, incident_id: object) -> bool:
        return incident_id in self._ready or incident_id in self._kept

    def __iter__(self) -> Iterator[str]:
        return iter([*self._kept, *self._ready])

    def __len__(self) -> int:
        return len(self._ready) + len(self._kept)


def _decoded(claim: Claim) -> Head:
    why = "it is none"
    try:
        found = claim.record()
        if found is not None:
            return head_of(found)
    except UNFIT as error:
        why = str(error)
    # It is authentic, so another version of the program wrote it.
    fault = (
        f"The snapshot of {claim.incident_id} cannot be read: {why}. Start the version of the program that wrote it."
    )
    return replace(Head(IncidentState(incident_id=claim.incident_id)), fault=fault)
