"""A request's headers, read once and suspiciously: what two readers could take differently is refused."""

from collections.abc import Iterable

from ops.intake.errors import NotAdmittedError

# A second one of these is a smuggler's: who reads the first and who reads the last see two different requests.
_SINGLE = frozenset(
    (b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"authorization", b"host")
)
# What dead letters are read again by is theirs alone; a sender could pretend that another group surrounds its alert.
_OF_LETTERS = b"intake-"


def plain_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case names; of several of a name the last, where that does no harm.

    Raises:
        NotAdmittedError: 400 for two of a kind that must be one, or both a length and chunks.
    """
    found: dict[str, str] = {}
    for name, value in raw:
        if name.startswith(_OF_LETTERS):
            continue
        key = name.decode("latin-1")
        if key in found and name in _SINGLE:
            raise NotAdmittedError(400, "smuggling", f"There are two headers {key}; send one.")
        found[key] = value.decode("latin-1")
    if "content-length" in found and "transfer-encoding" in found:
        raise NotAdmittedError(400, "smuggling", "There are Content-Length and Transfer-Encoding; send one of them.")
    return found
