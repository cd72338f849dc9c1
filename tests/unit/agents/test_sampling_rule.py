"""The columnar rule against its specification, over adversarial batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sampling.account import IncidentAccount, SamplingRules
from agents.sampling.batch import Outcome, work_through
from agents.sampling.columns import AlertDecoder
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier
from tests.support.sampling_specification import Specification

CODEC = Codec(Alert)
RULES = SamplingRules(limit_per_s=3, window_ms=10_000, lateness_ms=20_000, correlation_ms=30_000)
START = 1_700_000_000_000
ALERT = Alert(
    alert_id="a", incident_id="inc-1", tenant="t", environment="prod", service="checkout", name="HighCpu",
    severity=Severity.ERROR, status=AlertStatus.FIRING, tier=Tier.IMPORTANT, fingerprint="f", source="host-1",
    occurred_at=START, received_at=START, message="cpu at 97 %", labels={},
)  # fmt: skip


@dataclass
class Record:
    """A record as the transport hands it over."""

    offset: int
    value: bytes | None
    key: bytes | None = b"inc-1"
    timestamp: int = START + 3_600_000
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Edge:
    """Feeds batches to the rule and keeps its accounts."""

    rules: SamplingRules = RULES
    accounts: dict[str, IncidentAccount] = field(default_factory=dict)
    decoder: AlertDecoder = field(default_factory=AlertDecoder)

    def batch(self, records: Sequence[Record]) -> Outcome:
        return work_through(records, self.decoder, self.find, self.rules)

    def find(self, incident_id: str) -> IncidentAccount:
        return self.accounts.setdefault(incident_id, IncidentAccount(incident_id))

    def total(self, index: int) -> int:
        return sum(account.totals[index] for account in self.accounts.values())


alerts = st.builds(
    lambda incident, print_, severity, status, tier, second, ms: replace(
        ALERT, incident_id=f"inc-{incident}", fingerprint=f"f{print_}", severity=severity, status=status, tier=tier,
        occurred_at=START + second * 1000 + ms,
    ),
    st.integers(0, 2), st.integers(0, 3), st.sampled_from(Severity), st.sampled_from(AlertStatus), st.sampled_from(Tier),
    st.integers(0, 60), st.integers(0, 2),
)  # fmt: skip


def records(some: Sequence[Alert], first: int) -> list[Record]:
    return [Record(first + i, CODEC.encode(a), a.incident_id.encode()) for i, a in enumerate(some)]


@given(st.lists(st.lists(alerts, min_size=1, max_size=40), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_the_columns_do_what_the_specification_says(batches: list[list[Alert]]) -> None:
    """Kept, suppressed and late, alert by alert, and every window's counts are those of the plain form."""
    edge, plain, offset = Edge(), Specification(RULES), 0
    for batch in batches:
        fates = plain.batch(batch)
        outcome = edge.batch(records(batch, offset))
        assert sorted(outcome.kept) == [i for i, fate in enumerate(fates) if fate == "kept"]
        offset += len(batch)
    for incident_id, expected in plain.incidents.items():
        found = {start: w.counts[:4] for start, w in edge.accounts[incident_id].windows.items()}
        assert found == dict(expected.windows)


@given(st.lists(alerts, min_size=1, max_size=60), st.data())
@settings(max_examples=100, deadline=None)
def test_a_redelivery_counts_and_keeps_nothing_twice(batch: list[Alert], data: st.DataObject) -> None:
    """Whatever part of the log comes again, totals stay and nothing of it is forwarded again."""
    edge, all_records = Edge(), records(batch, 0)
    edge.batch(all_records)
    before = {i: list(a.totals) for i, a in edge.accounts.items()}
    start = data.draw(st.integers(0, len(batch) - 1))
    again = edge.batch(all_records[start:])
    assert again.kept == []
    assert {i: a.totals for i, a in edge.accounts.items()} == before


@given(st.lists(st.one_of(alerts.map(CODEC.encode), st.binary(max_size=60), st.none()), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_received_is_kept_and_suppressed_and_late_and_dead(values: list[bytes | None]) -> None:
    """Every record, readable or not, has exactly one fate."""
    edge = Edge()
    outcome = edge.batch([Record(i, value) for i, value in enumerate(values)])
    assert edge.total(0) == len(values)
    assert sum(edge.total(i) for i in range(1, 5)) == len(values)
    assert edge.total(4) == len(outcome.dead)


@given(st.lists(alerts, min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_an_account_survives_its_row(batch: list[Alert]) -> None:
    """Loading what was dumped gives the account that was."""
    edge = Edge()
    edge.batch(records(batch, 0))
    for account in edge.accounts.values():
        assert IncidentAccount.load(account.dump()) == account


def test_the_worst_go_first() -> None:
    """With more alerts in a second than places, higher severity is kept, then what was not seen before, then the tier."""
    rows = [
        replace(ALERT, severity=Severity.INFO, fingerprint="info"),
        replace(ALERT, severity=Severity.ERROR, fingerprint="f"),
        replace(ALERT, severity=Severity.ERROR, fingerprint="f"),
        replace(ALERT, severity=Severity.ERROR, fingerprint="f", tier=Tier.CRITICAL),
        replace(ALERT, severity=Severity.CRITICAL, fingerprint="worst"),
    ]
    assert sorted(Edge().batch(records(rows, 0)).kept) == [1, 3, 4]


def test_a_change_of_state_is_never_sampled_away() -> None:
    """A resolution passes although the second's places are taken."""
    edge = Edge()
    edge.batch(records([ALERT] * 10, 0))
    outcome = edge.batch(records([replace(ALERT, status=AlertStatus.RESOLVED)], 10))
    assert outcome.kept == [0]


def test_each_bad_record_is_dead_for_its_own_reason() -> None:
    """One batch with every kind of fault: the good alert in it is kept."""
    good = CODEC.encode(ALERT)
    values: list[bytes | None] = [
        good, None, b"", b"garbage", good[:-4], good + b"\x00", good[:12] + b"\xff\xff" + good[14:],
        CODEC.encode(replace(ALERT, occurred_at=START + 10**9)), CODEC.encode(replace(ALERT, occurred_at=-5)),
        CODEC.encode(replace(ALERT, incident_id="")), CODEC.encode(replace(ALERT, message="x" * 300_000)),
        good[:2] + b"12345678" + good[10:],
    ]  # fmt: skip
    outcome = Edge().batch([Record(i, value) for i, value in enumerate(values)])
    reasons = {place: error.reason for place, error in outcome.dead.items()}
    assert outcome.kept == [0]
    assert reasons == {
        1: "empty", 2: "empty", 3: "not_avro", 4: "malformed", 5: "trailing_bytes", 6: "malformed", 7: "future_dated",
        8: "impossible_time", 9: "no_incident_id", 10: "oversized", 11: "unknown_schema",
    }  # fmt: skip
