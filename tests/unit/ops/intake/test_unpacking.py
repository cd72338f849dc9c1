"""Bodies that are packed: in members, broken off, and in ways that cost more than they say."""

import gzip
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.intake.errors import BodyRefusedError
from ops.intake.letters import OVERSIZED, UNPACKABLE
from ops.intake.unpacking import unpacked

MOST = 1_000_000


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_members_follow_one_another(members: list[bytes]) -> None:
    """As gzip has it: their contents are joined."""
    assert unpacked(b"".join(map(gzip.compress, members)), "gzip", MOST) == b"".join(members)


def test_a_member_that_is_longer_than_a_piece_is_whole() -> None:
    """Also where the next one begins within the last piece, and where the body is as large as it may be."""
    text = os.urandom(300_000)
    assert unpacked(gzip.compress(text) + gzip.compress(b"end"), "gzip", len(text) + 3) == text + b"end"
    with pytest.raises(BodyRefusedError) as refused:
        unpacked(gzip.compress(text) + gzip.compress(b"end"), "gzip", len(text) + 2)
    assert refused.value.reason == OVERSIZED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        gzip.compress(b"x" * 1_000)[:-1],
        gzip.compress(b"x") + gzip.compress(b"y")[:-4],
        gzip.compress(b"x") + b"no member",
        gzip.compress(b"", 1) * 1_001,
    ],
    ids=["empty", "broken off", "second broken off", "something else behind", "members without end"],
)
def test_what_cannot_be_unpacked_is_refused(body: bytes) -> None:
    """Many empty members too: each takes time, and none adds to what is counted."""
    with pytest.raises(BodyRefusedError) as refused:
        unpacked(body, "gzip", MOST)
    assert refused.value.reason == UNPACKABLE
