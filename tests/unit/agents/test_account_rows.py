"""Rows of accounts whose fingerprints take many bytes."""

import numpy as np

from agents.sampling.account_rows import loaded, row
from agents.sampling.incidents import Incidents, N, P, key_of
from streams.rows import MAX_ROW_BYTES


def test_a_row_fits_whatever_letters_fingerprints_are_in() -> None:
    """64 control characters are 384 bytes of JSON: the older fingerprints are forgotten, the counts are not."""
    state = Incidents()
    slot = state.slot_of("inc")
    state.numbers[slot, N.RECEIVED] = 10_000
    codes = state.texts.codes([f"{number:06d}" + "\x01" * 58 for number in range(10_000)])
    seen = np.stack((np.arange(10_000), np.ones(10_000), np.ones(10_000), codes), axis=1).astype(np.int64)
    state.prints.ensure(key_of(np.full(10_000, slot), codes), seen)
    made = row(state, slot)
    assert len(made) <= MAX_ROW_BYTES
    kept = loaded([made])
    assert kept.numbers[0, N.RECEIVED] == 10_000
    assert sorted(kept.prints.values[:, P.SEEN].tolist()) == list(range(5_000, 10_000))
    assert kept.texts.texts[int(kept.prints.parts()[-1])].startswith("00")


def test_an_unusual_incident_has_a_row_of_its_own_name() -> None:
    """Letters of any kind, and the storm that is open."""
    state = Incidents()
    slot = state.slot_of("straße/\U0001f525")
    state.storms[slot] = "storm-1"
    again = loaded([row(state, slot)])
    assert again.ids == ["straße/\U0001f525"]
    assert again.storms == {0: "storm-1"}
