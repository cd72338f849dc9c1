"""Storms of an incident, with hysteresis: one opens within a window that is loud enough and closes after calm windows. Pure."""

from agents.sampling.account import IncidentAccount, SamplingRules, Window
from schemas.identity import stable_id
from schemas.records.sampling import FingerprintCount, StormChanged
from schemas.records.vocabulary import Millis

LOUDEST = 5
# A window's weight in the baseline: its half-life is about 7 windows.
ALPHA = 0.1


def judge(account: IncidentAccount, rules: SamplingRules, partition: int, now: Millis) -> StormChanged | None:
    """The change that the account's windows bring about, if any; `now` is arrival time, for incidents that fell silent."""
    width_s = rules.window_ms / 1000
    current = account.watermark - account.watermark % rules.window_ms
    _judge_past(account, rules, current)
    rate = account.windows.get(current, Window()).counts[0] / width_s
    if not account.storm_id and rate >= rules.open_per_s:
        return _opened(account, rate, partition, current)
    silent = now - account.arrived_at > rules.close_windows * rules.window_ms
    if account.storm_id and (account.calm >= rules.close_windows or silent):
        return _closed(account, rate if not silent else 0.0, partition, now if silent else account.watermark)
    return None


def _judge_past(account: IncidentAccount, rules: SamplingRules, current: Millis) -> None:
    if account.judged_until < 0:
        account.judged_until = current
    passed = (current - account.judged_until) // rules.window_ms
    if passed <= 0:
        return
    # Windows that hold no alert are calm; of a long silence, the last few tell all.
    starts = range(max(account.judged_until, current - 50 * rules.window_ms), current, rules.window_ms)
    for start in starts:
        rate = account.windows.get(start, Window()).counts[0] * 1000 / rules.window_ms
        account.calm = account.calm + 1 if rate < rules.close_per_s else 0
        if not account.storm_id:
            account.baseline_per_s += ALPHA * (rate - account.baseline_per_s)
    account.judged_until = current


def _opened(account: IncidentAccount, rate: float, partition: int, window: Millis) -> StormChanged:
    account.storm_id = stable_id("storm", account.incident_id, partition, window)
    account.storm_at, account.calm = account.watermark, 0
    return _change(account, account.storm_id, True, rate, partition, account.watermark)


def _closed(account: IncidentAccount, rate: float, partition: int, at: Millis) -> StormChanged:
    storm_id, account.storm_id, account.calm = account.storm_id, "", 0
    change = _change(account, storm_id, False, rate, partition, at)
    for fingerprint in account.fingerprints.values():
        fingerprint.count = 0
    return change


def _change(
    account: IncidentAccount, storm_id: str, opened: bool, rate: float, partition: int, at: Millis
) -> StormChanged:
    loud = sorted(account.fingerprints.items(), key=lambda item: (-item[1].count, item[0]))[:LOUDEST]
    return StormChanged(
        storm_id=storm_id,
        incident_id=account.incident_id,
        tenant=account.tenant,
        service=account.service,
        open=opened,
        rate_per_s=rate,
        baseline_per_s=account.baseline_per_s,
        loudest=[FingerprintCount(fingerprint=key, name=f.name, count=f.count) for key, f in loud],
        occurred_at=at,
        partition=partition,
        upto=account.upto,
    )
