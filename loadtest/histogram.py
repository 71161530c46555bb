"""Percentiles and differences of response-time histograms: milliseconds -> number of requests."""

from __future__ import annotations

import math
from collections.abc import Mapping


def bucket(response_ms: float) -> float:
    """Round a response time to the histogram's resolution: a tenth of a millisecond, and no finer than 0.2 %.

    Locust's default keeps whole milliseconds, which is half of the answer for a small model on a fast network.
    """
    if response_ms < 50:
        return round(response_ms, 1)
    magnitude = math.floor(math.log10(response_ms))
    return round(response_ms, 2 - magnitude)


def percentile(histogram: Mapping[float, int], share: float) -> float | None:
    """Return the smallest response time that at least `share` of all requests did not exceed (nearest rank).

    Parameters
    ----------
    histogram
        Milliseconds -> number of requests.
    share
        In (0, 1].

    Returns
    -------
    Milliseconds, or None for an empty histogram: an unmeasured latency must never read as a fast one.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share = {share!r}: give a number above 0 and up to 1")
    total = sum(histogram.values())
    if total == 0:
        return None
    # 0.95 * 20 is 19.000000000000004 in binary: without the rounding the rank would be one too high.
    rank = math.ceil(round(share * total, 9))
    seen = 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen >= rank:
            return value
    raise AssertionError("unreachable: the ranks of a histogram end at its total")


def difference(later: Mapping[float, int], earlier: Mapping[float, int]) -> dict[float, int]:
    """Return the histogram of what was added between two snapshots."""
    return {value: count - earlier.get(value, 0) for value, count in later.items() if count > earlier.get(value, 0)}
