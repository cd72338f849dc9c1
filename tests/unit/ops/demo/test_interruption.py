"""Ctrl-C and SIGTERM: the first ends the work, none disturbs the clean-up."""

import signal
import threading

import pytest

from ops.demo.errors import DemoInterruptedError
from ops.demo.interruption import interruptible


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_work_and_everything_is_given_back(number: signal.Signals, code: int) -> None:
    """In the reverse order; the exit code is the shell's."""
    given_back: list[str] = []

    def work() -> None:
        with interruptible() as stack:
            stack.callback(given_back.append, "first")
            stack.callback(given_back.append, "last")
            signal.raise_signal(number)
            given_back.append("unreachable")

    with pytest.raises(DemoInterruptedError) as caught:
        work()
    assert given_back == ["last", "first"]
    assert caught.value.exit_code == code


def test_signals_during_clean_up_change_nothing() -> None:
    """Neither a second one nor, after an undisturbed end, a first one."""
    given_back: list[str] = []

    def work(during: signal.Signals | None, afterwards: signal.Signals) -> None:
        with interruptible() as stack:
            stack.callback(given_back.append, "kafka")
            stack.callback(signal.raise_signal, afterwards)
            if during:
                signal.raise_signal(during)

    with pytest.raises(DemoInterruptedError):
        work(signal.SIGINT, signal.SIGINT)
    work(None, signal.SIGTERM)
    assert given_back == ["kafka", "kafka"]


def test_handlers_are_as_before_afterwards() -> None:
    """Whatever happened in between."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="boom"), interruptible():
        raise ValueError("boom")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_another_thread_leaves_signals_alone() -> None:
    """There, Python does not let them be changed."""
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
