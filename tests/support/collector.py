"""An OpenTelemetry collector that keeps what it gets."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """An OpenTelemetry collector: takes OTLP over HTTP on loopback, keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.take(self.path, ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path: str, request: ExportTraceServiceRequest) -> None:
        """What a worker sent."""
        assert path == "/v1/traces"
        for of_service in request.resource_spans:
            self.services |= {one.value.string_value for one in of_service.resource.attributes}
            self.spans += [span for scope in of_service.scope_spans for span in scope.spans]

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
