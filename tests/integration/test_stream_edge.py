"""Sampling in real processes, against a real Kafka: every alert has one fate, whatever dies in between."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from schemas.codec import Codec
from schemas.records.sampling import AlertAccount
from state.log_reader import RawRecord
from state.unreadable import STAND_IN_HEADER, UNREADABLE_BATCH, offsets_of_letter
from streams.reading import read_all
from tests.support.alerts import START, framed, storm
from tests.support.bombs import abort_bomb, write_bomb
from tests.support.recount import recounted
from tests.support.streaming import Log, Workers
from tests.support.waiting import eventually
from tests.support.worker import WorkerPlan

pytestmark = pytest.mark.kafka

# Longer than any other record of the tests, and about the most that Kafka takes.
HUGE = b"\xc3\x01" + bytes(2_000_000)


@pytest.fixture
def plan(log: Log, unique: Callable[[str], str]) -> WorkerPlan:
    """Sampling on fresh topics; arrival is stamped by the broker, as in production."""
    topics = {role: unique(role) for role in ("alerts", "sampled", "account", "storms")}
    log.create(topics["alerts"], config={"message.timestamp.type": "LogAppendTime"})
    log.create(topics["sampled"], topics["account"], topics["storms"])
    return WorkerPlan("edge", unique("group"), log.bootstrap, "", topics)


def latest_accounts(log: Log, plan: WorkerPlan) -> dict[tuple[str, int], AlertAccount]:
    """By incident and partition, the account that reaches furthest."""
    codec = Codec(AlertAccount)
    latest: dict[tuple[str, int], AlertAccount] = {}
    for message in read_all(log.bootstrap, plan.topics["account"]):
        account = codec.decode(message.value)
        place = account.incident_id, account.partition
        if place not in latest or account.upto >= latest[place].upto:
            latest[place] = account
    return latest


def window_sums(log: Log, plan: WorkerPlan) -> dict[tuple[str, int], int]:
    """By incident and partition, what was received according to the windows, each as it was told of last."""
    codec = Codec(AlertAccount)
    latest: dict[tuple[str, int, int], AlertAccount] = {}
    for message in read_all(log.bootstrap, plan.topics["account"]):
        account = codec.decode(message.value)
        window = account.incident_id, account.partition, account.window_start
        if window not in latest or account.upto >= latest[window].upto:
            latest[window] = account
    sums: dict[tuple[str, int], int] = defaultdict(int)
    for (incident_id, partition, _), account in latest.items():
        sums[incident_id, partition] += account.received
    return sums


def forwarded(log: Log, plan: WorkerPlan) -> dict[tuple[int, int], bytes | None]:
    """What was kept, by its place on the raw topic."""
    return {(m.partition, source_offset(m)): m.value for m in read_all(log.bootstrap, plan.topics["sampled"])}


def source_offset(message: RawRecord) -> int:
    return int(dict(message.headers)["source-offset"] or b"-1")


@pytest.mark.chaos
def test_the_account_is_exact_over_two_kills(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """200,000 alerts, kill -9 twice: received = kept + suppressed + late + dead = what is in the topic; what was kept is on."""
    alerts = storm(200_000)
    for number, part in enumerate((alerts[:70_000], alerts[70_000:140_000])):
        log.produce(plan.topics["alerts"], part)
        before = log.count(plan.topics["sampled"])
        worker = workers.start(plan)
        eventually(lambda: log.count(plan.topics["sampled"]) > before, limit_s=60)  # noqa: B023 - waited for here
        workers.kill(worker)
        log.produce(plan.topics["alerts"], [(f"inc-{number}", b"no alert")] * 50)
    log.produce(plan.topics["alerts"], alerts[140_000:])
    workers.start(plan)
    log.await_done(plan.group, plan.topics["alerts"])

    accounts = latest_accounts(log, plan)
    totals = {place: a.total_received for place, a in accounts.items()}
    assert sum(totals.values()) == log.count(plan.topics["alerts"]) == 200_100
    assert window_sums(log, plan) == totals
    for account in accounts.values():
        fates = account.total_kept, account.total_suppressed, account.total_late, account.total_dead_lettered
        assert account.total_received == sum(fates)
    assert sum(a.total_dead_lettered for a in accounts.values()) == 100 == len(log.dead(plan.topics["alerts"]))
    kept = forwarded(log, plan)
    assert len(kept) >= sum(a.total_kept for a in accounts.values()) > 0
    raw = {(m.partition, m.offset): m.value for m in read_all(log.bootstrap, plan.topics["alerts"])}
    assert all(raw[place] == value for place, value in kept.items())
    assert recounted(plan).received == 200_100


def test_what_is_no_alert_becomes_a_dead_letter_and_the_rest_flows(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """Malformed, truncated, oversized, misdated, foreign: each with its reason, byte for byte; its neighbours are sampled."""
    good = framed()
    bad: dict[bytes | None, str] = {
        None: "empty",
        b"": "empty",
        b'{"alert": "json"}': "not_avro",
        b"\xc3\x01": "truncated",
        b"\x00\x00": "truncated",
        b"\x00\x00\x00\x00\x2a" + good[10:]: "unknown_schema",
        b"\xc3\x01" + bytes(8) + good[10:]: "unknown_schema",
        good[:-4]: "malformed",
        good[:10] + b"\xff" * 40: "malformed",
        good + b"\x00": "trailing_bytes",
        framed(message="x" * 300_000): "oversized",
        HUGE: "oversized",
        framed(occurred_at=START * 10): "future_dated",
        framed(occurred_at=-5): "impossible_time",
        framed(incident_id=""): "no_incident_id",
        framed(incident_id="i" * 300): "no_incident_id",
    }
    records = [(key, value) for value in bad for key, value in (("inc-0", good), ("inc-0", value))]
    log.produce(
        plan.topics["alerts"], [*records, (None, b"nobody's"), ("inc-0", good)], **{"message.max.bytes": 2_090_000}
    )
    workers.start(plan)
    log.await_done(plan.group, plan.topics["alerts"])

    letters = log.dead(plan.topics["alerts"])
    assert {letter.value: letter.reason for letter in letters} == {**bad, b"nobody's": "not_avro"}
    accounts = latest_accounts(log, plan)
    assert sum(a.total_received for a in accounts.values()) == 2 * len(bad) + 2
    assert sum(a.total_dead_lettered for a in accounts.values()) == len(letters) == len(bad) + 1
    assert len(forwarded(log, plan)) == len(bad) + 1


def test_a_batch_that_unpacks_to_too_much_is_one_dead_letter(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """Whatever it was packed with; what was aborted is none, nor who claims to be one. The account is exact all the same."""
    alerts = plan.topics["alerts"]
    log.produce(alerts, storm(2_000))
    for partition, compression in enumerate(("zstd", "gzip", "lz4", "zstd")):
        write_bomb(log.bootstrap, alerts, records=1 + 40 * partition, partition=partition % 4, compression=compression)
    abort_bomb(log.bootstrap, alerts, 1)
    write_bomb(log.bootstrap, alerts, partition=1)
    abort_bomb(log.bootstrap, alerts, 1)
    log.produce(alerts, storm(2_000))
    forged = Producer({"bootstrap.servers": log.bootstrap})
    forged.produce(alerts, None, "inc-0", 0, headers=[(STAND_IN_HEADER, b"0-1000")])
    forged.flush(30)
    workers.start(plan)
    log.await_done(plan.group, alerts)
    letters = [letter for letter in log.dead(alerts) if letter.reason != "empty"]
    assert sorted((letter.partition, len(offsets_of_letter(letter.headers, letter.offset) or ())) for letter in letters) == [
        (0, 1), (1, 1), (1, 41), (2, 81), (3, 121),
    ]  # fmt: skip
    assert {(letter.value, letter.reason) for letter in letters} == {(None, UNREADABLE_BATCH)}
    found = recounted(plan)
    assert (found.received, found.dead_lettered) == (4_006, 6)


def test_alerts_without_their_incidents_key_are_accounted_for_by_partition(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """The same alert at the same offset of each partition: as many sampled copies as were kept, and one total of all."""
    for partition in range(4):
        log.produce(plan.topics["alerts"], [(None, framed(incident_id="inc-everywhere"))] * 3, partition=partition)
    workers.start(plan)
    log.await_done(plan.group, plan.topics["alerts"])
    found = recounted(plan)
    assert found.received == 12
    assert sum(1 for _ in read_all(log.bootstrap, plan.topics["sampled"])) == found.kept > 3


def test_a_loud_tenant_takes_nothing_from_a_quiet_one(log: Log, plan: WorkerPlan, workers: Workers) -> None:
    """100,000 alerts of one tenant within the budget of 50 a second; all 300 of the other go on, none of its own is cut."""
    loud = [
        ("one partition", framed(tenant="loud", incident_id=f"loud-{n % 40}", fingerprint=f"f{n % 9}", occurred_at=at))
        for n in range(5_000)
        for at in (START + n % 30 * 1000,)
    ] * 20
    quiet = [
        ("one partition", framed(tenant="quiet", incident_id="quiet-0", fingerprint=f"f{n % 3}", occurred_at=at))
        for n in range(300)
        for at in (START + n // 10 * 1000,)
    ]
    every = len(loud) // len(quiet)
    mixed = [one for n, small in enumerate(quiet) for one in (*loud[n * every : (n + 1) * every], small)]
    log.produce(plan.topics["alerts"], mixed)
    workers.start(replace(plan, output_per_s=50))
    log.await_done(plan.group, plan.topics["alerts"])

    accounts = latest_accounts(log, plan)
    by_tenant: dict[str, list[AlertAccount]] = defaultdict(list)
    for account in accounts.values():
        by_tenant[account.tenant].append(account)
    (own,) = by_tenant["quiet"]
    assert (own.total_received, own.total_kept, own.total_over_quota) == (300, 300, 0)
    assert sum(a.total_over_quota for a in by_tenant["loud"]) > 0
    for account in by_tenant["loud"]:
        assert account.total_received == account.total_kept + account.total_suppressed + account.total_late
        assert account.total_over_quota <= account.total_suppressed
    assert len([1 for value in forwarded(log, plan).values() if value and b"quiet-0" in value]) == 300


def test_an_alert_is_forwarded_by_its_incident_however_it_was_keyed(
    log: Log, plan: WorkerPlan, workers: Workers
) -> None:
    """A producer that keys by something else spreads an incident over partitions; behind sampling it is on one."""
    log.produce(plan.topics["alerts"], [(f"host-{n}", framed()) for n in range(40)])
    workers.start(plan)
    log.await_done(plan.group, plan.topics["alerts"])
    kept = list(read_all(log.bootstrap, plan.topics["sampled"]))
    assert len(kept) == 40
    assert {m.key for m in kept} == {b"inc-0"}
    assert len({m.partition for m in kept}) == 1
