"""What the detectors remember survives its storage."""

import random
from base64 import b64decode, b64encode

import pytest

from agents.detectors import memory
from agents.detectors.ensemble import SeriesWatch
from agents.detectors.errors import UnreadableMemoryError


def fed(points: int, seed: int = 1, step_s: float = 60.0) -> SeriesWatch:
    """A series after so many points."""
    watch, dice = SeriesWatch(), random.Random(seed)
    for i in range(points):
        watch.judge(dice.gauss(50, 5) + i % 7, i * step_s)
    return watch


@pytest.mark.parametrize("step_s", [60.0, 3600.0])
@pytest.mark.parametrize("points", [0, 1, 7, 100, 1500])
def test_a_restored_memory_goes_on_as_the_one_that_was_never_stored(points: int, step_s: float) -> None:
    """The same verdicts of whatever comes, at any age and cadence."""
    live = fed(points, step_s=step_s)
    restored = SeriesWatch.load(live.dump())
    assert restored == live
    dice = random.Random(2)
    for i in range(points, points + 50):
        value = dice.gauss(50, 20)
        assert live.judge(value, i * step_s) == restored.judge(value, i * step_s)
    assert restored == live


def test_a_memory_is_bounded() -> None:
    """A wild series of 5,000 points is stored in less than 16 kB."""
    watch, dice = SeriesWatch(), random.Random(3)
    for i in range(5000):
        watch.judge(dice.lognormvariate(0, 3), i * 60.0)
    assert len(watch.dump()) < 16_000


def test_a_damaged_number_is_told_as_damage() -> None:
    """Wherever a byte was changed, no other memory is made of it; a few changes say the same in other words."""
    live, refused = fed(200), 0
    packed = b64decode(live.dump())
    for at in range(0, len(packed), 7):
        spoilt = bytearray(packed)
        spoilt[at] ^= 0x20
        try:
            assert SeriesWatch.load(b64encode(spoilt).decode()) == live
        except UnreadableMemoryError:
            refused += 1
    assert refused > len(packed) / 7 * 0.9


def test_one_that_is_damaged_or_of_another_version_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """The series is learned anew, by an error that says why."""
    text = fed(10).dump()
    for bad in ("", "!", text[:50], text[:-8]):
        with pytest.raises(UnreadableMemoryError, match="learned anew"):
            SeriesWatch.load(bad)
    monkeypatch.setattr(memory, "VERSION", memory.VERSION + 1)
    with pytest.raises(UnreadableMemoryError, match=r"of version \d+, not \d+"):
        SeriesWatch.load(text)
