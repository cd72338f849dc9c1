"""Pages and their parts, made once for all who ask for the same within a moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ops.api.awaited import Awaited
from ops.page.files import tag_of
from ops.page.rendering import render
from ops.page.sources import Sources
from ops.page.views import VIEWS

_FRESH_S = 0.3
_COUNTS_FRESH_S = 1.0
# What takes a look at the cluster first: the page is there before it.
_LATER = frozenset({"lag", "letters", "health"})
# So much older may be what is shown while it is made anew: making a list takes some 20 ms, asking a busy cluster a second.
_STALE_S = 0.3
_SLOW_STALE_S = 3.0


@dataclass(frozen=True, slots=True)
class Fragment:
    """HTML with its tag; the tag's maker leaves out what the clock alone moves."""

    html: str
    tag: str


class Fragments:
    """On one event loop: made once for all who ask for the same within a moment, by a thread."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._pages: Awaited[Fragment] = Awaited(_FRESH_S)
        self._views: Awaited[Fragment] = Awaited(_FRESH_S, _STALE_S)
        self._slow: Awaited[Fragment] = Awaited(_FRESH_S, _SLOW_STALE_S)
        self._counts: Awaited[Fragment] = Awaited(_COUNTS_FRESH_S, _COUNTS_FRESH_S)

    async def page(self, name: str, asked: Mapping[str, str]) -> Fragment:
        """A view as a page; of what takes a look at the cluster first, the frame alone."""
        content = render("loading.html") if name in _LATER else (await self.view(name, asked)).html
        return await self._pages.get(_key(name, asked), lambda: told_by_all(framed(name, asked, content)))

    async def view(self, name: str, asked: Mapping[str, str]) -> Fragment:
        """A view's content."""
        return await self._of(name).get(_key(name, asked), lambda: self._drawn(name, asked))

    async def counts(self, listed: bool) -> Fragment:
        """The figures beside the views' names; with `listed` those at the top of the list too."""
        return await self._counts.get(listed, lambda: self._counted(listed))

    def held_page(self, name: str, asked: Mapping[str, str]) -> Fragment | None:
        """The page where it is fresh; nobody waits for it. So are the next two."""
        return self._pages.held(_key(name, asked))

    def held_view(self, name: str, asked: Mapping[str, str]) -> Fragment | None:
        """A view's content."""
        return self._of(name).held(_key(name, asked))

    def held_counts(self, listed: bool) -> Fragment | None:
        """The figures beside the views' names."""
        return self._counts.held(listed)

    def forget(self) -> None:
        """Somebody did something here."""
        for remembered in (self._pages, self._views, self._slow, self._counts):
            remembered.forget()

    def _of(self, name: str) -> Awaited[Fragment]:
        return self._slow if name in _LATER else self._views

    def _drawn(self, name: str, asked: Mapping[str, str]) -> Fragment:
        drawn = VIEWS[name].draw(self._sources, asked)
        told_by = orjson.dumps([name, drawn.told_by], default=str, option=orjson.OPT_NON_STR_KEYS)
        return Fragment(render(f"{name}.html", **drawn.context), tag_of(told_by))

    def _counted(self, listed: bool) -> Fragment:
        return told_by_all(render("counts.html", listed=listed, seen=orjson.loads(self._sources.overview.shown().body)))


def told_by_all(html: str) -> Fragment:
    """What is told by all of its text."""
    return Fragment(html, tag_of(html.encode()))


def framed(name: str, asked: Mapping[str, str], content: str) -> str:
    """A page with a view's content in it."""
    return render(
        "page.html", name=name, view=VIEWS[name], views=VIEWS, asked=asked, content=content, later=name in _LATER
    )


def _key(name: str, asked: Mapping[str, str]) -> tuple[Any, ...]:
    return (name, *sorted(asked.items()))
