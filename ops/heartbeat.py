"""That a worker is alive: a file which its event loop touches, for health checks that cannot ask over HTTP.

It says that this very worker has recovered its tables and that its loop turns; what is behind, `breakwater status` says.
Nothing but the standard library is imported, so that the check, `python -m ops.heartbeat FOLDER`, takes milliseconds.
"""

import asyncio
import socket
import sys
import time
from pathlib import Path

BEAT_S = 2.0
# Five beats: a large batch may hold the loop for a second or two.
SILENT_S = 10.0


class Heartbeat:
    """Touches the file of a worker every two seconds, from its own event loop.

    Args:
        folder: the worker's own. Containers may share it: each has a file by its host's name.
    """

    def __init__(self, folder: Path) -> None:
        self._file = heartbeat_file(folder)
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._beating = asyncio.create_task(self._beat(), name="heartbeat")

    def close(self) -> None:
        """End; a worker that has stopped is not alive at once."""
        if self._beating is not None:
            self._beating.cancel()
        self._file.unlink(missing_ok=True)

    async def _beat(self) -> None:
        while True:
            _touch(self._file)
            await asyncio.sleep(BEAT_S)


def heartbeat_file(folder: Path) -> Path:
    """The file of a worker on this host."""
    return folder / f"alive-{socket.gethostname()}"


def silence_s(folder: Path, now_s: float) -> float | None:
    """Seconds since the last beat of the worker with this folder, at epoch time `now_s`; None without any."""
    try:
        return now_s - heartbeat_file(folder).stat().st_mtime
    except FileNotFoundError:
        return None


def main(arguments: list[str]) -> int:
    """Exit code 0 where the worker of the folder is alive, 1 where it is not, 2 for wrong use."""
    if len(arguments) != 1:
        print("usage: python -m ops.heartbeat FOLDER  (of a worker: BREAKWATER_HOME/workers/edge-1)", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    silent_s = silence_s(folder, time.time())
    if silent_s is None:
        print(f"no worker of {folder} is at work here")
        return 1
    print(f"last beat {silent_s:.1f} s ago")
    return 0 if silent_s <= SILENT_S else 1


def _touch(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
