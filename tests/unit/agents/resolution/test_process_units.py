"""Managed process units, on real processes: each action takes place once, whatever crashed in between."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from agents.resolution.errors import NotSupportedError, UnitBusyError, UnitError, UnitStartError
from agents.resolution.process_units import ProcessUnits
from agents.resolution.unit_file import Underway, UnitFiles
from agents.resolution.unit_process import UnitProcesses, started_after_boot_s
from schemas.convert import to_dict
from schemas.records.vocabulary import Action
from tests.support.waiting import answers, eventually, free_port

SERVICE = Path(__file__).parents[3] / "support" / "small_service.py"


def command(port: int, *arguments: str) -> list[str]:
    return [sys.executable, str(SERVICE), str(port), *arguments]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "units"


@pytest.fixture
def units(folder: Path) -> Iterator[ProcessUnits]:
    found = ProcessUnits(folder, stop_patience_s=5.0)
    try:
        yield found
    finally:
        for name in found.names():
            found.stop(name)


@pytest.fixture
def port(units: ProcessUnits, tmp_path: Path) -> int:
    """The port of a defined and running unit `checkout`."""
    port = free_port()
    units.define("checkout", command(port), workdir=tmp_path, environment={"COLOUR": "blue"})
    units.start("checkout")
    eventually(lambda: answers(port))
    return port


def pid(units: ProcessUnits, service: str = "checkout") -> int:
    found = units.status(service).pid
    assert found is not None
    return found


def test_start_gives_a_process_of_its_own(units: ProcessUnits, port: int) -> None:
    """It leads its session, gets its environment and none of ours, and writes to its log."""
    process = psutil.Process(pid(units))
    environment = process.environ()
    assert os.getsid(process.pid) == process.pid
    assert environment["COLOUR"] == "blue"
    assert "PYTEST_CURRENT_TEST" not in environment
    assert Path(units.status("checkout").log).read_text() == "serving\n"


def test_start_of_a_running_unit_changes_nothing(units: ProcessUnits, port: int) -> None:
    """Started twice, it runs once."""
    before = pid(units)
    units.start("checkout")
    assert pid(units) == before


def test_a_restart_takes_place_once(units: ProcessUnits, port: int) -> None:
    """The first call replaces the process, the second, by the same action, tells what the first did."""
    before = pid(units)
    first = units.restart("checkout", "action-1")
    after = pid(units)
    assert after != before
    assert not psutil.pid_exists(before)
    assert units.restart("checkout", "action-1") == first
    assert pid(units) == after
    units.restart("checkout", "action-2")
    assert pid(units) != after


def test_another_worker_sees_that_it_was_done(units: ProcessUnits, folder: Path, port: int) -> None:
    """What was done is in the file, not in the program: a new one, after kill -9 of the first, does not repeat it."""
    units.restart("checkout", "action-1")
    after = pid(units)
    successor = ProcessUnits(folder)
    done = successor.outcome("checkout", "action-1")
    assert done is not None
    assert str(after) in done.detail
    successor.restart("checkout", "action-1")
    assert pid(successor) == after
    assert successor.outcome("checkout", "action-2") is None


def test_a_restart_that_died_between_stop_and_start_is_finished(units: ProcessUnits, folder: Path, port: int) -> None:
    """The state that a kill -9 leaves after the stop: underway, no process. The same action starts it."""
    units.stop("checkout")
    files = UnitFiles(folder)
    unit = files.read("checkout")
    left = Underway(action_id="action-1", action=Action.RESTART, command=unit.command)
    (folder / "checkout.json").write_text(json.dumps({**to_dict(unit), "underway": to_dict(left), "pid": None}))
    successor = ProcessUnits(folder)
    assert successor.outcome("checkout", "action-1") is None
    successor.restart("checkout", "action-1")
    eventually(lambda: answers(port))
    assert successor.outcome("checkout", "action-1") is not None
    assert successor.status("checkout").underway is None


def test_a_process_whose_starter_died_before_noting_it_is_taken_over(
    units: ProcessUnits, folder: Path, port: int
) -> None:
    """The state that a kill -9 leaves after the start: a process that no file tells of. It is found, not doubled."""
    units.stop("checkout")
    files = UnitFiles(folder)
    left = Underway(action_id="action-1", action=Action.RESTART, command=command(port))
    unit = files.write(replace(files.read("checkout"), underway=left, pid=None))
    orphan = UnitProcesses(5.0).spawn(unit, files.path("checkout"), unit.command, "action-1")
    successor = ProcessUnits(folder)
    done = successor.outcome("checkout", "action-1")
    assert done is not None
    assert pid(successor) == orphan.pid
    successor.restart("checkout", "action-1")
    assert pid(successor) == orphan.pid


def test_one_restart_serves_two_incidents(units: ProcessUnits, port: int) -> None:
    """A restart by another action since the intent counts: one cause is restarted once."""
    units.restart("checkout", "action-1")
    after = pid(units)
    at = units.status("checkout").done[-1].at
    done = units.restart("checkout", "action-2", since=at - 1000)
    assert pid(units) == after
    assert "action-1" in done.detail
    assert units.outcome("checkout", "action-2") == done
    units.restart("checkout", "action-3", since=at + 1)
    assert pid(units) != after


def test_a_process_that_ignores_sigterm_is_killed(folder: Path, tmp_path: Path) -> None:
    """SIGTERM, then SIGKILL after the bound."""
    units, port = ProcessUnits(folder, stop_patience_s=0.2), free_port()
    units.define("stubborn", command(port, "ok", "stubborn"), workdir=tmp_path)
    units.start("stubborn")
    eventually(lambda: answers(port))
    left = pid(units, "stubborn")
    assert units.stop("stubborn")
    assert not psutil.pid_exists(left)
    assert not units.stop("stubborn")


def test_another_program_s_zombie_counts_as_ended(units: ProcessUnits, folder: Path, port: int) -> None:
    """The demo starts a unit and the worker restarts it: the old process stays a zombie of the demo's, and is over."""
    before = pid(units)
    ProcessUnits(folder, stop_patience_s=5.0).restart("checkout", "action-1")
    assert psutil.Process(before).status() == psutil.STATUS_ZOMBIE
    assert pid(units) != before
    os.kill(pid(units), 0)


