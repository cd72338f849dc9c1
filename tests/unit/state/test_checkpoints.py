"""Signed checkpoints: what they say comes back as it was, only from whom is trusted, and only whole."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec
from schemas.records.log import HeadsCheckpoint
from state import checkpoints
from state.checkpoints import CheckpointPlan, genuine, newest, sign_heads
from state.head import Mark
from state.signing import SigningKey
from tests.support.keys import new_key

KEY = new_key()
NOW = 1_700_000_000_000


def heads(count: int = 3, version: int = 5) -> list[Mark]:
    """Heads of so many incidents, all at one version."""
    return [head(f"inc-{n}", version) for n in range(count)]


def head(incident_id: str, version: int, snapshot_version: int = 0) -> Mark:
    """A head; its hash says which."""
    return Mark(incident_id, version, snapshot_version, f"{version:064x}")


def signed(some: list[Mark], end: int = 90, key: SigningKey = KEY, now: int = NOW) -> list[HeadsCheckpoint]:
    """A checkpoint of partition 2."""
    return sign_heads(2, some, end, end - 10, now, key)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20), st.tuples(st.integers(1, 2**40), st.integers(0, 2**40)), max_size=8
    )
)
def test_a_checkpoint_says_what_was_signed(some: dict[str, tuple[int, int]]) -> None:
    """Any ids, over the wire."""
    codec = Codec(HeadsCheckpoint)
    made = signed([head(one, version, snapshot) for one, (version, snapshot) in some.items()])
    found = newest((codec.decode(codec.encode(record)) for record in made), {KEY.public}, 2)
    assert found is not None
    assert (found.partition, found.end, found.covered_below, found.signed_at) == (2, 90, 80, NOW)
    assert found.marks == {one: Mark(one, v, s, f"{v:064x}") for one, (v, s) in some.items()}


def test_many_heads_go_into_parts_that_kafka_takes() -> None:
    """And only all parts together are a checkpoint."""
    made = signed(heads(30_000))
    assert len(made) > 1
    assert all(len(Codec(HeadsCheckpoint).encode(record)) < 1_000_000 for record in made)
    found = newest(made, {KEY.public}, 2)
    assert found is not None
    assert len(found.marks) == 30_000
    assert newest(made[1:], {KEY.public}, 2) is None


def test_whatever_is_changed_the_signature_tells() -> None:
    """Each field, the heads above all."""
    (made,) = signed(heads())
    assert genuine(made)
    for field in ("partition", "end", "covered_below", "part", "parts", "signed_at"):
        assert not genuine(replace(made, **{field: getattr(made, field) + 1}))
    assert not genuine(replace(made, heads=made.heads[:-1] + b"\x00"))
    assert not genuine(replace(made, public_key=new_key().public))


def test_only_trusted_keys_count() -> None:
    """Anybody can sign with a key of their own."""
    mine, theirs = signed(heads()), signed(heads(version=1), end=900, key=new_key())
    found = newest([*mine, *theirs], {KEY.public}, 2)
    assert found is not None
    assert found.end == 90
    assert newest(theirs, {KEY.public}, 2) is None
    assert newest(mine, {KEY.public}, 3) is None


def test_the_one_that_goes_furthest_counts() -> None:
    """A record that is written again, or of a checkpoint that was not written whole, changes nothing."""
    old, new = signed(heads(version=4), end=50), signed(heads(version=5))
    for records in ([*old, *new], [*new, *old], [*new, *new]):
        found = newest(records, {KEY.public}, 2)
        assert found is not None
        assert found.end == 90


def test_a_checkpoint_is_due_after_many_events_or_a_minute() -> None:
    """The more heads, the more events, for it costs by the head; without events it says nothing new."""
    plan = CheckpointPlan(NOW)
    assert not plan.wants(NOW + 10**9, 5, only_if_due=False)
    plan.appended(checkpoints.LEAST_EVENTS - 1)
    assert plan.wants(NOW, 5, only_if_due=False)
    assert not plan.wants(NOW, 5, only_if_due=True)
    assert plan.wants(NOW + checkpoints.LONGEST_MS, 5, only_if_due=True)
    plan.appended(1)
    assert plan.wants(NOW, 5, only_if_due=True)
    assert not plan.wants(NOW, 100_000, only_if_due=True)
