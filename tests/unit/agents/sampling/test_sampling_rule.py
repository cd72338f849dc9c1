"""The columnar rule against its specification, over adversarial batches."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sampling.account_rows import loaded, rows
from agents.sampling.incidents import N
from agents.sampling.rules import SamplingRules
from agents.sampling.telling import tell
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier
from streams.turns import whole
from tests.support.alerts import ALERT, CODEC, START
from tests.support.sampling import Edge, Record, chunks, kept_offsets, records
from tests.support.sampling_specification import Specification

RULES = SamplingRules(
    limit_per_s=3, window_ms=10_000, lateness_ms=20_000, correlation_ms=30_000, limits={"t2": 1, "t1/CRITICAL": 5}
)
BASE = replace(ALERT, incident_id="inc-1")

alerts = st.builds(
    lambda incident, print_, severity, status, tier, second, ms, tenant, source: replace(
        BASE, incident_id=f"inc-{incident}", fingerprint=f"f{print_}", severity=severity, status=status, tier=tier,
        occurred_at=START + second * 1000 + ms, tenant=tenant, source=source,
    ),
    st.integers(0, 2), st.integers(0, 3) | st.integers(0, 60), st.sampled_from(Severity), st.sampled_from(AlertStatus),
    st.sampled_from(Tier), st.integers(0, 2) | st.integers(0, 60) | st.integers(-(10**9), 3600), st.integers(0, 2),
    st.sampled_from(["t1", "t2", "t3"]), st.sampled_from(["host-1", "host-2"]),
)  # fmt: skip
batches = st.lists(st.lists(alerts, min_size=1, max_size=60), min_size=1, max_size=6)


@given(batches)
@settings(max_examples=100, deadline=None)
def test_the_columns_do_what_the_specification_says(some: list[list[Alert]]) -> None:
    """Kept, suppressed and late, alert by alert, and every window's counts are those of the plain form."""
    edge, plain, offset = Edge(RULES), Specification(RULES), 0
    for batch in some:
        fates = plain.batch(batch)
        outcome = edge.batch(records(batch, offset))
        assert kept_offsets(outcome) == [offset + i for i, fate in enumerate(fates) if fate == "kept"]
        offset += len(batch)
    for incident_id, expected in plain.incidents.items():
        found = {start: counts[:4] for start, counts in edge.windows(incident_id).items()}
        assert found == dict(expected.windows)


@given(batches, st.integers(1, 70), st.booleans())
@settings(max_examples=100, deadline=None)
def test_unopened_batches_have_the_fates_of_opened_ones(some: list[list[Alert]], size: int, compressed: bool) -> None:
    """However the log cuts them into record batches: the same alerts are kept, the same counted."""
    opened, unopened, offset = Edge(RULES), Edge(RULES), 0
    for batch in some:
        part = records(batch, offset)
        kept = kept_offsets(opened.batch(part))
        assert kept_offsets(unopened.batch(chunks(part, size, compressed=compressed))) == kept
        offset += len(batch)
    assert unopened.totals() == opened.totals()


@given(st.lists(alerts, min_size=1, max_size=60), st.data())
@settings(max_examples=100, deadline=None)
def test_a_redelivery_counts_and_keeps_nothing_twice(batch: list[Alert], data: st.DataObject) -> None:
    """Whatever part of the log comes again, totals stay and nothing of it is forwarded again."""
    edge, all_records = Edge(RULES), records(batch)
    edge.batch(all_records)
    before = edge.totals()
    start = data.draw(st.integers(0, len(batch) - 1))
    again = edge.batch(all_records[start:])
    assert kept_offsets(again) == []
    assert edge.totals() == before


def test_what_the_partition_has_counted_is_passed_over_although_its_incident_is_forgotten() -> None:
    """A row that expired does not make its alerts new."""
    edge = Edge(RULES)
    edge.sampler.upto = 4
    outcome = edge.batch(records([BASE] * 6))
    assert kept_offsets(outcome) == [5]
    assert edge.total(N.RECEIVED) == 1


