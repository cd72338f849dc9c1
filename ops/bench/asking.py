"""What is asked of page and API under load: by browsers, which hold what they were given, and by programs, which do not."""

import asyncio
from itertools import cycle, islice

from ops.bench.errors import BenchError

HOST = "127.0.0.1"
_LIST = "/api/v1/incidents?limit=50"
# Programs: lists, incidents with their stories, the figures.
_PROGRAMS = (
    _LIST, "/api/v1/incidents/inc-{n:04d}", "/api/v1/incidents/inc-{n:04d}/timeline", "/api/v1/overview", "/api/v1/approvals",
    "/api/v1/incidents?limit=50&status=open", "/api/v1/lag", "/api/v1/storms",
)  # fmt: skip
# A browser's visit: the page, its files (held from the last time), then its view and the figures beside the views' names, anew
# with every event that is heard. Most look at the list, some at an incident.
_BROWSERS = (
    "/", "/page/page.css", "/page/page.js", "/page/vendor/htmx.min.js", "/part/counts?listed=1", "/part/incidents",
    "/part/counts?listed=1", "/part/incidents", "/part/incidents?status=escalated", "/part/counts?listed=1",
    "/incident/inc-{n:04d}", "/part/counts", "/part/incident/inc-{n:04d}", "/part/incident/inc-{n:04d}?at={at}",
    "/part/approvals", "/part/storms", "/part/lag", "/part/predictions", "/part/letters", "/part/health",
)  # fmt: skip
# Two of three requests are a browser's.
ASKED = tuple(one for group in zip(_BROWSERS[::2], _BROWSERS[1::2], cycle(_PROGRAMS), strict=False) for one in group)
_PRIME = 7_919


def by_browser(what: str) -> bool:
    """Whether a browser asks so."""
    return not what.startswith("/api/")


class Asker:
    """One connection, and what whoever uses it holds.

    Args:
        incidents: so many there are to ask for, of `first_ms` (epoch ms) and later.
    """

    def __init__(self, incidents: int, first_ms: int) -> None:
        self._incidents, self._first_ms = incidents, first_ms
        self._held: dict[str, bytes] = {}

    def request(self, number: int, what: str) -> bytes:
        """The bytes of a request; a browser says what it holds already."""
        path = self.path(number, what)
        held = self._held.get(path)
        known = b"If-None-Match: " + held + b"\r\n" if held else b""
        return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n".encode() + known + b"\r\n"

    def path(self, number: int, what: str) -> str:
        """What is asked for with this number."""
        return what.format(n=number * _PRIME % self._incidents, at=self._first_ms)

    def keep(self, number: int, what: str, head: bytes) -> None:
        """Hold what was answered, as browsers do."""
        if by_browser(what) and (tag := tag_in(head)):
            self._held[self.path(number, what)] = tag


def due(count: int) -> list[tuple[int, str]]:
    """The first so many questions with their numbers."""
    return list(islice(enumerate(cycle(ASKED)), count))


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer; its head.

    Raises:
        BenchError: its end cannot be known.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    if b"transfer-encoding: chunked" in lines:
        raise BenchError("An answer has no length: " + head.decode("latin-1"))
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    if length:
        await reader.readexactly(length)
    return head


def status(head: bytes) -> bytes:
    """The status of an answer, from its head.

    >>> status(b"HTTP/1.1 304 Not Modified\\r\\n")
    b'304'
    """
    return head[9:12]


def tag_in(head: bytes) -> bytes:
    """The entity tag of an answer, empty without one.

    >>> tag_in(b'HTTP/1.1 200 OK\\r\\nETag: W/"x"\\r\\n\\r\\n'), tag_in(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
    (b'W/"x"', b'')
    """
    return next((line[5:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"etag:")), b"")
