"""The root of every error that Breakwater raises, and those of the contracts."""


class BreakwaterError(Exception):
    """Something went wrong that an operator can act on; the message says what happened and what to do next."""

    retriable = False


class SchemaError(BreakwaterError):
    """A contract is broken: the program's own records and their history disagree."""


class DecodeError(BreakwaterError):
    """Bytes that are not a record of the expected contract; `reason` is the dead letter's reason code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidInputError(BreakwaterError):
    """Input from outside that cannot be mapped to a record; the message names the field and what it should be."""


def plainly(message: str) -> str:
    """What a validator of ours says, without what pydantic puts before it.

    >>> plainly("Value error, give a port")
    'give a port'
    """
    return message.removeprefix("Value error, ")
