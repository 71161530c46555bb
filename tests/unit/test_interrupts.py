"""Ctrl-C, SIGTERM and a closed terminal: one wish, which strikes neither between two steps nor in a clean-up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from terraform import interrupts


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_each_of_the_three_is_an_interrupt(number: int) -> None:
    before = {known: signal.getsignal(known) for known in interrupts.SIGNALS}
    try:
        interrupts.catch()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def test_what_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupts.catch()
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_held_interrupt_strikes_at_the_end_of_the_outermost_block() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), interrupts.held():  # noqa: PT012 - the order of steps is the point
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("inside")
        steps.append("still inside")
    assert steps == ["inside", "still inside"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_child_that_is_deaf_to_interrupts_is_killed_with_all_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "HURRIED_S", 0.1)
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        grandchild = int(process.stdout.readline())
        interrupts.end(process, 0.1)
        assert process.returncode == -signal.SIGKILL
        deadline = time.monotonic() + 5
        while is_running(grandchild):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
