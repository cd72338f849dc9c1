"""What the names of an alert's labels, annotations and members tell: found out once for each set of them.

`ops.intake.label_press` asks for it.

Bytes are put together as texts of Latin-1 characters, one a byte: joining texts needs no encoding of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from ops.intake.formats.notices import ANNOTATION, SAID, Dialect
from ops.intake.rules import ALL_LABELS, Rules
from schemas.template import avro_long

# Lengths of most texts, encoded.
LENGTHS = [avro_long(length).decode("latin-1") for length in range(2048)]
long_text = lru_cache(maxsize=10_000)(lambda number: avro_long(number).decode("latin-1"))

Values = Sequence[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a set of names tells. The values of an alert that has them stand in one row: annotations, other members, labels, "".

    Attributes:
        names: of the record's labels; None where two are the same, which only the slow way sorts out.
        rest: gives the members that are kept under labels. frame: for each label of the record, in its order, three parts: the
            name, encoded, and room for the value's length and the value.
        source: the place of its label in the row. told: gives the other values that a field is made of (`TOLD`), and those
            of the labels that tell incidents apart. others: for each of `Rules.fields_of` whether another label would do too.
        condition: how the labels that make the fingerprint are written; conditioned: gives their values.
        said: places of the annotations that people read.
    """

    names: frozenset[str] | None
    rest: Callable[[dict[str, Any]], tuple[Any, ...]]
    frame: tuple[str, ...]
    source: int
    told: Callable[[Values], tuple[str, ...]]
    others: tuple[bool, ...]
    condition: str
    conditioned: Callable[[Values], tuple[str, ...]]
    said: tuple[int, ...]


TOLD = ("service", "environment", "tenant", "severity", "tier", "alertname", "incident_id", "correlation_id")


def shape_of(dialect: Dialect, rules: Rules, labels: Values, annotations: Values, members: Values) -> Shape:
    """The shape of an alert with these labels, annotations and members, in their order."""
    rest = tuple(name for name in members if name not in dialect.done)
    plain = [*(ANNOTATION + name for name in annotations), *(dialect.names.get(name, name) for name in rest), *labels]
    nothing, first = len(plain), len(annotations) + len(rest)
    at = {name: first + number for number, name in enumerate(labels)}
    service, environment, tenant, source, severity, tier = (
        [at[name] for name in ranked if name in at]
        for ranked in (rules.service, rules.environment, rules.tenant, rules.source, rules.severity, rules.tier)
    )
    fields = [
        *(found[0] if found else nothing for found in (service, environment, tenant, severity, tier)),
        *(at.get(name, nothing) for name in (*TOLD[5:], *rules.incident)),
    ]
    chosen = sorted(labels) if rules.fingerprint == (ALL_LABELS,) else rules.fingerprint
    return Shape(
        names=frozenset(plain) if len(set(plain)) == len(plain) else None,
        rest=picked(rest),
        frame=tuple(part for name in plain for part in (text_of(name), "", "")),
        source=source[0] if source else nothing,
        told=picked(fields),
        others=tuple(len(found) > 1 for found in (service, environment, tenant, source, severity, tier)),
        condition="".join("\x1f" + name.replace("%", "%%") + "=%s" for name in chosen),
        conditioned=picked([at.get(name, nothing) for name in chosen]),
        said=tuple(annotations.index(name) for name in SAID if name in annotations),
    )


def picked(keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of these keys or places, however few they are.

    >>> picked([2, 0])("abc"), picked([1])("abc"), picked([])("abc")
    (('c', 'a'), ('b',), ())
    """
    if len(keys) > 1:
        return itemgetter(*keys)
    return (lambda there: (there[keys[0]],)) if keys else (lambda _: ())


def narrow(text: str) -> str:
    """UTF-8's bytes as Latin-1 characters."""
    return text if text.isascii() else text.encode().decode("latin-1")


def text_of(text: str) -> str:
    """Avro's string."""
    text = narrow(text)
    return (LENGTHS[len(text)] if len(text) < 2048 else long_text(len(text))) + text
