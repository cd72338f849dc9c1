"""A real service, small: answers its health page over HTTP. `python small_service.py PORT [ok|failing] [stubborn]`."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


def page(mode: str) -> type[BaseHTTPRequestHandler]:
    """The handler of a service that is `ok` or `failing`."""

    class Page(BaseHTTPRequestHandler):
        """Tells its health, its process and the instance that it was started as."""

        def do_GET(self) -> None:
            """Any path is the health page."""
            fields = {"status": mode, "pid": os.getpid(), "instance": os.environ.get("BREAKWATER_INSTANCE", "1")}
            body = json.dumps(fields).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Page


if __name__ == "__main__":
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = HTTPServer(("127.0.0.1", int(sys.argv[1])), page(sys.argv[2] if len(sys.argv) > 2 else "ok"))
    print("serving", flush=True)
    server.serve_forever()
