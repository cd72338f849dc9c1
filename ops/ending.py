"""How a program of ours ends: with the one that started it, and by SIGTERM as by Ctrl-C."""

import signal
from types import FrameType

# In the environment of whoever has to end with the process that started it.
SUPERVISED = "BREAKWATER_SUPERVISED"


def interrupt_on_sigterm() -> None:
    """Have SIGTERM end the program as Ctrl-C does: through every clean-up on the way out.

    SIGINT is set too: a shell starts what it puts in the background with SIGINT ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
