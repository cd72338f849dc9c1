"""When a storm opens and closes: loud enough within a window opens it, calm windows close it, nothing makes it flap."""

from collections.abc import Iterable

from agents.sampling.account import Fingerprint, IncidentAccount, SamplingRules, Window
from agents.sampling.storms import judge
from schemas.records.sampling import StormChanged

RULES = SamplingRules(window_ms=10_000, open_per_s=50.0, close_per_s=10.0, close_windows=3)
LOUD, MIDDLING, CALM = 600, 200, 50  # alerts a window: 60, 20 and 5 a second


def told(windows: Iterable[int], account: IncidentAccount | None = None) -> tuple[list[StormChanged], IncidentAccount]:
    """What is said over windows of so many alerts each, judged at the end of each."""
    account = account or IncidentAccount("inc-1", tenant="t", service="s")
    changes = []
    first = (account.watermark + 1) // RULES.window_ms
    for number, alerts in enumerate(windows, first):
        start = number * RULES.window_ms
        if alerts:
            account.windows[start] = Window([alerts, 0, alerts, 0, 0], 0)
        account.watermark = start + RULES.window_ms - 1
        account.arrived_at = account.watermark
        change = judge(account, RULES, 0, account.arrived_at)
        if change is not None:
            changes.append(change)
    return changes, account


def opens(changes: Iterable[StormChanged]) -> list[bool]:
    return [change.open for change in changes]


def test_a_loud_window_opens_a_storm_and_says_how_loud() -> None:
    """Rate and baseline, in alerts a second; who is loudest."""
    account = IncidentAccount("inc-1", tenant="t", service="s")
    account.fingerprints = {"quiet": Fingerprint(0, True, "A", 1), "loud": Fingerprint(0, True, "B", 599)}
    (opened,), _ = told([CALM] * 10 + [LOUD], account)
    assert opened.open
    assert opened.rate_per_s == 60.0
    assert 0 < opened.baseline_per_s <= 5.0
    assert [f.fingerprint for f in opened.loudest] == ["loud", "quiet"]


def test_less_than_loud_opens_nothing() -> None:
    """Above the closing rate is not above the opening one."""
    changes, _ = told([MIDDLING] * 20)
    assert changes == []


def test_three_calm_windows_close_it() -> None:
    """Under the same id that it opened by."""
    changes, _ = told([LOUD, CALM, CALM, CALM, CALM])
    assert opens(changes) == [True, False]
    assert changes[0].storm_id == changes[1].storm_id


def test_middling_windows_keep_it_open() -> None:
    """Between the two rates nothing changes: that is the hysteresis."""
    changes, account = told([LOUD] + [MIDDLING] * 30)
    assert opens(changes) == [True]
    assert account.storm_id


def test_calm_windows_must_follow_each_other() -> None:
    """A storm with pauses is one storm."""
    changes, account = told([LOUD] + [CALM, CALM, MIDDLING] * 5)
    assert opens(changes) == [True]
    assert account.storm_id


def test_a_storm_that_comes_back_is_another_one() -> None:
    """With an id of its own, which is a function of incident, partition and window."""
    changes, _ = told([LOUD, CALM, CALM, CALM, CALM, LOUD])
    assert opens(changes) == [True, False, True]
    assert changes[0].storm_id != changes[2].storm_id
    assert told([LOUD])[0][0].storm_id == changes[0].storm_id


def test_windows_without_any_alert_are_calm() -> None:
    """The alert after a pause tells that there was one."""
    changes, _ = told([LOUD, 0, 0, 0, CALM])
    assert opens(changes) == [True, False]


def test_silence_closes_it_by_the_clock_of_arrival() -> None:
    """No alert will come to tell of the pause."""
    _, account = told([LOUD])
    still = judge(account, RULES, 0, account.arrived_at + 30_000)
    closed = judge(account, RULES, 0, account.arrived_at + 30_001)
    assert still is None
    assert closed is not None
    assert not closed.open
    assert closed.rate_per_s == 0.0
    assert account.storm_id == ""


def test_a_storm_does_not_raise_its_own_baseline() -> None:
    """The baseline is of calm times."""
    _, before = told([CALM] * 20)
    _, after = told([CALM] * 20 + [LOUD] * 20)
    assert after.baseline_per_s < before.baseline_per_s + 6.0


def test_years_between_two_alerts_are_judged_at_once() -> None:
    """Real data has event times of years ago, then of today."""
    _, account = told([LOUD])
    account.watermark += 5 * 365 * 86_400_000
    account.arrived_at += 1
    closed = judge(account, RULES, 0, account.arrived_at)
    assert closed is not None
    assert not closed.open
