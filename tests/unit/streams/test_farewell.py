"""A worker that is over ends, whatever its parts wait for."""

import subprocess
import sys
import threading

from streams.farewell import Farewell

# The loop stands still in the clean-up, as Faust's does when its consumer's thread has crashed.
HANGS = """
import asyncio, threading
from streams.farewell import Farewell

over = threading.Event()
Farewell(over.is_set, limit_s=0.1, look_s=0.01).start()

async def main():
    over.set()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_process_that_hangs_in_its_clean_up_is_ended() -> None:
    """With a status that says it did not end well."""
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "does not end" in ended.stdout + ended.stderr


def test_a_process_that_ends_by_itself_is_left_alone() -> None:
    """The looker-on does not keep it, and does not change its status."""
    code = "from streams.farewell import Farewell\nFarewell(lambda: True, limit_s=600).start()"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_what_runs_is_not_ended() -> None:
    """Only once it is over, and only after the time for its clean-up."""
    over, asked, left = threading.Event(), threading.Event(), threading.Event()

    def is_over() -> bool:
        asked.set()
        return over.is_set()

    Farewell(is_over, limit_s=0.01, look_s=0.01, leave=lambda _: left.set()).start()
    assert asked.wait(10)
    assert not left.is_set()
    over.set()
    assert left.wait(10)
