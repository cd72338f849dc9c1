"""A body whose sender heard no success is read, when it comes again, as it was the first time: also by the next process."""

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.intake.guard import Guard
from ops.intake.handover import Bounds
from ops.intake.sources import Source
from ops.intake.unsettled import Ids, OpenFile, Reception, Receptions, Unsettled, body_key
from tests.support.intake import FakeDelivery, app_of, intake_over

NOW = 1_800_000_000_000
PATH, BODY = "/v1/alerts", b'{"service": "s", "name": "n"}'


def over(path: Path, most: int = 100) -> Unsettled:
    """What a process that starts on this file knows."""
    found = Unsettled(300, OpenFile(path), most)
    found.recover(NOW)
    return found


def test_a_body_that_failed_is_resumed_once_and_others_are_not() -> None:
    """Two that were alike and failed are two; a third is a new one."""
    unsettled = Unsettled()
    first, second = Reception("a", NOW), Reception("b", NOW)
    for one in (first, second):
        unsettled.failed(PATH, BODY, one)
    assert unsettled.resumed("/webhook", BODY, NOW) is None
    assert unsettled.resumed(PATH, BODY + b" ", NOW) is None
    assert [unsettled.resumed(PATH, BODY, NOW) for _ in range(3)] == [first, second, None]
    for one in (first, second):
        unsettled.settled(one)
    assert len(unsettled) == 0


def test_what_comes_again_after_the_window_is_a_new_one() -> None:
    """Kafka is not asked about what was that long ago."""
    unsettled = Unsettled(10)
    unsettled.failed(PATH, BODY, Reception("a", NOW))
    assert unsettled.resumed(PATH, BODY, NOW + 10_001) is None
    assert len(unsettled) == 0


def test_the_next_process_knows_what_was_open(tmp_path: Path) -> None:
    """What failed, and what was under way when the process ended; not what was settled, nor what is long past."""
    file = tmp_path / "home" / "open.log"
    before = over(file)
    under_way, settled, failed, old = (Reception(mark, NOW) for mark in "abcd")
    before.begun(PATH, b"under way", under_way)
    before.begun(PATH, b"settled", settled)
    before.settled(settled)
    before.failed(PATH, b"failed", failed)
    before.failed(PATH, b"old", Reception(old.mark, NOW - 301_000))
    with file.open("a") as torn:
        torn.write("+ broken off")
    after = over(file)
    assert [after.resumed(PATH, body, NOW) for body in (b"under way", b"settled", b"failed", b"old")] == [
        under_way, None, failed, None,
    ]  # fmt: skip
    assert len(over(file)) == 2


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written anew with what is open."""
    monkeypatch.setattr("ops.intake.unsettled._MOST_BYTES", 2_000)
    unsettled = over(tmp_path / "open.log")
    unsettled.failed(PATH, b"open", Reception("open", NOW))
    for number in range(500):
        unsettled.begun(PATH, BODY, Reception(f"{number}", NOW))
        unsettled.settled(Reception(f"{number}", NOW))
    assert (tmp_path / "open.log").stat().st_size < 3_000
    assert over(tmp_path / "open.log").resumed(PATH, b"open", NOW) == Reception("open", NOW)


def test_the_eldest_are_forgotten_where_they_are_too_many() -> None:
    """In number, and with them what waits."""
    unsettled = Unsettled(most=2)
    for number in range(3):
        unsettled.failed(PATH, b"%d" % number, Reception(f"{number}", NOW))
    assert [bool(unsettled.resumed(PATH, b"%d" % number, NOW)) for number in range(3)] == [False, True, True]


def test_what_is_forgotten_is_forgotten_by_the_next_process_too(tmp_path: Path) -> None:
    """A new body like one that was pushed out, or is long past, is no repetition of it."""
    file = tmp_path / "open.log"
    unsettled = over(file, most=2)
    for number in range(3):
        unsettled.begun(PATH, b"%d" % number, Reception(f"{number}", NOW))
    for number in range(3):
        unsettled.settled(Reception(f"{number}", NOW))
    assert len(over(file)) == 0
    unsettled.failed(PATH, b"never again", Reception("never", NOW))
    unsettled.begun(PATH, b"later", Reception("later", NOW + 300_001))
    assert len(unsettled) == 1
    assert "never" not in [reception.mark for _, reception in OpenFile(file).read()]


def test_a_file_of_too_many_or_of_rubbish_is_read_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The youngest are known, of so many bytes at the end."""
    monkeypatch.setattr("ops.intake.unsettled._MOST_READ", 2_000)
    file = tmp_path / "open.log"
    lines = [f"+ {body_key(PATH, b'%d' % number)} mark-{number} {NOW}\n" for number in range(100)]
    file.write_text("".join([*lines, f"+ key mark {'9' * 5_000}\n"[:500], "+ key mark ٣\n", "+ \x00\n"]))
    found = over(file, most=10)
    assert len(found) == 10
    assert [bool(found.resumed(PATH, b"%d" % number, NOW)) for number in (89, 90, 99)] == [False, True, True]


