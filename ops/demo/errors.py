"""What can go wrong in a demonstration."""

import signal

from ops.errors import OperationError


class DemoError(OperationError):
    """The root of this package's errors."""


class BadFaultError(DemoError):
    """A fault was asked for that the target cannot have; the message says which it can."""


class OverloadedError(DemoError):
    """The target turned a request away; the message is the answer's reason."""

    retriable = True


class OutletError(DemoError):
    """Telemetry of the target was not taken."""

    retriable = True


class TargetUnreachableError(DemoError):
    """The target does not answer on its address."""

    retriable = True


class DemoInterruptedError(DemoError):
    """A person or the system asked the demonstration to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"{number.name} came: the demonstration ends early. Run `breakwater demo` to see it whole.")
        # As shells tell of a program that a signal ended.
        self.exit_code = 128 + number
