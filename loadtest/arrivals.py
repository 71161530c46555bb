"""When requests are due: arrivals that know nothing of the answers, the same for everyone who has the seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from loadtest.simulation.trace import Trace

Process = Literal["poisson", "constant"]

# Drawn piece by piece: a day at a thousand a second would not fit the memory at once.
BLOCK_S = 10.0


def draw(process: Process, rate: float, seconds: float, seed: tuple[int, ...]) -> Iterator[float]:
    """Yield arrival times in seconds, rising, below `seconds`.

    Parameters
    ----------
    process
        `poisson`: independent users, so gaps are exponential and bursts happen. `constant`: one every 1/rate seconds.
    seed
        The same seed gives the same times, on every machine.
    """
    if process == "constant":
        yield from (number / rate for number in range(int(np.ceil(seconds * rate - 1e-9))))
        return
    rng = np.random.default_rng(seed)
    begin = 0.0
    while begin < seconds:
        length = min(BLOCK_S, seconds - begin)
        # A Poisson process in a window: a Poisson number of arrivals, each at a uniform time.
        yield from begin + np.sort(rng.random(rng.poisson(rate * length))) * length
        begin += length


def recorded(trace: Trace, seed: tuple[int, ...]) -> Iterator[float]:
    """Yield the arrivals of a trace: its own where single requests were recorded, else drawn from its rates."""
    if trace.arrivals is not None:
        yield from trace.arrivals
        return
    rng = np.random.default_rng(seed)
    for number, rate in enumerate(trace.rates):
        yield from (number + np.sort(rng.random(rng.poisson(rate * trace.step_s)))) * trace.step_s


def share(times: Iterator[float], index: int, of: int) -> Iterator[float]:
    """Yield every `of`-th time, beginning with `index`: the shares of all workers together are the whole again."""
    return (time for number, time in enumerate(times) if number % of == index)
