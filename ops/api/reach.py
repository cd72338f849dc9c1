"""Who may ask: as long as nobody has to say who they are, programs of this machine, by its own name.

A page of another site in a browser of this machine is not one of them: it can neither write (its origin is another), nor
make its own name mean this machine (the name asked for is none of this machine's).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ops.api.problems import answer
from ops.intake.guard import is_loopback
from ops.intake.headers import plain_headers

Scope = MutableMapping[str, Any]
Next = Callable[[Scope, Any, Any], Awaitable[None]]

# What orchestrators and Prometheus ask from elsewhere; it names no incident.
_FOR_EVERYONE = ("/health/", "/metrics")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

_NO_KEYS = (
    "Page and API answer programs of this machine only: there are no keys and roles yet, and whoever reaches them may read "
    "every incident and approve plans. "
)


class LocalOnly:
    """ASGI middleware; with `open_to_all` other machines may ask, by an address, a name of one word, or one of `names`."""

    def __init__(self, app: Next, open_to_all: bool = False, names: Collection[str] = ()) -> None:
        self._app, self._open, self._names = app, open_to_all, names

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, or refuse it with the reason."""
        if scope["type"] == "http" and not scope["path"].startswith(_FOR_EVERYONE):
            why = refusal(scope, open_to_all=self._open, names=self._names)
            if why:
                await answer(403, why, {})(scope, receive, send)
                return
        await self._app(scope, receive, send)


def refusal(scope: Mapping[str, Any], *, open_to_all: bool, names: Collection[str] = ()) -> str | None:
    """Why a request is refused, as what to do instead; None where it is not."""
    headers = plain_headers(scope["headers"])
    client = (scope.get("client") or ("",))[0]
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    if not open_to_all and client and not is_loopback(client):
        return _NO_KEYS + "Ask from there, through a tunnel (`ssh -L`), or behind a proxy that knows its users."
    if not open_to_all and host and not is_loopback(host):
        return _NO_KEYS + f"Ask it as 127.0.0.1 or localhost, not as {host[:100]!r}."
    if open_to_all and host and not (host in names or _nobody_else_s(host)):
        return f"Nobody may ask for {host[:100]!r}. If that is this server's name, add it to BREAKWATER_API_NAMES."
    if scope["method"] in _READING:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return (
            "What changes something is taken from Breakwater's own page and from programs, not from other sites' pages."
        )
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        return "What changes something is sent as JSON: set Content-Type: application/json."
    return None


def _nobody_else_s(host: str) -> bool:
    """Whether a browser cannot have been led here by another site's name: an address, or a name of one word, is no such name."""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True


def names_of(listed: str) -> frozenset[str]:
    """The names of a list with commas.

    >>> sorted(names_of("Ops.example, b.example,"))
    ['b.example', 'ops.example']
    """
    return frozenset(name for one in listed.lower().split(",") if (name := one.strip()))
