"""Sampling made again from the raw alerts of one incident, by any settings: what it keeps, counts, and tells of storms."""

from collections.abc import Iterator, Sequence
from typing import Any

from agents.sampling.batch import Outcome, Sampler
from agents.sampling.columns import AlertDecoder
from agents.sampling.incidents import Incidents
from agents.sampling.rules import SamplingRules
from agents.sampling.telling import tell
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis
from state.log_reader import RawRecord
from streams.topics import ACCOUNT, SAMPLED, STORMS, Topic
from streams.turns import whole

# How often accounts and storms are told of, as the worker does.
TELL_MS = 1_000
# Storms close by calm, which comes after the last alert.
CALM_MS = 60_000

Arrival = tuple[Millis, Topic, Any]


def resample(alerts: Sequence[RawRecord], rules: SamplingRules) -> Iterator[Arrival]:
    """What sampling says of an incident's alerts, in order of time.

    The limits of one incident are as in the worker. Quotas and budgets are shared with others, who are not here: they bind less.
    """
    by_time = sorted(alerts, key=lambda raw: (raw.timestamp, raw.partition, raw.offset))
    if not by_time:
        return
    partitions = sorted({raw.partition for raw in by_time})
    parts = {partition: Sampler(Incidents(), -1, AlertDecoder(), rules) for partition in partitions}
    codec: Codec[Alert] = Codec(Alert)
    now, at, end = by_time[0].timestamp, 0, by_time[-1].timestamp + CALM_MS
    while now <= end:
        until = now + TELL_MS
        batch: list[RawRecord] = []
        while at < len(by_time) and by_time[at].timestamp < until:
            batch.append(by_time[at])
            at += 1
        for partition, sampler in parts.items():
            outcome = sampler.work_through([raw for raw in batch if raw.partition == partition])
            yield from ((raw.timestamp, SAMPLED, codec.decode(raw.value)) for raw in _kept(outcome))
            told = whole(tell(sampler.state, rules, partition, until))
            yield from ((until, STORMS, storm) for storm in told.storms)
            yield from ((until, ACCOUNT, account) for account in told.accounts)
        now = until


def _kept(outcome: Outcome) -> list[Any]:
    return [kept.log.record(place) for kept in outcome.kept for place in kept.places.tolist()]
