"""Rates of alerts by what became of them, from cumulative accounts."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ops.api.alert_rates import SLOT_MS, SLOTS, AlertRates
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.samples import sample

NOW = 1_700_000_000_000


def account(
    received: int, kept: int, incident_id: str = "inc-a", tenant: str = "default", *, window: int = -1
) -> AlertAccount:
    """An incident's account with these totals; its window is its first where it is not said otherwise."""
    return sample(
        AlertAccount, incident_id=incident_id, tenant=tenant, service=f"of-{incident_id}", partition=0,
        received=received if window < 0 else window, total_received=received, total_kept=kept,
        total_suppressed=received - kept, total_late=0, total_dead_lettered=0,
    )  # fmt: skip


def test_what_an_account_gained_is_a_rate() -> None:
    """Ten received in a slot of two seconds are five a second; the next slot has what came on top."""
    rates = AlertRates()
    rates.account(account(10, 4), NOW)
    rates.account(account(30, 6, window=20), NOW + SLOT_MS)
    found = rates.view(NOW + 2 * SLOT_MS)
    assert [found["rates"][fate][-2:] for fate in ("received", "kept", "suppressed")] == [[5, 10], [2, 1], [3, 9]]
    assert found["totals"]["received"] == 30
    assert len(found["at"]) == len(found["rates"]["dead"]) == SLOTS


def test_the_present_slot_is_not_told_before_it_is_full() -> None:
    """Half a slot would look like a lull."""
    rates = AlertRates()
    rates.account(account(10, 4), NOW)
    assert sum(rates.view(NOW)["rates"]["received"]) == 0


def test_an_incident_whose_beginning_was_not_seen_counts_from_its_second_account_on() -> None:
    """A million alerts of yesterday did not come in this second."""
    rates = AlertRates()
    rates.account(account(1_000_000, 100, window=5), NOW)
    rates.account(account(1_000_004, 104, window=9), NOW)
    assert rates.view(NOW + SLOT_MS)["rates"]["received"][-1] == 2


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-SLOTS - 5, 5)), max_size=60))
def test_every_alert_is_in_one_slot_however_late_it_is_told(steps: list[tuple[int, int]]) -> None:
    """But for those that are told of slots which are over; slots stay in order and bounded."""
    rates, total, newest, told = AlertRates(), 0, None, 0
    for more, slot in steps:
        total += more
        at = NOW + slot * SLOT_MS
        rates.account(account(total, 0, window=total if total == more else -1 if total == 0 else 1), at)
        newest = at if newest is None else max(newest, at)
        told += more
    found = rates.view((newest or NOW) + SLOT_MS)
    assert found["totals"]["received"] <= told
    assert sum(found["rates"]["received"]) * SLOT_MS / 1_000 == found["totals"]["received"]


def test_the_loudest_come_first() -> None:
    """Incidents and tenants, with what of theirs was suppressed."""
    rates = AlertRates()
    for number in range(12):
        rates.account(account(number + 1, 1, f"inc-{number}", f"tenant-{number % 2}"), NOW)
    rates.dead_letter(NOW)
    found = rates.view(NOW + SLOT_MS)
    assert [one["incident_id"] for one in found["incidents"]] == [f"inc-{number}" for number in range(11, 1, -1)]
    assert found["tenants"][0] == {"tenant": "tenant-1", "received": 42, "suppressed": 36}
    assert found["totals"]["dead"] == 1


def test_a_storm_is_shown_while_it_is_open() -> None:
    """By incident and partition: what closes on one goes on on the other."""
    rates, storm = AlertRates(), sample(StormChanged, open=True, partition=0, incident_id="inc-a")
    rates.storm(storm)
    rates.storm(replace(storm, partition=1))
    rates.storm(replace(storm, open=False))
    assert [one["incident_id"] for one in rates.view(NOW)["storms"]] == ["inc-a"]
    rates.storm(replace(storm, partition=1, open=False))
    assert rates.view(NOW)["storms"] == []


def test_a_slot_with_very_many_incidents_keeps_the_loudest() -> None:
    """However many incidents there are, memory does not follow them."""
    rates = AlertRates()
    for number in range(1_000):
        rates.account(account(number + 1, 1, f"inc-{number}"), NOW)
    for slot in range(1, 4):
        rates.account(account(1, 1, f"next-{slot}"), NOW + slot * SLOT_MS)
    assert rates.view(NOW + 4 * SLOT_MS)["incidents"][0]["incident_id"] == "inc-999"
    assert max(len(slot.incidents) for slot in rates._slots) == 200
