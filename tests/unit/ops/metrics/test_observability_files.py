"""docker-compose.observability.yml on top of docker-compose.yml: what compose itself makes of the two."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
FILES = ("docker-compose.yml", "docker-compose.observability.yml")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services, merged by compose."""
    binary = shutil.which("docker-compose")
    if binary is None:
        pytest.skip("there is no docker-compose: apt-get install docker-compose")
    files = [part for name in FILES for part in ("-f", name)]
    yaml_text = subprocess.run([binary, *files, "config"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return _services(yaml_text)


def _services(text: str) -> dict[str, Any]:
    """Of compose's own output, which is regular: the services' blocks by name."""
    body = text.split("\nservices:\n" if "\nservices:\n" in text else "services:\n", 1)[1]
    body = re.split(r"^\S", body, maxsplit=1, flags=re.MULTILINE)[0]
    parts = re.split(r"^  (\S+):\n", body, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_compose_takes_both_files(services: dict[str, Any]) -> None:
    """With the services of both, and the workers' metrics where Prometheus asks for them."""
    assert {"edge", "analysis", "command", "serve", "prometheus", "grafana"} <= set(services)
    for role in ("edge", "analysis", "command"):
        assert re.search(r"BREAKWATER_METRICS_PORT: '?9101'?", services[role])


def test_nothing_is_published_beyond_this_machine(services: dict[str, Any]) -> None:
    """Whatever is published is published on loopback."""
    published = re.findall(r"^    - (\S*:\d+/tcp)$", "".join(services.values()), re.MULTILINE)
    assert published
    assert all(one.startswith("127.0.0.1:") for one in published)


def test_what_is_mounted_is_there(services: dict[str, Any]) -> None:
    """A folder that is missing would be made by the engine, empty."""
    for name in ("prometheus", "grafana"):
        mounted = re.findall(rf"- ({re.escape(str(ROOT))}\S*?):\S+:ro$", services[name], re.MULTILINE)
        assert mounted
        assert all(any(Path(one).iterdir()) for one in mounted)


def test_every_dashboard_asks_the_source_that_is_provisioned() -> None:
    """And the folder that Grafana is told of is the one that is mounted."""
    provisioning = ROOT / "dashboards/grafana/provisioning"
    assert "http://prometheus:9090" in "".join(file.read_text() for file in provisioning.rglob("*.y*ml"))
    assert "/var/lib/grafana/dashboards" in "".join(file.read_text() for file in provisioning.rglob("*.y*ml"))
    for file in (ROOT / "dashboards/grafana/dashboards").glob("*.json"):
        assert json.loads(file.read_text())["panels"]