def test_a_file_of_many_that_are_open_is_not_written_anew_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when it has twice the bytes of what is open."""
    monkeypatch.setattr("ops.intake.unsettled._MOST_BYTES", 1_000)
    written = []
    rewrite = OpenFile.rewrite

    def counted(file: OpenFile, still_open: Receptions) -> None:
        written.append(1)
        rewrite(file, still_open)

    monkeypatch.setattr(OpenFile, "rewrite", counted)
    unsettled = over(tmp_path / "open.log", most=1_000)
    for number in range(500):
        unsettled.begun(PATH, b"%d" % number, Reception(f"{number}", NOW))
    assert len(written) < 10
    assert len(over(tmp_path / "open.log", most=1_000)) == 500


def test_a_file_that_cannot_be_written_keeps_nobody_from_going_on(tmp_path: Path) -> None:
    """It is said; within the process all is as before."""
    (tmp_path / "no folder").write_text("")
    unsettled = over(tmp_path / "no folder" / "open.log")
    unsettled.failed(PATH, BODY, Reception("a", NOW))
    assert unsettled.resumed(PATH, BODY, NOW) == Reception("a", NOW)


def test_ids_are_the_same_each_time_that_a_body_is_read() -> None:
    """One after another."""
    first, again = Ids(Reception("a", NOW)), Ids(Reception("a", NOW))
    assert [first(), first()] == [again(), again()] == ["a-0", "a-1"]
    assert first.given == 2


NAMELESS: list[dict[str, Any]] = [{"service": "s", "name": "n", "message": f"{n}"} for n in range(4)]


@pytest.mark.parametrize("pressed", [False, True])
async def test_the_next_process_makes_the_same_alerts_of_a_body_without_ids(tmp_path: Path, pressed: bool) -> None:
    """Whether the first knew their kind already or not; then the same body is a new one."""
    said, made = [], []
    for gate in (False, True):
        delivery = FakeDelivery()
        intake = intake_over(
            delivery, Bounds(patience_s=0.05), unsettled=Unsettled(300, OpenFile(tmp_path / "open.log"))
        )
        intake = replace(intake, new_id=lambda: uuid.uuid4().hex)
        intake.unsettled.recover(intake.clock())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(intake)), base_url="http://intake") as client:
            if pressed and not gate:  # their templates are there
                assert (await client.post(PATH, json=NAMELESS[:2])).status_code == 202
                delivery.taken.clear()
            delivery.gate.clear() if not gate else delivery.gate.set()
            said += [(await client.post(PATH, json=NAMELESS)).status_code for _ in range(2 if gate else 1)]
            delivery.gate.set()  # Kafka takes it late, or after all
            await asyncio.sleep(0.05)
        made.append([alert.alert_id for alert in delivery.alerts()])
        intake.unsettled.close()
    first, second = made
    assert said == [503, 202, 202]
    assert (len(first), second[:4]) == (4, first)
    assert len({*second}) == 8


async def test_the_same_bytes_of_two_tenants_are_two_bodies() -> None:
    """One's body that Kafka is still asked about is nothing that the other has sent."""
    sources = tuple(Source(name=t, paths=(PATH,), bearer=f"secret-{t}", tenant=t) for t in ("acme", "zenith"))
    delivery = FakeDelivery()
    intake = intake_over(delivery, Bounds(patience_s=0.3), unsettled=Unsettled(300, None), guard=Guard(sources))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(intake)), base_url="http://intake") as client:
        said: list[int] = []
        for tenant in ("acme", "zenith"):
            delivery.gate.clear() if not said else delivery.gate.set()
            await asyncio.sleep(0.05)  # the first is taken late
            sent = await client.post(PATH, json=NAMELESS, headers={"authorization": f"Bearer secret-{tenant}"})
            said.append(sent.status_code)
    assert said == [503, 202]
    assert sorted(alert.tenant for alert in delivery.alerts()) == ["acme"] * 4 + ["zenith"] * 4


async def test_of_a_batch_that_kafka_took_in_part_the_rest_is_sent_again() -> None:
    """Of a body without ids too: what was taken is not taken twice."""
    taken: list[Any] = []

    class InPart(FakeDelivery):
        async def delivered(self, records: Any) -> list[str | None]:
            answers: list[str | None] = (
                [None, None, "_MSG_TIMED_OUT", "_MSG_TIMED_OUT"] if not taken else [None] * len(records)
            )
            taken.extend(record for record, why in zip(records, answers, strict=True) if why is None)
            return answers

    intake = intake_over(InPart())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(intake)), base_url="http://intake") as client:
        first, second = [await client.post(PATH, json=NAMELESS) for _ in range(2)]
    assert (first.status_code, second.status_code, second.json()["duplicates"]) == (503, 202, 2)
    assert len(taken) == len({record.value for record in taken}) == 4
