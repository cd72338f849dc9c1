"""What can go wrong in the store of incidents."""

from schemas.errors import BreakwaterError


class StateError(BreakwaterError):
    """The root of this layer's errors."""


class ProjectionGapError(StateError):
    """An event came whose predecessor the projection has not seen."""


class ProjectionUnavailableError(StateError):
    """The store behind the projection does not answer."""

    retriable = True


class BadCursorError(StateError):
    """A page's cursor is not one that this store gave."""


class ForeignEventError(StateError):
    """An event was folded into an incident that it does not belong to."""
