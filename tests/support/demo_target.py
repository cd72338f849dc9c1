"""Real target processes, and an intake that remembers."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class TargetProcess:
    """A target, as the demo starts it."""

    def __init__(self, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "ops.demo.target", *arguments]
        self.url = ""
        self.process: subprocess.Popen[str]
        self.start()

    def start(self) -> None:
        """Start it and learn its address from what it prints."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def stop(self) -> int:
        """End it as an operator does; returns its exit code."""
        self.process.terminate()
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and document of a GET."""
        return _answer(urllib.request.Request(self.url + path))

    def post(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and document of a POST."""
        return _answer(urllib.request.Request(self.url + path, body))


class RememberingIntake:
    """An HTTP server that takes everything and remembers it by path."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append((self.path, json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name of the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def _answer(request: urllib.request.Request) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