def test_a_pid_given_to_another_process_is_not_touched(units: ProcessUnits, folder: Path, port: int) -> None:
    """The unit's file names our own pid with another start: this test would end itself otherwise."""
    units.stop("checkout")
    unit = UnitFiles(folder).read("checkout")
    start_s = started_after_boot_s(psutil.Process()) - 1.0
    stolen = {**to_dict(unit), "pid": os.getpid(), "started_after_boot_s": start_s}
    (folder / "checkout.json").write_text(json.dumps(stolen))
    assert not units.alive("checkout")
    units.restart("checkout", "action-1")
    assert pid(units) != os.getpid()


def test_a_process_that_died_is_seen(units: ProcessUnits, port: int) -> None:
    """kill -9 of the unit itself: not alive, and a start brings it back."""
    os.kill(pid(units), signal.SIGKILL)
    eventually(lambda: not units.alive("checkout"))
    units.start("checkout")
    assert units.alive("checkout")


def test_scale_up_starts_one_instance_for_an_action(units: ProcessUnits, tmp_path: Path) -> None:
    """A scalable unit gets `<service>-2`, once; the limit holds; undone, the instance is stopped, once."""
    port = free_port()
    units.define("cart", command(port), workdir=tmp_path, scalable=True)
    first = units.scale_up("cart", "action-1", max_instances=2)
    assert units.scale_up("cart", "action-1", max_instances=2) == first
    assert units.names() == ["cart", "cart-2"]
    eventually(lambda: answers(port))
    assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).json()["instance"] == "2"
    with pytest.raises(NotSupportedError, match="has 2 of at most 2 instances"):
        units.scale_up("cart", "action-2", max_instances=2)
    undone = units.undo("cart", "action-1")
    assert undone is not None
    assert undone.undone
    assert not units.alive("cart-2")
    assert units.undo("cart", "action-1") == undone
    assert units.outcome("cart", "action-1") == undone


def test_scale_up_of_a_unit_that_cannot_run_twice_is_refused(units: ProcessUnits, port: int) -> None:
    """Only where the unit says so."""
    with pytest.raises(NotSupportedError, match="not scalable"):
        units.scale_up("checkout", "action-1", max_instances=5)


def test_rollback_goes_to_the_previous_command_and_back(units: ProcessUnits, tmp_path: Path) -> None:
    """A rollback swaps the commands once; undone, the unit runs by the former one again, once."""
    old, new = free_port(), free_port()
    units.define("cart", command(new), workdir=tmp_path, previous_command=command(old))
    units.start("cart")
    done = units.rollback("cart", "action-1")
    eventually(lambda: answers(old))
    assert units.rollback("cart", "action-1") == done
    assert units.status("cart").command == command(old)
    undone = units.undo("cart", "action-1")
    assert undone is not None
    assert undone.undone
    eventually(lambda: answers(new))
    again = pid(units, "cart")
    units.undo("cart", "action-1")
    assert pid(units, "cart") == again


def test_rollback_without_a_previous_command_is_refused(units: ProcessUnits, port: int) -> None:
    """Nobody knows what to go back to."""
    with pytest.raises(NotSupportedError, match="no previous command"):
        units.rollback("checkout", "action-1")


def test_a_definition_leaves_the_running_process_alone(units: ProcessUnits, tmp_path: Path, port: int) -> None:
    """A unit that is defined anew keeps its process and what was done to it, and takes the command at its next start."""
    units.restart("checkout", "action-1")
    before = pid(units)
    units.define("checkout", command(port, "failing"), workdir=tmp_path)
    assert pid(units) == before
    assert units.outcome("checkout", "action-1") is not None


def test_errors_say_what_to_do(units: ProcessUnits, folder: Path, tmp_path: Path) -> None:
    """An unknown unit, a name that leads out of the folder, a broken file, a program that is not there."""
    with pytest.raises(UnitError, match="No process unit cart is defined"):
        units.restart("cart", "action-1")
    with pytest.raises(UnitError, match="cannot name a unit"):
        units.start("../cart")
    units.define("lost", ["/no/such/program"], workdir=tmp_path)
    with pytest.raises(UnitStartError, match="Correct its command"):
        units.start("lost")
    (folder / "lost.json").write_text("{")
    with pytest.raises(UnitError, match="remove the file and define the unit again"):
        units.status("lost")
    (folder / "lost.json").unlink()


def test_one_program_at_a_time_works_on_a_unit(folder: Path) -> None:
    """A second one waits for the lock, and says so when it does not come."""
    with UnitFiles(folder).locked("cart"), pytest.raises(UnitBusyError), UnitFiles(folder, wait_s=0.1).locked("cart"):
        pass
