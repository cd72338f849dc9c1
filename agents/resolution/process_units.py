"""Services that Breakwater keeps as processes of this machine: start, stop, restart, scale up, roll back.

What an action does is noted in the unit's file before anything is touched, and that it took place after it did. So an
action that a crash interrupted is finished by the next call, and one that took place changes nothing when called again.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from agents.resolution.errors import NotSupportedError
from agents.resolution.unit_file import Done, Underway, Unit, UnitFiles
from agents.resolution.unit_process import UnitProcesses, started_after_boot_s
from schemas.records.vocabulary import Action, Millis
from state.clock import wall_clock_ms

# Actions remembered a unit; a redelivery asks about the last.
_REMEMBERED = 50


class ProcessUnits:
    """The units of one folder. Several programs may hold one such object each; all calls block."""

    def __init__(
        self, folder: Path, *, stop_patience_s: float = 10.0, clock: Callable[[], Millis] = wall_clock_ms
    ) -> None:
        self._files, self._processes, self._clock = UnitFiles(folder), UnitProcesses(stop_patience_s), clock

    def define(
        self,
        service: str,
        command: list[str],
        *,
        workdir: Path,
        environment: dict[str, str] | None = None,
        scalable: bool = False,
        previous_command: list[str] | None = None,
    ) -> Unit:
        """Say how a unit is started, from its next start on; a running process is left alone.

        Args:
            service: the unit's name. command: program and arguments. workdir: where it runs.
            environment: what it gets beside PATH, HOME and the language.
            scalable: whether more instances of it may run; each gets BREAKWATER_INSTANCE=2, 3, …
            previous_command: what a rollback starts.

        Raises:
            UnitError: the name cannot name a unit, or its file cannot be used.
        """
        with self._files.locked(service):
            known = self._files.find(service)
            said = Unit(
                service=service, command=command, environment=environment or {}, workdir=str(workdir.absolute()),
                log=str(self._files.log(service)), scalable=scalable, previous_command=previous_command,
            )  # fmt: skip
            if known is not None:
                said = replace(
                    said, pid=known.pid, started_after_boot_s=known.started_after_boot_s, started_at=known.started_at,
                    action_id=known.action_id, underway=known.underway, done=known.done,
                )  # fmt: skip
            return self._files.write(said)

    def status(self, service: str) -> Unit:
        """The unit as it is on file.

        Raises:
            UnitError: it is not defined, or its file cannot be used.
        """
        return self._files.read(service)

    def alive(self, service: str) -> bool:
        """Whether the unit's process runs."""
        return self._processes.find(self.status(service)) is not None

    def names(self) -> list[str]:
        """The units that are defined."""
        return self._files.names()

    def start(self, service: str) -> Unit:
        """Start the unit where it does not run.

        Raises:
            UnitError, UnitStartError: it is not defined, or cannot be started.
        """
        with self._files.locked(service):
            unit = self._settled(service)
            if self._processes.find(unit) is not None:
                return unit
            return self._replaced(unit, Underway(action_id="", action=None, command=unit.command))

    def stop(self, service: str) -> bool:
        """End the unit's process; whether it was running.

        Raises:
            UnitError, UnitStopError: it is not defined, or does not end.
        """
        with self._files.locked(service):
            unit = self._settled(service)
            ran = self._ended(unit)
            self._files.write(replace(unit, pid=None, underway=None))
            return ran

    def outcome(self, service: str, action_id: str) -> Done | None:
        """What became of an action on the unit or on an instance of it; finishes the notes that a crash interrupted."""
        for name in [service, *self._instances(service)]:
            with self._files.locked(name):
                done = self._settled(name).outcome(action_id)
            if done is not None:
                return done
        return None

    def restart(self, service: str, action_id: str, *, since: Millis | None = None) -> Done:
        """Stop the unit and start it again, once for an action.

        Args:
            service: the unit. action_id: the action; what took place by it is not repeated.
            since: another action's restart at or after this time counts as this one's: two incidents with one cause
                restart it once.
        """
        with self._files.locked(service):
            unit = self._settled(service)
            if (done := unit.outcome(action_id)) is not None:
                return done
            if since is not None and (other := _restarted(unit, since)) is not None:
                shared = replace(other, action_id=action_id, detail=f"{other.detail}, by action {other.action_id}")
                return self._noted(unit, shared)
            began = Underway(action_id=action_id, action=Action.RESTART, command=unit.command)
            return self._replaced(unit, began).done[-1]

    def rollback(self, service: str, action_id: str) -> Done:
        """Start the unit by its previous command, once for an action; what it ran by becomes the previous one.

        Raises:
            NotSupportedError: it has no previous command.
        """
        with self._files.locked(service):
            unit = self._settled(service)
            if (done := unit.outcome(action_id)) is not None:
                return done
            if not unit.previous_command:
                raise NotSupportedError(f"The unit {service} has no previous command to roll back to.")
            began = Underway(action_id=action_id, action=Action.ROLLBACK, command=unit.previous_command)
            return self._replaced(unit, began).done[-1]

    def scale_up(self, service: str, action_id: str, *, max_instances: int) -> Done:
        """Start one more instance of the unit, as the unit `<service>-2` and so on, once for an action.

        Raises:
            NotSupportedError: the unit is not scalable, or there are `max_instances` already.
        """
        if (done := self.outcome(service, action_id)) is not None:
            return done
        with self._files.locked(service):
            unit = self._files.read(service)
            name = self._free_instance(unit, action_id, max_instances)
            with self._files.locked(name):
                copy = self._files.write(_instance(unit, name, self._files.find(name), str(self._files.log(name))))
                began = Underway(action_id=action_id, action=Action.SCALE_UP, command=unit.command)
                return self._replaced(copy, began).done[-1]

    def undo(self, service: str, action_id: str) -> Done | None:
        """Take a scale-up or a rollback back, once; None where there is nothing that could be taken back."""
        for name in [service, *self._instances(service)]:
            with self._files.locked(name):
                unit = self._settled(name)
                done = unit.outcome(action_id)
                if done is not None:
                    return self._undone(unit, done)
        return None

    def scale_obstacle(self, service: str, max_instances: int) -> str | None:
        """Why the unit cannot get one more instance, None where it can."""
        unit = self.status(service)
        if not unit.scalable:
            return f"The unit {service} is not scalable: its program cannot run twice on this machine."
        running = 1 + sum(self.alive(name) for name in self._instances(service))
        if running >= max_instances:
            return f"The unit {service} has {running} of at most {max_instances} instances."
        return None

    def _undone(self, unit: Unit, done: Done) -> Done | None:
        if done.undone or done.action == Action.RESTART:
            return done if done.undone else None
        if done.action == Action.SCALE_UP:
            self._ended(unit)
            unit, told = replace(unit, pid=None), f"stopped the new instance {unit.service}"
        else:
            unit, told = self._rolled_forward(unit, done), f"started {unit.service} by its former command again"
        return self._noted(unit, replace(done, undone=True, detail=told))

    def _rolled_forward(self, unit: Unit, done: Done) -> Unit:
        undo_id = f"{done.action_id}:undo"
        if unit.outcome(undo_id) is not None or not unit.previous_command:
            return unit  # a crash kept only the note from being made
        return self._replaced(unit, Underway(action_id=undo_id, action=Action.ROLLBACK, command=unit.previous_command))

    def _free_instance(self, unit: Unit, action_id: str, max_instances: int) -> str:
        obstacle = self.scale_obstacle(unit.service, max_instances)
        if obstacle:
            raise NotSupportedError(obstacle)
        number = 2
        while not self._free(name := f"{unit.service}-{number}", unit.service, action_id):
            number += 1
        return name

    def _free(self, name: str, service: str, action_id: str) -> bool:
        unit = self._files.find(name)
        if unit is None:
            return True
        begun = unit.underway is not None and unit.underway.action_id == action_id
        return unit.instance_of == service and (begun or self._processes.find(unit) is None)

    def _instances(self, service: str) -> list[str]:
        return [name for name in self.names() if self._files.read(name).instance_of == service]

    def _settled(self, service: str) -> Unit:
        """The unit, its notes made true if the program that last worked on it died: a process that it had started is
        taken over, where none was the start is still to be done."""
        unit = self._files.read(service)
        if unit.underway is None:
            return unit
        orphan = self._processes.orphan(self._files.path(service), unit.underway.action_id)
        if orphan is None or orphan.pid == unit.pid:
            return unit
        return self._running(unit, unit.underway, orphan)

    def _replaced(self, unit: Unit, underway: Underway) -> Unit:
        unit = self._files.write(replace(unit, underway=underway))
        self._ended(unit)
        unit = self._files.write(replace(unit, pid=None))
        file = self._files.path(unit.service)
        process = self._processes.spawn(unit, file, underway.command, underway.action_id)
        return self._running(unit, underway, process)

    def _running(self, unit: Unit, underway: Underway, process: psutil.Process) -> Unit:
        now = self._clock()
        swapped = underway.command != unit.command
        unit = replace(
            unit, pid=process.pid, started_after_boot_s=started_after_boot_s(process), started_at=now,
            action_id=underway.action_id, underway=None, command=underway.command,
            previous_command=unit.command if swapped else unit.previous_command,
        )  # fmt: skip
        if underway.action is not None:
            detail = f"started {unit.service} as process {process.pid}"
            done = Done(action_id=underway.action_id, action=underway.action, at=now, detail=detail)
            unit = replace(unit, done=[*unit.done, done][-_REMEMBERED:])
        return self._files.write(unit)

    def _ended(self, unit: Unit) -> bool:
        process = self._processes.find(unit)
        if process is not None:
            self._processes.end(process, unit.service)
        return process is not None

    def _noted(self, unit: Unit, done: Done) -> Done:
        others = [d for d in unit.done if d.action_id != done.action_id]
        self._files.write(replace(unit, done=[*others, done][-_REMEMBERED:]))
        return done


def _instance(unit: Unit, name: str, known: Unit | None, log: str) -> Unit:
    number = name.removeprefix(f"{unit.service}-")
    return Unit(
        service=name, command=unit.command, environment={**unit.environment, "BREAKWATER_INSTANCE": number},
        workdir=unit.workdir, log=log, instance_of=unit.service, done=known.done if known else [],
        underway=known.underway if known else None,
    )  # fmt: skip


def _restarted(unit: Unit, since: Millis) -> Done | None:
    return next((d for d in reversed(unit.done) if d.action == Action.RESTART and d.at >= since), None)
