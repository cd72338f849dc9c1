"""The target as a managed process unit that the executor may restart or scale, and its entry in targets.json."""

import random
import sys
import time
from pathlib import Path

from pydantic import TypeAdapter

from agents.resolution.process_units import ProcessUnits
from agents.resolution.targets import Target, read_targets
from ops.demo.alert_sources import Place
from ops.demo.errors import TargetUnreachableError
from ops.demo.scenarios import TargetSpec
from ops.demo.sightings import answers
from ops.embedded.ports import HOST, choose_ports
from ops.settings import Settings

ENVIRONMENT_PREFIX = "demo-"
_START_S = 20.0


class TargetUnit:
    """One target, from its definition to its end. `url` is fixed for its life: a restart comes back on the same port."""

    def __init__(self, settings: Settings, spec: TargetSpec, place: Place) -> None:
        self._settings, self._spec, self._place = settings, spec, place
        self._units = ProcessUnits(settings.home / "units")
        port = choose_ports(["target"], {}, random.SystemRandom())["target"]
        self._port = port
        self.url = f"http://{HOST}:{port}"

    def start(self, intake_url: str) -> None:
        """Allow the actions on it, start it, and wait until it is healthy.

        Raises:
            TargetUnreachableError: it is not healthy in time.
            ResolutionError: its unit or targets.json cannot be used.
        """
        self._allow()
        self._units.define(
            self._spec.service, self._command(intake_url), workdir=self._settings.home, scalable=self._scalable
        )
        self._units.start(self._spec.service)
        deadline = time.monotonic() + _START_S
        while not answers(self.url + "/health"):
            if time.monotonic() > deadline:
                log = self._units.status(self._spec.service).log
                raise TargetUnreachableError(f"{self._spec.service} is not healthy after {_START_S:.0f} s. See {log}.")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and every further instance, and allow no more actions on it."""
        for name in self._units.names():
            if self._spec.service in (name, self._units.status(name).instance_of):
                self._units.stop(name)
        self._write([])

    @property
    def _scalable(self) -> bool:
        return self._spec.max_instances > 1

    def _command(self, intake_url: str) -> list[str]:
        return [
            sys.executable, "-m", "ops.demo.target", "--service", self._spec.service, "--port", str(self._port),
            "--tenant", self._place.tenant, "--environment", self._place.environment, "--intake", intake_url,
            "--fault", self._spec.fault, *self._spec.arguments,
        ]  # fmt: skip

    def _allow(self) -> None:
        entry = {
            "service": self._spec.service, "tenant": self._place.tenant, "environment": self._place.environment,
            "executor": "process", "health_url": self.url + "/health", "actions": list(self._spec.actions),
            "max_instances": self._spec.max_instances, "cost_per_action": self._spec.cost_per_action, "risk": "low",
        }  # fmt: skip
        self._write([Target.model_validate(entry)])

    def _write(self, mine: list[Target]) -> None:
        """Set the demo's entries; an operator's own stay, those of a demo that was killed go."""
        path = self._settings.targets
        others = [t for t in read_targets(path).values() if not t.environment.startswith(ENVIRONMENT_PREFIX)]
        if not mine and not others and not path.exists():
            return
        _write_whole(path, TypeAdapter(list[Target]).dump_json([*others, *mine], indent=2, exclude_defaults=True))


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content + b"\n")
    partial.replace(path)
