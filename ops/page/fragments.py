"""Pages and their parts, made once for all who ask for the same within a moment."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from ops.api.remembered import Remembered
from ops.page.files import tag_of
from ops.page.rendering import render
from ops.page.sources import Sources
from ops.page.views import VIEWS

_FRESH_S = 0.3
_COUNTS_FRESH_S = 1.0
# What takes a look at the cluster first: the page is there before it.
_LATER = frozenset({"lag", "letters", "health"})


@dataclass(frozen=True, slots=True)
class Fragment:
    """HTML with its tag; the tag's maker leaves out what the clock alone moves."""

    html: str
    tag: str


class Fragments:
    """Made once for all who ask for the same within a moment: by a thread, where none is there that is fresh."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._pages: Remembered[Fragment] = Remembered(_FRESH_S)
        self._views: Remembered[Fragment] = Remembered(_FRESH_S)
        self._counts: Remembered[Fragment] = Remembered(_COUNTS_FRESH_S)

    async def page(self, name: str, asked: Mapping[str, str]) -> Fragment:
        """A view as a page; of what takes a look at the cluster first, the frame alone."""
        return await _fresh(self._pages, _key(name, asked), lambda: self._framed(name, asked))

    async def view(self, name: str, asked: Mapping[str, str]) -> Fragment:
        """A view's content."""
        return await _fresh(self._views, _key(name, asked), lambda: self._drawn(name, asked))

    async def counts(self, listed: bool) -> Fragment:
        """The figures beside the views' names; with `listed` those at the top of the list too."""
        return await _fresh(self._counts, listed, lambda: self._counted(listed))

    def held_page(self, name: str, asked: Mapping[str, str]) -> Fragment | None:
        """The page where it is fresh; nobody waits for it. So are the next two."""
        return self._pages.held(_key(name, asked))

    def held_view(self, name: str, asked: Mapping[str, str]) -> Fragment | None:
        """A view's content."""
        return self._views.held(_key(name, asked))

    def held_counts(self, listed: bool) -> Fragment | None:
        """The figures beside the views' names."""
        return self._counts.held(listed)

    def forget(self) -> None:
        """Somebody did something here."""
        for remembered in (self._pages, self._views, self._counts):
            remembered.forget()

    def _view(self, name: str, asked: Mapping[str, str]) -> Fragment:
        return self._views.get(_key(name, asked), lambda: self._drawn(name, asked))

    def _framed(self, name: str, asked: Mapping[str, str]) -> Fragment:
        return told_by_all(
            framed(name, asked, render("loading.html") if name in _LATER else self._view(name, asked).html)
        )

    def _drawn(self, name: str, asked: Mapping[str, str]) -> Fragment:
        drawn = VIEWS[name].draw(self._sources, asked)
        told_by = orjson.dumps([name, drawn.told_by], default=str, option=orjson.OPT_NON_STR_KEYS)
        return Fragment(render(f"{name}.html", **drawn.context), tag_of(told_by))

    def _counted(self, listed: bool) -> Fragment:
        return told_by_all(render("counts.html", listed=listed, seen=orjson.loads(self._sources.overview.shown().body)))


async def _fresh(remembered: Remembered[Fragment], key: Hashable, make: Callable[[], Fragment]) -> Fragment:
    """What is fresh at once; else what a thread makes or waits for."""
    held = remembered.held(key)
    if held is not None:
        return held
    made: Fragment = await run_in_threadpool(remembered.get, key, make)
    return made


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
