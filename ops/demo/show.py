"""Shows snapshots: live where a person looks on, a line now and then where the output goes to a file."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from ops.demo.snapshot import DemoSnapshot
from ops.demo.view import plain, screen

_LINE_EVERY_S = 3.0


class Show:
    """Writes to one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._told_at = 0.0
        self._told_step = ""

    def tell(self, line: str) -> None:
        """One line of progress."""
        self._console.print(line, markup=False, highlight=False)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show snapshots on the spot for the block; on a terminal the screen stays as it was last."""
        if not self._console.is_terminal:
            yield
            return
        live = Live(console=self._console, auto_refresh=False, transient=False)
        try:
            live.start()
            self._live = live
            yield
        finally:
            self._live = None
            live.stop()
            self._console.show_cursor(True)

    def update(self, snapshot: DemoSnapshot) -> None:
        """Show one."""
        if self._live is not None:
            self._live.update(screen(snapshot, self._console.height), refresh=True)
            return
        now = time.monotonic()
        if snapshot.step != self._told_step or now - self._told_at >= _LINE_EVERY_S:
            self._told_step, self._told_at = snapshot.step, now
            self._console.print(plain(snapshot), markup=False, highlight=False, soft_wrap=True)
