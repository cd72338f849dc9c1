"""Records made the quick way are those that their constructors make."""

import pickle
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Any

import pytest

from schemas.contracts import CONTRACTS
from schemas.convert import from_dict
from schemas.frozen import copier, dumper, maker, plain, reader
from schemas.records.log import SchemaRegistered
from schemas.samples import sample


@pytest.mark.parametrize("record", CONTRACTS)
@pytest.mark.parametrize("variant", [0, 1])
def test_they_are_equal_and_as_frozen(record: type, variant: int) -> None:
    """Of every contract: made of its fields, copied, changed; nobody can tell them from the constructor's."""
    assert plain(record)
    made: Any = sample(record, variant)
    by_name = {field.name: getattr(made, field.name) for field in fields(record)}
    first, value = next(iter(by_name.items()))
    for one in (reader(record)(by_name), maker(record)(**by_name), copier(record)(made)):
        assert (one, type(one), repr(one)) == (made, record, repr(made))
        assert pickle.loads(pickle.dumps(one)) == made  # noqa: S301 - our own bytes
        with pytest.raises(FrozenInstanceError):
            setattr(one, first, value)
    assert copier(record)(made, **{first: "other"}) == replace(made, **{first: "other"})
    assert dumper(tuple(by_name))(made) == by_name


def test_a_field_too_few_or_too_many_is_the_constructors_affair() -> None:
    """It knows defaults, and refuses what it does not know."""
    known = {"fingerprint": "f", "name": "n", "version": 1, "schema": "{}"}
    with pytest.raises(KeyError, match="schema"):
        reader(SchemaRegistered)({name: known[name] for name in ("fingerprint", "name", "version")})
    with pytest.raises(TypeError, match="schema"):
        from_dict(SchemaRegistered, {name: known[name] for name in ("fingerprint", "name", "version")})
    with pytest.raises(TypeError, match="more"):
        from_dict(SchemaRegistered, {**known, "more": 1})
    with pytest.raises(TypeError, match="more"):
        from_dict(SchemaRegistered, {**{k: known[k] for k in ("fingerprint", "name", "version")}, "more": 1})


@dataclass(frozen=True)
class _Loose:
    """Has a dictionary, and no slots."""

    name: str


@dataclass(frozen=True, slots=True)
class _Checked:
    """Does something after its fields are set."""

    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("It needs a name.")


@dataclass(frozen=True, slots=True)
class _Child(_Checked):
    """Has slots of a parent."""

    more: str = ""


@pytest.mark.parametrize("kind", [_Loose, _Checked, _Child, str])
def test_classes_that_are_more_than_their_slots_are_made_by_their_constructors(kind: type) -> None:
    """They are told apart."""
    assert not plain(kind)


def test_what_a_constructor_refuses_stays_refused() -> None:
    """A class that checks itself is not made around its check."""
    with pytest.raises(ValueError, match="needs a name"):
        from_dict(_Checked, {"name": ""})
    assert from_dict(_Child, {"name": "a"}) == _Child("a")
