"""The target's HTTP side: GET /work, /health, /stats and POST /fault, the last for this machine alone."""

import ipaddress
import json
import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from ops.demo.errors import BadFaultError, OverloadedError
from ops.demo.target.fault import FaultKind, fault_of
from ops.demo.target.service import Service
from ops.demo.target.vitals import complaints, measures

_MOST_FAULT_BYTES = 4096
# A caller that says nothing for so long loses its connection, and with it a thread of ours.
_IDLE_S = 30.0

Extras = Callable[[], dict[str, Any]]


class TargetServer(ThreadingMixIn, TCPServer):
    """Serves one Service; a thread a connection.

    Args:
        address: host and port; port 0 picks a free one.
        service: what is served.
        usual: the fault where `/fault` names none.
        extras: further keys of `/stats`.
        share_port: let further processes listen on the same port; the system spreads connections over them.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self, address: tuple[str, int], service: Service, usual: FaultKind, extras: Extras, *, share_port: bool = False
    ) -> None:
        self.allow_reuse_port = share_port
        super().__init__(address, _Handler)
        self.service = service
        self.usual = usual
        self.extras = extras

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up is its own affair."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    # Head and body are two writes; with Nagle's algorithm the second would wait 40 ms for the caller.
    disable_nagle_algorithm = True
    server: TargetServer

    def do_GET(self) -> None:
        answers = {"/health": self._health, "/work": self._work, "/stats": self._stats}
        answer = answers.get(self.path.partition("?")[0])
        if answer is None:
            self._say(
                404, {"error": f"There is nothing at {self.path}; there are {', '.join(answers)} and POST /fault."}
            )
        else:
            answer()

    def do_POST(self) -> None:
        if self.path != "/fault":
            self._say(404, {"error": "Only /fault takes a POST."})
        elif not ipaddress.ip_address(self.client_address[0]).is_loopback:
            self._say(403, {"error": "Faults are taken from this machine alone."})
        else:
            self._fault()

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name of the base class
        """Nothing: the target's log is telemetry, not standard error."""

    def _health(self) -> None:
        why = complaints(self.server.service.vitals())
        if why:
            self._say(503, {"status": "failing", "why": "; ".join(why)})
        else:
            self._say(200, {"status": "ok"})

    def _work(self) -> None:
        try:
            self._say(200, {"signature": self.server.service.work()})
        except OverloadedError as error:
            self._say(503, {"error": str(error)})

    def _stats(self) -> None:
        service = self.server.service
        vitals = service.vitals()
        self._say(200, {
            "service": service.name,
            "pid": os.getpid(),
            "fault": service.fault.document(),
            "why": complaints(vitals),
            "memory_limit_bytes": vitals.memory_limit_bytes,
            **{name: round(value, 4) for name, (value, _) in measures(vitals).items()},
            **self.server.extras(),
        })  # fmt: skip

    def _fault(self) -> None:
        try:
            length = int(self.headers.get("Content-Length", "0"))
            if not 0 < length <= _MOST_FAULT_BYTES:
                raise BadFaultError(f"A fault has 1 to {_MOST_FAULT_BYTES} bytes.")
            fault = fault_of(json.loads(self.rfile.read(length)), self.server.usual)
        except BadFaultError as error:
            self._refuse(str(error))
        except ValueError:
            self._refuse("The body is no JSON.")
        else:
            self.server.service.inject(fault)
            self._say(200, {"fault": fault.document()})

    def _refuse(self, why: str) -> None:
        # The rest of the body may still be on its way: the connection cannot be used again.
        self.close_connection = True
        self._say(400, {"error": why})

    def _say(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
