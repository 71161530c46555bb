"""What a person sees of a running rehearsal, and what a log gets instead."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.console import Console, clean

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plain() -> tuple[Console, Clock, io.StringIO]:
    clock, stream = Clock(), io.StringIO()
    return Console(stream, live=False, clock=clock), clock, stream


def test_a_passed_stage_is_one_line_with_its_time_and_evidence() -> None:
    console, clock, stream = plain()
    with console.stage("apply") as stage:
        stage.update("121 of 141 resources")
        clock.now += 74.2
        stage.done("141 resources, second plan empty")
    assert stream.getvalue() == "apply      passed     74.2 s   141 resources, second plan empty\n"


def test_a_long_plain_line_is_not_broken() -> None:
    console, _, stream = plain()
    with console.stage("apply") as stage:
        stage.done("word " * 100)
    assert stream.getvalue().count("\n") == 1


def test_a_failed_stage_shows_its_cause_and_how_to_run_it_again() -> None:
    console, _, stream = plain()
    with pytest.raises(ValueError, match="bucket"), console.stage("stage"):
        raise ValueError("no such bucket\nnamed data")
    first, second, third = stream.getvalue().splitlines()
    assert first.split() == ["stage", "failed", "0.0", "s", "no", "such", "bucket"]
    assert second.strip() == "named data"
    assert third.strip() == "run it again: make rehearse STAGE=stage"


def test_a_stage_that_reported_its_failure_is_not_reported_twice() -> None:
    console, _, stream = plain()

    def break_objective() -> None:
        with console.stage("load") as stage:
            stage.fail("objective broken", "make rehearse STAGE=load USERS=2")
            raise RuntimeError("objective broken")

    with pytest.raises(RuntimeError):
        break_objective()
    assert stream.getvalue().count("objective broken") == 1
    assert "STAGE=load USERS=2" in stream.getvalue()


def test_an_interrupted_stage_says_what_it_was_doing() -> None:
    console, _, stream = plain()

    def press_ctrl_c() -> None:
        with console.stage("train") as stage:
            stage.update("epoch 3 of 8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c()
    assert "stopped" in stream.getvalue()
    assert "during: epoch 3 of 8" in stream.getvalue()


def test_a_skipped_stage_gives_its_reason() -> None:
    console, _, stream = plain()
    with console.stage("destroy") as stage:
        stage.skip("KEEP=1")
    assert stream.getvalue().split() == ["destroy", "skipped", "0.0", "s", "KEEP=1"]


def test_text_from_other_programs_cannot_command_the_terminal() -> None:
    assert clean("\x1b[31mred\x1b[0m\x07 \x1b]0;title\x9b2J\ttab") == "red ]0;title2J tab"


@pytest.mark.parametrize(
    ("stream", "env", "live"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_only_a_person_at_a_terminal_gets_a_live_display(stream: io.StringIO, env: dict[str, str], live: bool) -> None:
    assert Console.for_stream(stream, env).live is live


def test_ctrl_c_at_a_terminal_restores_it() -> None:
    program = """
import sys, time
from rehearsal.console import Console
with Console.for_stream(sys.stdout).stage("train") as stage:
    stage.update("epoch 1 of 8 with a very long description of what is going on just now" * 3)
    time.sleep(60)
"""
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}}
    env |= {"TERM": "xterm", "COLUMNS": "60", "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=subprocess.DEVNULL, env=env)
    os.close(theirs)
    try:
        seen = read_until(ours, b"epoch 1")
        child.send_signal(signal.SIGINT)
        seen += read_until(ours, b"during")
        child.wait(20)
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    text = seen.decode()
    assert text.index("\x1b[?25l") < text.rindex("\x1b[?25h"), "the cursor stays hidden"
    live = next(line for line in text.split("\r") if "running" in line)
    assert len(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", live)) <= 60, "the live line wraps"


def read_until(descriptor: int, wanted: bytes, deadline_s: float = 30) -> bytes:
    seen, end = b"", time.monotonic() + deadline_s
    while wanted not in seen:
        assert time.monotonic() < end, f"{wanted!r} never came: {seen!r}"
        seen += os.read(descriptor, 4096)
    return seen
