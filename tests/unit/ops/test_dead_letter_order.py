"""The order in which dead letters go back."""

from typing import Any

from ops.dead_letters.shelf import place_in_time
from ops.intake.letters import INDEX_HEADER
from schemas.records.log import DeadLetter
from schemas.samples import sample


def letter(**fields: Any) -> DeadLetter:
    """A letter of the intake."""
    given: dict[str, Any] = {"occurred_at": 5, "topic": "alerts", "partition": -1, "offset": -1, "headers": {}}
    return sample(DeadLetter, **(given | fields))


def test_letters_of_one_body_go_back_in_its_order() -> None:
    """By number, not by the digits' order; what came later goes later."""
    of_body = [letter(headers={INDEX_HEADER: b"%d" % n}) for n in (10, 9, 2)]
    later = letter(occurred_at=6, headers={INDEX_HEADER: b"0"})
    assert sorted([later, *of_body], key=place_in_time) == [*reversed(of_body), later]


def test_letters_of_a_topic_go_back_in_its_order() -> None:
    """By offset, within a moment; an index that is none counts as none."""
    letters = [letter(partition=1, offset=n, headers={INDEX_HEADER: b"\xff"}) for n in (3, 2)]
    assert sorted(letters, key=place_in_time) == letters[::-1]
