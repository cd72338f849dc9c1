"""A worker's own port for Prometheus: `/metrics`, one a process."""

import threading
from collections.abc import Sequence
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from ops.roles import ROLES, Role
from ops.settings import Settings

log = structlog.get_logger()


class MetricsServer:
    """Implements streams.running.Running. A port that is taken costs the figures, not the work."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        self._host, self._port, self._registry = host, port, registry
        self._server: tuple[WSGIServer, threading.Thread] | None = None

    def start(self) -> None:
        """Listen; scrapes are answered by a thread of their own."""
        try:
            self._server = start_http_server(self._port, self._host, self._registry)
        except OSError as error:
            log.error(
                "no metrics", host=self._host, port=self._port, error=str(error), do="set BREAKWATER_METRICS_PORT"
            )
        else:
            log.info("metrics", url=f"http://{self._host}:{self.port}/metrics")

    @property
    def port(self) -> int:
        """The port that it listens on; 0 where it does not."""
        return 0 if self._server is None else int(self._server[0].server_port)

    def close(self) -> None:
        """Give the port back."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join(1.0)


def metrics_port(settings: Settings, role: Role, instance: str, roles: Sequence[Role] = ROLES) -> int:
    """The port of one worker of a machine: the setting's for the first edge worker, the next ones for the others; 0 is off."""
    if not settings.metrics_port:
        return 0
    number = int(instance) - 1 if instance.isdigit() else 0
    return settings.metrics_port + number * len(roles) + roles.index(role)
