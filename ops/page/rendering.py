"""HTML from templates: every text is escaped, and what cannot be seen in it is made visible."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from jinja2 import ChainableUndefined, Environment, FileSystemLoader

from ops.page import deeds, words
from ops.page.listing import ended, said, steps
from ops.page.timeline import place_of

_TEMPLATES = Path(__file__).parent / "templates"
_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
_FILTERS = (
    words.count, words.brief, words.figure, words.signed, words.percent, words.lower, words.money, words.duration,
    words.countdown, words.left, words.clock, words.instant, words.kind, words.deed, ended, said, steps, place_of,
    deeds.plan_of, deeds.dry_run, deeds.checked,
)  # fmt: skip


class _Page(Environment):
    """What templates are given is mostly JSON: `one.name` is looked for among a dictionary's keys first, which is faster.

    The methods that templates call come before: a key of a hostile record may have their names.
    """

    _CALLED = frozenset({"get", "items", "keys", "values"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`."""
        if type(obj) is dict and attribute in obj and attribute not in self._CALLED:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _environment() -> Environment:
    environment = _Page(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=words.visible,
        undefined=ChainableUndefined,  # a payload that lacks something is shown without it
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update({one.__name__: one for one in _FILTERS})
    environment.filters["path"] = lambda text: quote(str(text), safe="")
    environment.filters["json_text"] = lambda value: orjson.dumps(value, default=str, option=_INDENTED).decode()
    environment.filters["json_line"] = lambda value: orjson.dumps(
        value, default=str, option=orjson.OPT_NON_STR_KEYS
    ).decode()
    return environment


def render(template: str, **context: Any) -> str:
    """The template's text with the context in it."""
    return _environment().get_template(template).render(**context)
