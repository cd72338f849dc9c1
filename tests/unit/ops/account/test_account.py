"""The account against the log: what is counted anew, and what a difference looks like."""

from dataclasses import replace

from agents.sampling.columns import AlertDecoder
from agents.sampling.incidents import N
from agents.sampling.rules import SamplingRules
from agents.sampling.telling import tell
from ops.account.comparison import AccountedFor, compare, totals
from ops.account.recount import GivenUp, Recount
from schemas.records.sampling import AlertAccount
from streams.turns import whole
from tests.support.alerts import ALERT, CODEC, START
from tests.support.sampling import Edge, Record

RULES = SamplingRules(limit_per_s=3, window_ms=10_000, lateness_ms=20_000)
EVER = range(-(1 << 62), 1 << 62)


def some_records() -> list[Record]:
    """Alerts of three incidents over two minutes, out of order, late, and some that are none."""
    made = []
    for n in range(400):
        at = START + (n * 311) % 30_000 + n * 300 - (60_000 if n % 41 == 0 else 0)
        alert = replace(ALERT, incident_id=f"inc-{n % 3}", occurred_at=at, fingerprint=f"f{n % 7}")
        value = b"no alert" if n % 53 == 0 else CODEC.encode(alert)
        made.append(Record(n, value, f"inc-{n % 3}".encode(), START + 600_000))
    return made


def sampled(records: list[Record]) -> tuple[Edge, list[AlertAccount]]:
    """What sampling says of records, flush by flush."""
    edge, told = Edge(RULES), []
    for begin in range(0, len(records), 60):
        edge.batch(records[begin : begin + 60])
        told += whole(tell(edge.state, RULES, 0, START + 600_000)).accounts
    return edge, told


def counted(records: list[Record], told: list[AlertAccount], until: int) -> tuple[Recount, AccountedFor]:
    """The log counted anew, and what the account comes to."""
    said = AccountedFor()
    for account in told:
        said.take(account)
    recount = Recount(AlertDecoder(), RULES, {0: until}, said.upto)
    recount.take(0, records)
    return recount, said


def test_what_sampling_says_is_what_is_counted_anew() -> None:
    """Every window of every incident: received, late and dead; and the sums of all."""
    records = some_records()
    edge, told = sampled(records)
    recount, said = counted(records, told, len(records))
    assert compare(recount.counted, said.windows(), EVER) == []
    total = totals(said.windows(), EVER)
    assert total.received == 400
    assert (total.kept, total.late, total.dead_lettered) == tuple(edge.total(n) for n in (N.KEPT, N.LATE, N.DEAD))
    assert total.late > 0
    assert total.dead_lettered == 8


def test_an_alert_that_was_committed_and_not_told_of_is_a_difference() -> None:
    """One that was not committed waits."""
    records = some_records()
    _, told = sampled(records[:300])
    waiting, said = counted(records, told, 300)
    assert compare(waiting.counted, said.windows(), EVER) == []
    assert waiting.counted.waiting == 100
    lost, said = counted(records, told, 400)
    differences = compare(lost.counted, said.windows(), EVER)
    assert sum(d.log - d.account for d in differences if d.what == "received") == 100


def test_a_batch_that_sampling_gave_up_is_one_record_whatever_it_holds() -> None:
    """The records in it, which this reader can see, do not count; it waits until sampling has told of it."""
    given_up = GivenUp(0, 2, 400, START)
    for until, dead, waiting in ((401, 1, 0), (400, 0, 1)):
        recount = Recount(AlertDecoder(), RULES, {0: until}, {}, [given_up])
        recount.take(0, some_records())
        counted_now = recount.end()
        assert sum(counted_now.received.values()) == 2 + dead
        assert (sum(counted_now.dead.values()), counted_now.waiting) == (1 + dead, waiting)  # the first is no alert


def test_a_count_that_does_not_add_up_is_a_difference() -> None:
    """An event that says one more was kept than received."""
    records = some_records()
    _, told = sampled(records)
    wrong = [*told[:-1], replace(told[-1], kept=told[-1].kept + 1)]
    recount, said = counted(records, wrong, len(records))
    assert [d.what for d in compare(recount.counted, said.windows(), EVER)] == ["sum"]


def test_of_two_events_of_a_window_the_one_that_reaches_further_holds() -> None:
    """And one that was opened again, by its first offset, adds up."""
    _, told = sampled(some_records())
    first = replace(told[0], first_offset=0, upto=10, received=5)
    said = AccountedFor()
    for account in (first, replace(first, upto=20, received=8), replace(first, upto=15, received=6)):
        said.take(account)
    said.take(replace(first, first_offset=30, upto=31, received=2))
    assert [fates.received for fates in said.windows().values()] == [10]


def test_windows_outside_of_the_span_are_not_compared() -> None:
    """By the beginning of the window."""
    records = some_records()
    _, told = sampled(records)
    recount, _ = counted(records, told, len(records))
    start = START - START % 10_000
    assert {d.place.window_start for d in compare(recount.counted, {}, range(start, start + 20_000))} == {
        start,
        start + 10_000,
    }
