"""What can go wrong in the store of incidents."""

from schemas.errors import BreakwaterError


class StateError(BreakwaterError):
    """The root of this layer's errors."""


class ProjectionGapError(StateError):
    """An event came whose predecessor the projection has not seen; it holds `incident_id` up to `held_version`."""

    def __init__(self, message: str, *, incident_id: str = "", held_version: int = 0) -> None:
        super().__init__(message)
        self.incident_id = incident_id
        self.held_version = held_version


class ProjectionConflictError(StateError):
    """An event came whose version the projection holds with another hash.

    The first was kept, and all others of the batch were taken in; `taken_in` of them were new.
    """

    def __init__(self, message: str, *, incident_id: str = "", version: int = 0, taken_in: int = 0) -> None:
        super().__init__(message)
        self.incident_id = incident_id
        self.version = version
        self.taken_in = taken_in


class ProjectionDamagedError(StateError):
    """What the projection wrote cannot be read back; the log still has all of it."""


class ProjectionTooNewError(StateError):
    """The store was made by a newer Breakwater."""


class ProjectionUnavailableError(StateError):
    """The store behind the projection does not answer."""

    retriable = True


class BadCursorError(StateError):
    """A page's cursor is not one that this store gave."""


class ForeignEventError(StateError):
    """An event was folded into an incident that it does not belong to."""


class FencedError(StateError):
    """Another sequencer has taken over the partition: this one must stop writing, and has written nothing since."""

    def __init__(self, partition: int) -> None:
        super().__init__(
            f"Another sequencer has taken over partition {partition} of the event store. This one stops; "
            "nothing has to be done if a worker was added or restarted."
        )


class StoreUnavailableError(StateError):
    """Kafka does not take or give events; after it a writer must be opened anew."""

    retriable = True


class ProposalRefusedError(StateError):
    """The sequencer did not put on record what was proposed."""


class SigningKeyError(StateError):
    """The key that signs checkpoints cannot be used."""


class SubjectKeysError(StateError):
    """The file of persons' keys cannot be used."""


class UnreadableEventError(StateError):
    """A record of the event log is no event."""
