"""Texts as numbers: those that are used no more are forgotten, and their numbers given to others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.sampling.texts import Texts


def test_a_number_is_given_again_once_its_text_is_forgotten() -> None:
    """Those that are used keep theirs; the empty text is one like any other."""
    texts = Texts()
    assert texts.codes(["", "a", "b", "a"]).tolist() == [0, 1, 2, 1]
    texts.keep(np.asarray([2, 0, 2]))
    assert len(texts) == 2
    assert texts.codes(["c", "", "b"]).tolist() == [1, 0, 2]
    texts.keep(np.asarray([2]))
    assert sorted(texts.codes(["", "a"]).tolist()) == [0, 1]
    assert texts.codes(["d"]).tolist() == [3]


@given(st.lists(st.tuples(st.lists(st.sampled_from(["", *"abcdefgh"]), min_size=1), st.sets(st.integers(0, 8)))))
def test_used_texts_are_what_they_were(rounds: list[tuple[list[str], set[int]]]) -> None:
    """Whatever came and went: a number stands for its text while it is used, and for one text only."""
    texts, held = Texts(), dict[str, int]()
    for some, dropped in rounds:
        held |= dict(zip(some, texts.codes(some).tolist(), strict=True))
        assert len(set(held.values())) == len(held)
        assert all(texts.texts[code] == text for text, code in held.items())
        held = {text: code for text, code in held.items() if code not in dropped}
        texts.keep(np.asarray(list(held.values()), np.int64))
        assert len(texts) == len(held)
