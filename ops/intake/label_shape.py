"""What the names of an alert's labels, annotations and members tell: found out once for each set of them.

`ops.intake.label_press` asks for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ops.intake.columns import text_of
from ops.intake.formats.notices import ANNOTATION, SAID, Dialect
from ops.intake.rules import ALL_LABELS, Rules

TOLD = ("service", "environment", "tenant", "severity", "tier", "alertname", "incident_id", "correlation_id")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a set of names tells. The values of an alert that has them stand in one row: annotations, other members, labels, "".

    Attributes:
        names: of the record's labels; None where two are the same, which only the slow way sorts out. frame: for each label, in
            their order, three parts: the name, encoded, and room for the value's length and the value.
        rest: gives the members that are kept under labels. first_label: the place of the first label in the row.
        source: the place of its label in the row. told: of the other values that a field is made of (`TOLD`), and of
            the labels that tell incidents apart. others: for each of `Rules.fields_of` whether another label would do too.
        condition: the labels that make the fingerprint, as they are written in it, each with the place of its value.
        said: places of the annotations that people read.
    """

    names: frozenset[str] | None
    frame: tuple[str, ...]
    rest: Callable[[dict[str, Any]], tuple[Any, ...]]
    first_rest: int
    first_label: int
    source: int
    told: tuple[int, ...]
    others: tuple[bool, ...]
    condition: tuple[tuple[str, int], ...]
    said: tuple[int, ...]


def shape_of(
    dialect: Dialect, rules: Rules, labels: Sequence[str], annotations: Sequence[str], members: Sequence[str]
) -> Shape:
    """The shape of an alert with these labels, annotations and members, in their order."""
    rest = tuple(name for name in members if name not in dialect.done)
    plain = [*(ANNOTATION + name for name in annotations), *(dialect.names.get(name, name) for name in rest), *labels]
    nothing, first = len(plain), len(annotations) + len(rest)
    at = {name: first + number for number, name in enumerate(labels)}
    service, environment, tenant, source, severity, tier = (
        [at[name] for name in ranked if name in at]
        for ranked in (rules.service, rules.environment, rules.tenant, rules.source, rules.severity, rules.tier)
    )
    chosen = sorted(labels) if rules.fingerprint == (ALL_LABELS,) else rules.fingerprint
    return Shape(
        names=frozenset(plain) if len(set(plain)) == len(plain) else None,
        frame=tuple(part for name in plain for part in (text_of(name), "", "")),
        rest=picked(rest),
        first_rest=len(annotations),
        first_label=first,
        source=source[0] if source else nothing,
        told=(
            *(found[0] if found else nothing for found in (service, environment, tenant, severity, tier)),
            *(at.get(name, nothing) for name in (*TOLD[5:], *rules.incident)),
        ),
        others=tuple(len(found) > 1 for found in (service, environment, tenant, source, severity, tier)),
        condition=tuple((f"\x1f{name}=", at.get(name, nothing)) for name in chosen),
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
