"""The HTTP server's side of the promise: a connection that sends its headers slowly, or endlessly, is ended."""

import asyncio
import gc
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ops.api.problems import answer

# From the connection, or the first byte of a further request, to the end of its headers.
HEADERS_TIMEOUT_S = 10.0
MAX_HEADERS_BYTES = 65_536
# A chunk's size in hex and two line ends.
MAX_CHUNK_FRAME_BYTES = 16
MOST_CONNECTIONS = 2_000
_KEEP_ALIVE_S = 30
# For requests under way when the process is to end: shorter than `up` waits for it (ops.supervisor), so that a body that drips in
# has it ended in order, and not killed. A sender that hears no answer comes again.
_GRACE_S = 8


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol with an end to headers in time and size; what contradicts itself in them the parser refuses."""

    headers_timeout_s = HEADERS_TIMEOUT_S
    most_connections = MOST_CONNECTIONS

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._headers_due: asyncio.TimerHandle | None = None
        self._headers_bytes = 0
        self._beside_bytes = 0
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Nothing has come yet: that too has an end."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """No more is awaited."""
        self._headers_are_there()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A further request begins."""
        self._await_headers()
        self._in_body = False
        self._beside_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one that comes behind the body is none: whoever stands in front of the intake has not seen it."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The body has a time of its own. Where too many are answered already, this one is told to come again."""
        self._headers_are_there()
        self._in_body = True
        full = max(len(self.connections), len(self.tasks)) >= self.most_connections
        self.app = _full if full else self.config.loaded_app
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body; each may have the frame of a chunk around it."""
        self._beside_bytes -= len(body) + MAX_CHUNK_FRAME_BYTES
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to headers that have not ended, and what is no body behind them: chunks' extensions, trailers."""
        self._beside_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._headers_due is not None:
            self._headers_bytes += len(data)
        if max(self._headers_bytes, self._beside_bytes) > MAX_HEADERS_BYTES:
            self._end()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The sender says no more. Of a whole request it may listen for the answer still; a stream it has left."""
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete or cycle.scope["method"] != "POST":
            return False
        cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told as every other problem is, and the connection ends."""
        problem = answer(400, f"{msg} Nothing of it was taken. Send it as HTTP/1.1 (RFC 9112) has it.", {})
        head = [b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"]
        head += [name + b": " + value + b"\r\n" for name, value in problem.raw_headers]
        self.transport.write(b"".join((*head, b"\r\n", bytes(problem.body))))
        self.transport.close()

    def _await_headers(self) -> None:
        if self._headers_due is None:
            self._headers_bytes = 0
            self._headers_due = self.loop.call_later(self.headers_timeout_s, self._end)

    def _headers_are_there(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _end(self) -> None:
        # Whoever keeps a connection so reads no answer either.
        self._headers_are_there()
        self.transport.abort()


async def _full(scope: Any, receive: Any, send: Any) -> None:
    detail = "Breakwater answers as many connections as it may. Nothing was taken: come again in a few seconds."
    await answer(503, detail, {"Retry-After": "5", "Connection": "close"})(scope, receive, send)


def calm_collector() -> None:
    """Have the garbage collector look less often, and not at what is there already.

    A body of a thousand alerts makes tens of thousands of objects that all go away by themselves; at its defaults it would look
    at every one of them several times, a quarter of the processor's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def server_options() -> dict[str, Any]:
    """What `serve` gives to uvicorn beside address and application."""
    return {
        "http": BoundedHttp,
        "loop": "uvloop",
        "timeout_keep_alive": _KEEP_ALIVE_S,
        "timeout_graceful_shutdown": _GRACE_S,
        "log_level": "warning",
        "access_log": False,
    }
