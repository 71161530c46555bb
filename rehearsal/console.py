"""What a rehearsal shows while it runs: a live line for a person who watches, plain lines for everything else."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Literal, Self, TextIO

from rich.console import Console as RichConsole
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

Status = Literal["passed", "failed", "skipped", "stopped"]

STYLES: Mapping[str, str] = {"passed": "green", "failed": "bold red", "skipped": "dim", "stopped": "yellow"}

# "apply      passed   74.2 s   "
NAME_WIDTH, STATUS_WIDTH, SECONDS_WIDTH = 11, 8, 7
INDENT = NAME_WIDTH + STATUS_WIDTH + SECONDS_WIDTH + 5
NARROWEST_EVIDENCE = 30
REFRESH_PER_S = 8

CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Console:
    """Displays stages on a stream. Make one with `for_stream`."""

    def __init__(self, stream: TextIO, *, live: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.live = live
        self.clock = clock
        self.rich = RichConsole(file=stream, highlight=False, markup=False, emoji=False) if live else None

    @classmethod
    def for_stream(cls, stream: TextIO, env: Mapping[str, str] | None = None) -> Console:
        """Live where a person watches: a real terminal, and neither CI nor NO_COLOR nor a dumb terminal is set."""
        env = os.environ if env is None else env
        watched = stream.isatty() and not (env.get("CI") or env.get("NO_COLOR") or env.get("TERM", "dumb") == "dumb")
        return cls(stream, live=watched)

    def stage(self, name: str) -> Stage:
        """Return a context that displays one stage from its start to its line of evidence."""
        return Stage(self, name)

    def line(self, name: str, status: Status, seconds: float, evidence: str) -> None:
        """Print one finished stage."""
        head = f"{name:<{NAME_WIDTH}}", f"{status:<{STATUS_WIDTH}}", f"{seconds:{SECONDS_WIDTH}.1f} s   "
        text = Text.assemble((head[0], "bold"), (head[1], STYLES[status]), (head[2], "dim"), self._wrapped(evidence))
        self._print(text)

    def note(self, text: str) -> None:
        """Print a line that belongs to the stage above it."""
        self._print(Text(" " * NAME_WIDTH + clean(text)))

    def _wrapped(self, evidence: str) -> str:
        """Lay out evidence beside its stage. Plain output is never broken: a line there is for `grep`."""
        lines = clean(evidence).splitlines()
        if self.live:
            width = max(NARROWEST_EVIDENCE, shutil.get_terminal_size().columns - INDENT)
            lines = [part for line in lines for part in textwrap.wrap(line, width) or [""]]
        return ("\n" + " " * INDENT).join(lines)

    def _print(self, text: Text) -> None:
        text.rstrip()
        if self.rich:
            self.rich.print(text, soft_wrap=True)
        else:
            self.stream.write(text.plain + "\n")
            self.stream.flush()


class Stage:
    """One stage on display. Left without `done`, `fail` or `skip` it counts as passed, left by an error as failed."""

    def __init__(self, console: Console, name: str) -> None:
        self.name = name
        self._console = console
        self._activity = ""
        self._closed = False
        self._begin = console.clock()
        self._live: Live | None = None
        self._spinner = Spinner("dots" if _draws(console.stream, "⠋") else "line", style="cyan")

    def __enter__(self) -> Self:
        if self._console.rich:
            self._live = Live(
                get_renderable=self._render,
                console=self._console.rich,
                refresh_per_second=REFRESH_PER_S,
                transient=True,
            )
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._closed:
            return
        if error is None:
            self.done(self._activity)
        elif isinstance(error, Exception):
            self.fail(str(error) or type(error).__name__)
        else:
            self._close("stopped", f"during: {self._activity}" if self._activity else "")

    @property
    def seconds(self) -> float:
        """Seconds since the stage began."""
        return self._console.clock() - self._begin

    def update(self, activity: str) -> None:
        """Say what is going on; shown only to a person who watches."""
        lines = clean(activity).split("\n")
        self._activity = lines[-1].strip()

    def done(self, evidence: str) -> None:
        """The stage passed, and this is its evidence."""
        self._close("passed", evidence)

    def skip(self, reason: str) -> None:
        """The stage was left out, and this is why."""
        self._close("skipped", reason)

    def fail(self, cause: str, rerun: str | None = None) -> None:
        """The stage failed: print the cause, and the command that runs it again."""
        self._close("failed", cause)
        self._console.note(f"run it again: {rerun or f'make rehearse STAGE={self.name}'}")

    def _close(self, status: Status, evidence: str) -> None:
        seconds, self._closed = self.seconds, True
        if self._live:
            self._live.stop()
            self._live = None
        self._console.line(self.name, status, seconds, evidence)

    def _render(self) -> Text:
        frame = self._spinner.render(self._console.clock())
        width = max(NARROWEST_EVIDENCE, self._console.rich.width if self._console.rich else 0)
        line = Text.assemble(
            (f"{self.name:<{NAME_WIDTH}}", "bold"),
            (str(frame), "cyan"),
            (f"{' running':<{STATUS_WIDTH - 1}}", "cyan"),
            f"{self.seconds:{SECONDS_WIDTH}.1f} s   ",
            (self._activity, "dim"),
        )
        line.truncate(width - 1, overflow="ellipsis")
        return line


def clean(text: str) -> str:
    """Take out what a terminal would obey instead of show: evidence and causes come from other programs."""
    return CONTROL.sub("", text).replace("\t", " ").rstrip()


def _draws(stream: TextIO, character: str) -> bool:
    try:
        character.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
