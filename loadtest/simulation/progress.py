"""How far a long computation is: one line rewritten on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TextIO

PATIENCE_S = 2.0
PLAIN_EVERY_S = 10.0


class Bar:
    """Silent for two seconds, then one line."""

    def __init__(self, stream: TextIO, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._name, self._clock = stream, name, clock
        self._rewrite = stream.isatty() and not os.environ.get("CI")
        self._next = clock() + PATIENCE_S
        self._open = False

    def __call__(self, share: float) -> None:
        """Show a share of the work, 0 to 1."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + (0.2 if self._rewrite else PLAIN_EVERY_S)
        line = f"{self._name}: {share:.0%}"
        self._stream.write(f"\r\x1b[2K{line}" if self._rewrite else line + "\n")
        self._stream.flush()
        self._open = self._rewrite

    def end(self) -> None:
        """Clear the rewritten line, if there is one."""
        if self._open:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._open = False
