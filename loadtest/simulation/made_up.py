"""A day of traffic for those who have no recording yet: made up, and said to be so wherever it shows."""

from __future__ import annotations

import numpy as np

from loadtest.simulation.trace import Trace

DAY_S = 86_400.0
STEP_S = 10.0
SPIKE_S = 300.0
SPIKE = 1.5


def daily(peak: float, trough: float, seconds: float = DAY_S, spikes: int = 0, seed: int = 0) -> Trace:
    """Return a wave from trough to peak with spikes of five minutes, half as much again, at odd hours."""
    at = np.arange(round(seconds / STEP_S)) * STEP_S
    wave = trough + (peak - trough) * (0.5 - 0.5 * np.cos(2 * np.pi * at / seconds)) ** 2
    rng = np.random.default_rng(seed)
    for begin in rng.uniform(0, seconds - SPIKE_S, spikes):
        wave[(at >= begin) & (at < begin + SPIKE_S)] *= SPIKE
    return Trace(STEP_S, wave)