@given(st.lists(st.one_of(alerts.map(CODEC.encode), st.binary(max_size=60), st.none()), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_received_is_kept_and_suppressed_and_late_and_dead(values: list[bytes | None]) -> None:
    """Every record, readable or not, opened or not, has exactly one fate."""
    for unopened in (False, True):
        edge, raw = Edge(RULES), [Record(i, value) for i, value in enumerate(values)]
        outcome = edge.batch(chunks(raw, 7) if unopened else raw)
        assert edge.total(N.RECEIVED) == len(values)
        assert sum(edge.total(count) for count in (N.KEPT, N.SUPPRESSED, N.LATE, N.DEAD)) == len(values)
        assert edge.total(N.DEAD) == len(outcome.dead)
        assert edge.total(N.KEPT) == len(kept_offsets(outcome))


@given(batches)
@settings(max_examples=50, deadline=None)
def test_an_account_survives_its_row(some: list[list[Alert]]) -> None:
    """What is loaded from rows goes on as what wrote them would have."""
    *before, last = some
    edge, offset = Edge(RULES), 0
    for batch in before:
        edge.batch(records(batch, offset))
        offset += len(batch)
        whole(tell(edge.state, RULES, 0, START))
    again = Edge(RULES, loaded(rows(edge.state, edge.state.live()).values()))
    part = records(last, offset)
    assert kept_offsets(again.batch(part)) == kept_offsets(edge.batch(part))
    assert again.totals() == edge.totals()


def kept_of(edge: Edge, some: Sequence[Alert], first: int = 0) -> list[int]:
    """The offsets that are kept of alerts from an offset on."""
    return kept_offsets(edge.batch(records(some, first)))


def test_the_worst_go_first() -> None:
    """With more alerts in a second than places, higher severity is kept, then what was not seen before, then the tier."""
    edge = Edge(replace(RULES, limits={}))
    known = [replace(BASE, fingerprint=f"f{n}", occurred_at=START - 5_000) for n in range(4)]
    kept_of(edge, known)
    rows_ = [
        replace(BASE, severity=Severity.INFO, fingerprint="f0"),
        replace(BASE, severity=Severity.ERROR, fingerprint="f1"),
        replace(BASE, severity=Severity.ERROR, fingerprint="f2"),
        replace(BASE, severity=Severity.ERROR, fingerprint="f2", tier=Tier.CRITICAL),
        replace(BASE, severity=Severity.CRITICAL, fingerprint="f3"),
    ]
    assert kept_of(edge, rows_, 4) == [5, 7, 8]


def test_a_change_of_state_is_never_sampled_away() -> None:
    """A resolution passes although the second's places are taken."""
    edge = Edge(RULES)
    kept_of(edge, [BASE] * 10)
    assert kept_of(edge, [replace(BASE, status=AlertStatus.RESOLVED)], 10) == [10]


def test_the_first_sight_of_a_fingerprint_is_kept_but_not_a_flood_of_them() -> None:
    """Beyond the limit, up to ten times the limit: then names that never repeat compete like all others."""
    edge = Edge(replace(RULES, limits={}))
    fresh = [replace(BASE, fingerprint=f"f{n}") for n in range(100)]
    assert kept_of(edge, fresh) == list(range(30))


def test_limits_are_those_of_the_tenant_and_tier() -> None:
    """The closest name holds."""
    rules = SamplingRules(limit_per_s=3, limits={"t2": 1, "CRITICAL": 2, "t2/CRITICAL": 4})
    assert rules.limit("t1", "SUPPORTING") == 3
    assert rules.limit("t1", "CRITICAL") == 2
    assert rules.limit("t2", "SUPPORTING") == 1
    assert rules.limit("t2", "CRITICAL") == 4


def test_each_bad_record_is_dead_for_its_own_reason() -> None:
    """One batch with every kind of fault, opened or not: the good alerts beside them are kept."""
    good = CODEC.encode(BASE)
    values: list[bytes | None] = [
        good, None, b"", b"garbage", good[:-4], good + b"\x00", good[:12] + b"\xff\xff" + good[14:],
        CODEC.encode(replace(BASE, occurred_at=START + 10**9)), CODEC.encode(replace(BASE, occurred_at=-5)),
        CODEC.encode(replace(BASE, incident_id="")), CODEC.encode(replace(BASE, message="x" * 300_000)),
        good[:2] + b"12345678" + good[10:],
    ]  # fmt: skip
    for size in (0, 3, 100):
        raw = [Record(i, value) for i, value in enumerate(values)]
        outcome = Edge().batch(chunks(raw, size) if size else raw)
        reasons = {record.offset: error.reason for record, error in outcome.dead}
        assert kept_offsets(outcome) == [0]
        assert {record.offset: record.value for record, _ in outcome.dead} == {r.offset: r.value for r in raw[1:]}
        assert reasons == {
            1: "empty", 2: "empty", 3: "not_avro", 4: "malformed", 5: "trailing_bytes", 6: "malformed",
            7: "future_dated", 8: "impossible_time", 9: "no_incident_id", 10: "oversized", 11: "unknown_schema",
        }  # fmt: skip
