"""Which position may be committed: the one behind an unbroken run of acknowledged batches, and never another."""

from hypothesis import given
from hypothesis import strategies as st

from streams.transport.batch import Batch
from streams.transport.progress import Progress


def handed_out(progress: Progress, start: int, end: int) -> Batch:
    """A batch that was fetched from `start` and leaves the fetcher at `end`."""
    assert progress.continues(start)
    batch = Batch((), end - 1, end)
    progress.hand_out(batch)
    return batch


def acknowledge(progress: Progress, *batches: Batch) -> None:
    for batch in batches:
        batch.done = True
    progress.advance()


def test_batches_acknowledged_in_order_move_the_position() -> None:
    """Each moves it to where its fetch left off."""
    progress = Progress(0)
    first, second = handed_out(progress, 0, 10), handed_out(progress, 10, 25)
    positions = [progress.committable]
    for batch in (first, second):
        acknowledge(progress, batch)
        positions.append(progress.committable)
    assert positions == [None, 10, 25]


def test_a_batch_acknowledged_early_waits_for_those_before_it() -> None:
    """Else a crash would lose what is still under way."""
    progress = Progress(0)
    first, second, third = (handed_out(progress, n * 10, n * 10 + 10) for n in range(3))
    acknowledge(progress, third, second)
    early = progress.committable
    acknowledge(progress, first)
    assert (early, progress.committable) == (None, 30)


def test_a_hole_behind_everything_is_passed_at_once() -> None:
    """Markers and aborted records at the end of a partition leave no lag."""
    progress = Progress(0)
    acknowledge(progress, handed_out(progress, 0, 10))
    progress.passed(14)
    assert progress.committable == 14
    assert progress.continues(14)


def test_a_hole_behind_a_batch_under_way_is_passed_with_that_batch() -> None:
    """Committing the hole would commit the batch."""
    progress = Progress(0)
    batch = handed_out(progress, 0, 10)
    progress.passed(14)
    before = progress.committable
    acknowledge(progress, batch)
    assert (before, progress.committable) == (None, 14)


def test_a_batch_that_does_not_continue_is_refused() -> None:
    """What lies before it was given to nobody: it has to be fetched again."""
    progress = Progress(0)
    handed_out(progress, 0, 10)
    assert not progress.continues(20)
    assert progress.expected == 10
    assert progress.continues(10)


def test_a_void_batch_moves_nothing() -> None:
    """Its records come again, to this worker or another."""
    progress = Progress(0)
    batch = handed_out(progress, 0, 10)
    progress.void()
    assert batch.void
    acknowledge(progress, batch)
    assert progress.committable is None


def test_where_it_stands_is_known_before_the_first_acknowledgement() -> None:
    """A watchdog has to see a partition that never moves at all."""
    assert Progress(5).reached == 5
    assert Progress(None).reached is None


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 3)), min_size=1, max_size=30), st.randoms())
def test_whatever_the_order_everything_is_committed_in_the_end_and_nothing_before(
    fetches: list[tuple[int, int]], random: object
) -> None:
    """The position never passes a batch that is under way, and ends behind the last."""
    progress, at, batches = Progress(0), 0, []
    for records, hole in fetches:
        batches.append(handed_out(progress, at, at + records))
        at += records
        if hole:
            at += hole
            progress.passed(at)
    order = list(batches)
    random.shuffle(order)  # type: ignore[attr-defined]
    for batch in order:
        acknowledge(progress, batch)
        undone = [b for b in batches if not b.done]
        if undone and progress.committable is not None:
            assert progress.committable <= undone[0].last
    assert progress.committable == at
