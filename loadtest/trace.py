"""Recorded traffic as the load generator needs it: read by the one reader of traces, the simulation's."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from loadtest.simulation.trace import Trace, read


@lru_cache(maxsize=1)
def replayed(path: Path, scale: float) -> Trace:
    """Return a trace with `scale` times its traffic; recorded arrivals survive only a scale of 1."""
    trace = read(path)
    return trace if scale == 1 else trace.scaled(scale)
