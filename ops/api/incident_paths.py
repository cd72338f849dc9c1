"""Incident ids in paths: any text, percent-encoded, slashes too.

Servers undo the encoding before the routes are looked at, so that a slash in an id looks like one of the path. Here what the
client sent is looked at instead: of an id with a slash or a percent sign the routes see the encoded text, and undo it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor

Scope = MutableMapping[str, Any]
Next = Callable[[Scope, Any, Any], Awaitable[None]]

_PREFIX = "/api/v1/incidents/"


class _IncidentId(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return quote(value, safe="")


register_url_convertor("incident", _IncidentId())
# The part of a route that takes an incident's id.
INCIDENT = "{incident_id:incident}"


class IncidentPaths:
    """ASGI middleware, in front of routes with `INCIDENT` in them: an id reaches them as the client meant it."""

    def __init__(self, app: Next) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, with the id in its path as the routes read it."""
        if scope["type"] == "http" and scope["path"].startswith(_PREFIX):
            sent = scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
            if sent.startswith(_PREFIX) and "%" in sent:
                scope = {**scope, "path": readable(sent)}
        await self._app(scope, receive, send)


def readable(sent: str) -> str:
    """A path as it was sent, its encoding undone but for an id that has to keep it.

    >>> readable("/api/v1/incidents/a%2Fb%25/time%6Cine"), readable("/api/v1/incidents/a%20b")
    ('/api/v1/incidents/a%2Fb%25/timeline', '/api/v1/incidents/a b')
    """
    encoded, slash, rest = sent.removeprefix(_PREFIX).partition("/")
    name = unquote(encoded)
    return _PREFIX + (quote(name, safe="") if "/" in name or "%" in name else name) + slash + unquote(rest)
