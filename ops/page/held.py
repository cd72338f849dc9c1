"""What is there already, answered before all that FastAPI does to a request, which is most of a small answer's price.

Hundreds of pages that hear of the same event ask for the same within a moment: one of them waits until it is made, the others
are answered here.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import QueryParams

from ops.page.files import HTML, answered, files
from ops.page.fragments import Fragment, Fragments
from ops.page.views import VIEWS

Scope = MutableMapping[str, Any]
Next = Callable[[Scope, Any, Any], Awaitable[None]]

_FILES, _COUNTS = "/page/", "/part/counts"
_PAGES = {"/" if name == "incidents" else f"/{name}": name for name in VIEWS if name != "incident"}
_PARTS = {f"/part/{name}": name for name in VIEWS if name != "incident"}
# As the page asks; whatever else stands there the route judges.
_LISTED = {b"": False, b"listed=1": True}


class HeldPages:
    """ASGI middleware; what is not there is passed on, to be made. It stands behind what decides on who may ask."""

    def __init__(self, app: Next, fragments: Fragments) -> None:
        self._app, self._fragments = app, fragments

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer, or pass on."""
        response = self._response(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        await (response or self._app)(scope, receive, send)

    def _response(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        if path.startswith(_FILES):
            file = files().get(path.removeprefix(_FILES))
            return answered(Request(scope), *file) if file else None
        found = self._held(path, scope)
        return answered(Request(scope), found.html.encode(), found.tag, HTML) if found else None

    def _held(self, path: str, scope: Mapping[str, Any]) -> Fragment | None:
        query: bytes = scope["query_string"]
        if path == _COUNTS:
            return self._fragments.held_counts(_LISTED[query]) if query in _LISTED else None
        if path in _PARTS:
            return self._fragments.held_view(_PARTS[path], dict(QueryParams(query)))
        return self._fragments.held_page(_PAGES[path], dict(QueryParams(query))) if path in _PAGES else None
