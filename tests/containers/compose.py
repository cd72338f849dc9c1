"""docker-compose on a project of a test's own: up, asked, and down again whatever happened."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.models.containers import Container

ROOT = Path(__file__).parents[2]


def compose_command() -> list[str] | None:
    """The one that is installed, `docker-compose` or Docker's plug-in; None without either."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if not shutil.which("docker"):
        return None
    plug_in = ["docker", "compose"]
    found = subprocess.run([*plug_in, "version"], capture_output=True, check=False).returncode == 0
    return plug_in if found else None


class Project:
    """One project of docker-compose.

    Args:
        command: what compose is called by. name: the project's. environment: all that compose sees.
    """

    def __init__(self, command: Sequence[str], name: str, environment: Mapping[str, str], engine: DockerClient) -> None:
        self._command, self.name, self._environment, self._engine = command, name, environment, engine
        self.files: tuple[str, ...] = ("docker-compose.yml",)

    def up(self, limit_s: float = 240) -> None:
        """Bring up what the files say, or what has changed in them; those who depend on others wait for these.

        It takes 40 s on two idle cores; the limit is for busy ones.
        """
        self.run("up", "--detach", limit_s=limit_s)

    def down(self) -> None:
        """End everything, volumes included."""
        self.run("down", "--volumes", "--remove-orphans", "--timeout", "5", limit_s=90)

    def run(self, *arguments: str, limit_s: float = 60) -> str:
        """A compose command's standard output; the test fails with what it said where it fails."""
        files = [word for file in self.files for word in ("-f", file)]
        line = [*self._command, "-p", self.name, *files, *arguments]
        try:
            done = subprocess.run(
                line,
                cwd=ROOT,
                env=dict(self._environment),
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{' '.join(line)}: not done in {limit_s:.0f} s\n{self.logs()}") from error
        assert done.returncode == 0, f"{' '.join(line)}: {done.stderr[-3000:]}\n{self.logs()}"
        return done.stdout

    def containers(self) -> dict[str, Container]:
        """The project's containers by service."""
        wanted: dict[str, Any] = {"label": f"com.docker.compose.project={self.name}"}
        found = self._engine.containers.list(all=True, filters=wanted)
        return {container.labels["com.docker.compose.service"]: container for container in found}

    def health(self) -> dict[str, str]:
        """By service: healthy, starting, unhealthy, or what else the container is."""
        return {
            service: container.attrs["State"].get("Health", {}).get("Status", container.status)
            for service, container in self.containers().items()
        }

    def logs(self, lines: int = 15) -> str:
        """The end of the log of each service that is not healthy."""
        ends = (
            f"--- {service}\n{container.logs(tail=lines).decode(errors='replace')}"
            for service, container in self.containers().items()
            if container.attrs["State"].get("Health", {}).get("Status") != "healthy"
        )
        return "\n".join(ends)


@contextmanager
def brought_down(project: Project) -> Iterator[Project]:
    """The project, which is down afterwards."""
    try:
        yield project
    finally:
        project.down()
