"""What can go wrong in running the whole."""

from pathlib import Path

from schemas.errors import BreakwaterError


class OperationError(BreakwaterError):
    """The root of this layer's errors."""


class SettingsError(OperationError):
    """A setting has a value that cannot be used; the message names it and says what is wanted."""


class NoKafkaError(OperationError):
    """There is neither a Kafka in the settings nor an embedded one that runs."""

    retriable = True

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"No Kafka runs under {home}. Start everything with `breakwater up`, the embedded Kafka alone with "
            "`breakwater kafka up`, or set KAFKA_BOOTSTRAP_SERVERS to one that runs."
        )


class ChildFailedError(OperationError):
    """A worker cannot be kept running; the message names its log."""


class AlreadyRunningError(OperationError):
    """Another `breakwater up` or demo has this home."""


class IncidentNotFoundError(OperationError):
    """The id that was given names no incident, or several."""


class HomeUnusableError(OperationError):
    """The home folder cannot be written to."""

    def __init__(self, home: Path, error: OSError) -> None:
        super().__init__(
            f"{home} cannot be used: {error.strerror}. Set BREAKWATER_HOME to a folder that can be written to."
        )


class HttpPortTakenError(OperationError):
    """Another program listens where `serve` should."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} of {host} is taken by another program. Stop it, or set BREAKWATER_HTTP_PORT to another port "
            "(0 picks a free one)."
        )


class HttpAddressUnusableError(OperationError):
    """`serve` cannot listen on the address of the settings."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(
            f"Nothing can listen on {host}, port {port}: {error.strerror}. Set BREAKWATER_HTTP_HOST to an address of this "
            "machine, and BREAKWATER_HTTP_PORT to a port from 1024 on."
        )
