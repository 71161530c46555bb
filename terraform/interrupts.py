"""Interrupts that lose no child and cut no clean-up short.

Ctrl-C, SIGTERM and a closed terminal (SIGHUP) are the same wish: stop, in order. As Python exceptions they can strike
between two steps that belong together, such as starting a child and remembering it. There, hold them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HURRIED_S = 10
POLL_S = 0.05


def catch() -> None:
    """From now on each of the three raises KeyboardInterrupt, but for one that the caller ignores (``nohup``)."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command line whose interruption needs no more than a word; exits with its code, or with 130."""
    catch()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; no file was left half written", file=sys.stderr)
        sys.exit(130)


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


@contextmanager
def child(command: Sequence[str], *, patience_s: float, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a child that never outlives the block; see `end` for how it is interrupted.

    Its session is its own, so that Ctrl-C reaches it once, through us; ``options`` are those of `subprocess.Popen`.
    """
    process: subprocess.Popen[str] | None = None
    try:
        with held():
            process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, start_new_session=True, text=True, **options
            )
        yield process
    except BaseException:
        if process:
            # A full pipe would keep the child from ending.
            threading.Thread(target=lambda: [None for _ in process.stdout or ()], daemon=True).start()
            end(process, patience_s)
        raise


def end(process: subprocess.Popen[Any], patience_s: float) -> None:
    """Interrupt a child that leads its own session, and wait until it has ended.

    It is interrupted a second time when the user is, or after ``patience_s``; 10 s later its whole group is killed.
    """
    with held() as further:
        for patience in (patience_s, HURRIED_S):
            process.send_signal(signal.SIGINT)
            begin, before = time.monotonic(), len(further)
            while process.poll() is None and time.monotonic() - begin < patience and len(further) == before:
                time.sleep(POLL_S)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
