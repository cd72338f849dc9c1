"""Rows of accounts whose fingerprints take many bytes."""

import numpy as np
import pytest

from agents.sampling.account_rows import RowLoader, loaded, position_of, row
from agents.sampling.incidents import Incidents, N, P, key_of
from schemas.errors import DecodeError
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


@pytest.mark.parametrize(
    "row", [b"garbage", b"[]", b"null", b"{}", b'{"i":5}', b'{"i":"a","t":"","s":"","o":"","n":[1],"b":0.0}', b"\xff"]
)
def test_what_is_no_row_is_refused_and_leaves_no_trace(row: bytes) -> None:
    """Anybody may have written to the changelog: a worker that recovers goes on without it."""
    state = Incidents()
    loader = RowLoader(state)
    with pytest.raises(DecodeError):
        loader.add(row)
    assert len(loader.finish()) == 0


def test_a_position_is_an_offset() -> None:
    """Nothing else."""
    assert (position_of(b"17"), position_of(b"-1"), position_of(None)) == (17, -1, -1)
    with pytest.raises(DecodeError):
        position_of(b"soon")
