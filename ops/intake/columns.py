"""Columns of texts: what is the same in all rows is one text, so that it is looked at, encoded and joined once.

Bytes are put together as texts of Latin-1 characters, one a byte: joining texts needs no encoding of each.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import repeat

from schemas.template import avro_long

# One text for every row, or a text a row.
Column = str | Sequence[str]

# Lengths of most texts, encoded.
LENGTHS = [avro_long(length).decode("latin-1") for length in range(2048)]
# A table costs as much as some three rows by themselves; that is no matter where a body makes few tables.
_MOST_TABLES, _FEW_ROWS = 32, 4
_TEXT = frozenset((str,))
long_text = lru_cache(maxsize=10_000)(lambda number: avro_long(number).decode("latin-1"))


def pays(rows: int, tables: int) -> bool:
    """Whether a table of so many rows is worth making, in a body of so many tables."""
    return rows >= _FEW_ROWS or tables <= _MOST_TABLES


def column(texts: Sequence[str]) -> Column:
    """The column of these texts, of which there is at least one.

    >>> column(("a", "a")), column(("a", "b"))
    ('a', ('a', 'b'))
    """
    first = texts[0]
    return first if first == texts[-1] and texts.count(first) == len(texts) else texts


def each(change: Callable[[str], str], texts: Column) -> Column:
    """Every text changed."""
    return change(texts) if isinstance(texts, str) else [change(text) for text in texts]


def rows_of(texts: Column, rows: int) -> Sequence[str]:
    """A text for each of so many rows."""
    return [texts] * rows if isinstance(texts, str) else texts


def merged(parts: Sequence[Column]) -> list[Column]:
    """The parts, of which neighbours that are the same in all rows are one; at least one part.

    >>> merged(["a", "-", ["b", "c"]])
    ['a-', ['b', 'c']]
    """
    if _TEXT.issuperset(map(type, parts)):
        return ["".join(parts)]  # type: ignore[arg-type] # all are texts
    found: list[Column] = []
    fixed: list[str] = []
    for part in parts:
        if type(part) is str:
            fixed.append(part)
        else:
            if fixed:
                found.append("".join(fixed))
                fixed = []
            found.append(part)
    if fixed or not found:
        found.append("".join(fixed))
    return found


def size_of(parts: Sequence[Column], rows: int) -> int:
    """How many characters the joined texts of so many rows have."""
    return sum([len(part) * rows if isinstance(part, str) else sum(map(len, part)) for part in parts])


def joined(parts: Sequence[Column]) -> Column:
    """The texts of merged parts, row by row.

    >>> joined(["a-b"]), joined(["a-", ["b", "c"]])
    ('a-b', ['a-b', 'a-c'])
    """
    if len(parts) == 1:
        return parts[0]
    return list(map("".join, zip(*(repeat(part) if isinstance(part, str) else part for part in parts), strict=False)))


def narrow(text: str) -> str:
    """UTF-8's bytes as Latin-1 characters."""
    return text if text.isascii() else text.encode().decode("latin-1")


def text_of(text: str) -> str:
    """Avro's string."""
    text = narrow(text)
    return length_of(len(text)) + text


def length_of(size: int) -> str:
    """A length, encoded."""
    return LENGTHS[size] if size < 2048 else long_text(size)


def texts_of(columns: Sequence[Column]) -> tuple[list[Column], list[Column]]:
    """The lengths and the bytes of Avro's strings, of each of the columns.

    >>> texts_of(["foo", ("ß", "")])
    (['\\x06', ['\\x04', '\\x00']], ['foo', ['Ã\\x9f', '']])
    """
    ascii_alone = "".join([one if type(one) is str else "".join(one) for one in columns]).isascii()
    plain = list(columns) if ascii_alone else [each(narrow, one) for one in columns]
    return [_lengths(one) for one in plain], plain


def _lengths(texts: Column) -> Column:
    if type(texts) is str:
        size = len(texts)
        return LENGTHS[size] if size < 2048 else long_text(size)
    try:
        return list(map(LENGTHS.__getitem__, map(len, texts)))
    except IndexError:
        return list(map(length_of, map(len, texts)))
