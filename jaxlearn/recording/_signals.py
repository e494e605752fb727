"""Ending a run when asked to."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818  nothing is wrong
    """A signal has stopped a run, which is saved.

    Attributes:
      signum: number of the signal.
      epoch, step: of the last update, both from 1.
    """

    def __init__(self, signum: int, epoch: int, step: int):
        super().__init__(f"stopped in epoch {epoch} after step {step}, which is saved")
        self.signum, self.epoch, self.step = signum, epoch, step


@contextmanager
def stop_requests() -> Iterator[Callable[[], int]]:
    """Makes the first Ctrl-C or SIGTERM a request; from then on they do what they did before.

    Yields a function that returns the number of the signal, or 0 while there has been none. Only the main
    thread gets signals: in another one there are no requests.
    """
    requested = 0
    before: dict[signal.Signals, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = number
        restore()
        print("stopping after this update; once more stops at once", file=sys.stderr, flush=True)

    if current_thread() is main_thread():
        before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield lambda: requested
    finally:
        restore()
