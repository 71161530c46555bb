"""Interrupts that lose no child and cut no clean-up short.

Ctrl-C, SIGTERM and a closed terminal (SIGHUP) are the same wish: stop, in order. As Python exceptions they can strike
between two steps that belong together, such as starting a child and remembering it. There, hold them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def catch() -> None:
    """From now on each of the three raises KeyboardInterrupt, but for one that the caller ignores (``nohup``)."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


@contextmanager
def held() -> Iterator[list[int]]:
    """Note interrupts in the yielded list instead of raising them; the first one strikes at the end of the block.

    Only the main thread can hold them, and only there do they strike: elsewhere this does nothing.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, lambda got, _frame: noted.append(got))
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if noted:
            signal.raise_signal(noted[0])


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
