"""The real senders' programs and settings, as tests drive them: Prometheus, Alertmanager, and what Prometheus scrapes."""

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.waiting import eventually, free_port


def program(name: str) -> str:
    """The path of a program, or the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} in the path (Debian's package {name})")
    return found


@contextmanager
def running(*command: str) -> Iterator[None]:
    """A process for the time of the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def scraped(values: dict[str, float]) -> Iterator[str]:
    """A target that Prometheus scrapes: gauges with these values, whatever they become."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "".join(f"{name} {value}\n" for name, value in values.items()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


_PROMETHEUS = """
global: {{scrape_interval: 300ms, evaluation_interval: 300ms}}
rule_files: [{folder}/rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["{intake}"]}}]
remote_write:
  - url: http://{intake}/api/v1/write
    queue_config: {{batch_send_deadline: 300ms}}
scrape_configs:
  - job_name: {service}
    static_configs: [{{targets: ["{target}"], labels: {{environment: staging}}}}]
"""
_RULES = """
groups:
  - name: errors
    rules:
      - alert: HighErrorRate
        expr: errors > 5
        labels: {severity: critical}
        annotations: {summary: "Errors at {{ $value }}"}
"""

_ALERTMANAGER = """
route: {{receiver: breakwater, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: breakwater
    webhook_configs: [{{url: "http://{intake}/v1/alertmanager", send_resolved: true}}]
"""


@contextmanager
def prometheus(folder: Path, intake: str, target: str, service: str = "checkout") -> Iterator[None]:
    """Prometheus, whose rule `HighErrorRate` fires while the target's `errors` are over 5, and which writes its samples too.

    Args:
        intake, target: `host:port`. service: the scrape job's name, which is the service of alerts and samples.
    """
    found = program("prometheus")
    (folder / "rules.yml").write_text(_RULES)
    (folder / "prometheus.yml").write_text(
        _PROMETHEUS.format(folder=folder, intake=intake, target=target, service=service)
    )
    with running(
        found, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{free_port()}", "--rules.alert.resend-delay=300ms",
    ):  # fmt: skip
        yield


@contextmanager
def alertmanager(folder: Path, intake: str) -> Iterator[str]:
    """Alertmanager, which notifies by its webhook at once; gives its URL."""
    found, port = program("prometheus-alertmanager"), free_port()
    (folder / "alertmanager.yml").write_text(_ALERTMANAGER.format(intake=intake))
    url = f"http://127.0.0.1:{port}"
    with running(
        found, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am-data",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ):  # fmt: skip
        eventually(lambda: answers(f"{url}/-/ready"))
        yield url


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
