"""What can go wrong with an embedded server; each message names the folder or port and the way out."""

from ops.errors import OperationError


class EmbeddedServerError(OperationError):
    """An embedded server cannot be had; the root of this package's errors."""


class JarsUnavailableError(EmbeddedServerError):
    """A server's jars are neither on this disk nor to be had from their repository."""

    retriable = True


class JarDamagedError(EmbeddedServerError):
    """A downloaded jar is not the one that the lock file names by its hash."""


class JavaMissingError(EmbeddedServerError):
    """No Java of a version that the server runs on, and none could be installed."""


class StartFailedError(EmbeddedServerError):
    """The server ended, or did not answer in time; the message has the end of its log."""


class StartAbandonedError(EmbeddedServerError):
    """The server was to be stopped while it was starting."""


class StopFailedError(EmbeddedServerError):
    """The server's process does not end."""

    retriable = True


class PortTakenError(EmbeddedServerError):
    """Another program holds a port that the server needs."""

    retriable = True


class DiskFullError(EmbeddedServerError):
    """No space is left where the server keeps its data."""


class DataDamagedError(EmbeddedServerError):
    """The server's data folder cannot be read back."""


class MemoryShortError(EmbeddedServerError):
    """The machine does not give the server the memory that it asks for."""


class BusyError(EmbeddedServerError):
    """Another Breakwater process has been starting or stopping the same server for too long."""

    retriable = True
