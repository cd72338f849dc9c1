"""What can go wrong between a decision and its effect."""

from schemas.errors import BreakwaterError


class ResolutionError(BreakwaterError):
    """The root of this stage's errors."""


class TargetsError(ResolutionError):
    """The file that names the services that may be acted on cannot be used."""


class PlanError(ResolutionError):
    """An intent does not carry the plan that its hash is of."""


class ExecutorError(ResolutionError):
    """An executor could not do what was planned."""


class NotSupportedError(ExecutorError):
    """The target cannot be acted on in this way at all."""


class EngineUnreachableError(ExecutorError):
    """The container engine does not answer."""

    retriable = True


class UnitError(ExecutorError):
    """A managed process unit is not defined, or its file cannot be used."""


class UnitBusyError(UnitError):
    """Another program works on the unit."""

    retriable = True


class UnitStartError(UnitError):
    """A unit's program could not be started."""


class UnitStopError(UnitError):
    """A unit's process did not end."""
