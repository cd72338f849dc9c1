"""Alerts by labels as tables: which of a body have the same names, and the columns of their values.

`ops.intake.label_press` makes messages of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ops.intake.arrival import Arrival
from ops.intake.columns import Column, rows_of
from ops.intake.errors import ItemRefusedError
from ops.intake.formats.notices import Dialect, When
from ops.intake.label_shape import Shape
from ops.intake.labelled import text_at
from ops.intake.models import LONGEST_NAME
from schemas.errors import InvalidInputError

# A time that is longer goes the slow way.
_LONGEST_TIME = 64
TEXTS, _TEXTS_OR_NONE = frozenset((str,)), frozenset((str, type(None)))
NOTHING: dict[str, Any] = {}

# Of labels, annotations and members.
Names = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


class OddRowsError(Exception):
    """These rows have to go the slow way."""

    def __init__(self, rows: Sequence[int]) -> None:
        super().__init__()
        self.rows = frozenset(rows)


def alike(items: Sequence[Any]) -> Mapping[Names, Sequence[int]]:
    """The places of items that look like alerts, by the names that they have."""
    alike: dict[Names, list[int]] = {}
    for place, item in enumerate(items):
        if type(item) is dict:
            labels, annotations = item.get("labels"), item.get("annotations", NOTHING)
            if type(labels) is dict and labels and type(annotations) is dict:
                names = (tuple(labels), tuple(annotations), tuple(item))
                if (places := alike.get(names)) is None:
                    alike[names] = [place]
                else:
                    places.append(place)
    return alike


def values_of(shape: Shape, items: Sequence[Any]) -> list[Sequence[str]]:
    """The columns of annotations, other members and labels.

    Raises:
        OddRowsError: of rows with values that are no texts, or that say nothing where others of the column do.
    """
    columns: list[Sequence[str]] = [
        *zip(*[item.get("annotations", NOTHING).values() for item in items], strict=True),
        *zip(*map(shape.rest, items), strict=True),
        *zip(*[item["labels"].values() for item in items], strict=True),
    ]
    odd: list[int] = []
    for place, texts in enumerate(columns):
        if not TEXTS.issuperset(map(type, texts)):
            if shape.first_rest <= place < shape.first_label:
                columns[place] = [*map(_text, texts)]
            odd += [row for row, text in enumerate(columns[place]) if type(text) is not str]
        if place < shape.first_label and "" in texts and texts.count("") < len(texts):
            odd += [row for row, text in enumerate(texts) if text == ""]
    refuse_rows(odd)
    return columns


def _text(value: Any) -> Any:
    """A member as a label's text; None where it cannot be one."""
    if type(value) is str:
        return value
    try:
        return text_at({"": value}, "")
    except (InvalidInputError, RecursionError, TypeError):
        return None


def whens_of(dialect: Dialect, items: Sequence[Any], arrival: Arrival) -> When | list[When]:
    """Whether each fires, and since when; one for all where they say the same.

    Raises:
        OddRowsError: of rows where that cannot be read, or not at once.
    """
    stamps = list(zip(*([item.get(name) for item in items] for name in dialect.moments), strict=True))
    known: dict[Any, When | None] = {}
    try:
        for stamp in set(stamps):
            known[stamp] = when_of(dialect, stamp, arrival)
        found = [known[stamp] for stamp in stamps] if len(known) > 1 else [*known.values()]
    except TypeError:  # one is a list or an object
        found = [when_of(dialect, stamp, arrival) for stamp in stamps]
    whens = [when for when in found if when is not None]
    if len(whens) == len(found):
        return whens[0] if len(whens) == 1 else whens
    raise OddRowsError([row for row in range(len(items)) if found[row % len(found)] is None])


def when_of(dialect: Dialect, stamp: tuple[Any, ...], arrival: Arrival) -> When | None:
    """Of the values of a dialect's moments; None where they cannot be read, or not at once."""
    if not _TEXTS_OR_NONE.issuperset(map(type, stamp)) or any(text and len(text) > _LONGEST_TIME for text in stamp):
        return None
    try:
        return dialect.when(dict(zip(dialect.moments, stamp, strict=True)), arrival)
    except ItemRefusedError:
        return None


def refuse_rows(odd: Sequence[int]) -> None:
    if odd:
        raise OddRowsError(odd)


def source_of(shape: Shape, columns: Sequence[Column], rows: int) -> Column:
    told = columns[shape.source]
    if isinstance(told, str):
        source: Column = told.strip()[:LONGEST_NAME]
    else:
        source = [*map(str.strip, told)]
        if max(map(len, source)) > LONGEST_NAME:
            source = [text[:LONGEST_NAME] for text in source]
    if shape.others[3]:  # another label would do where this one is blank
        refuse_rows([row for row, text in enumerate(rows_of(source, rows)) if not text])
    return source


def message_column(shape: Shape, columns: Sequence[Column]) -> Column:
    """What people read, as `ops.intake.formats.notices.message_of` puts it together."""
    said = [columns[place] for place in shape.said if columns[place] != ""]
    if len(said) <= 1:
        return said[0] if said else ""
    if all(isinstance(one, str) for one in said):
        return "\n".join(dict.fromkeys(map(str, said)))
    rows = max(len(one) for one in said if not isinstance(one, str))
    return ["\n".join(dict.fromkeys(row)) for row in zip(*(rows_of(one, rows) for one in said), strict=True)]
