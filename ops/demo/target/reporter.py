"""The target's heartbeat: lets the fault work, takes the pulse each second, and tells it; what is not taken is dropped."""

import threading
import time
from typing import Any

from ops.demo.errors import OutletError
from ops.demo.target.outlets import Outlet, Report
from ops.demo.target.service import Service
from ops.demo.target.vitals import measures
from ops.demo.target.words import lines
from state.clock import wall_clock_ms

_TICK_S = 0.1
_REPORT_EVERY_S = 1.0


class Heartbeat:
    """Ticks a service until it is stopped."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        before = time.monotonic()
        while not self._stopping.wait(_TICK_S):
            now = time.monotonic()
            self._service.tick(now - before)
            before = now


class Reporter:
    """Tells an outlet each second how a service is."""

    def __init__(self, service: Service, outlet: Outlet | None) -> None:
        self._service = service
        self._outlet = outlet
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._sent = 0
        self._dropped = 0
        self._why = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        self._thread.join()
        if self._outlet is not None:
            self._outlet.close()

    def counts(self) -> dict[str, Any]:
        """Records taken and dropped, and why the last were dropped; as `/stats` shows it."""
        return {"telemetry": {"sent": self._sent, "dropped": self._dropped, "last_error": self._why}}

    def tell(self, second: int) -> None:
        """Take the pulse and hand it over; what is not taken is counted, and gone."""
        vitals = self._service.take_pulse()
        report = Report(wall_clock_ms(), measures(vitals), lines(self._service.name, vitals, second))
        if self._outlet is None:
            return
        try:
            self._outlet.send(report)
            self._sent += report.size
        except OutletError as error:
            self._dropped += report.size
            self._why = str(error)

    def _run(self) -> None:
        began, second = time.monotonic(), 0
        while True:
            self.tell(second)
            # Seconds that a slow outlet took are passed over, not caught up with.
            second = max(second + 1, int((time.monotonic() - began) / _REPORT_EVERY_S) + 1)
            if self._stopping.wait(max(0.0, began + second * _REPORT_EVERY_S - time.monotonic())):
                return
