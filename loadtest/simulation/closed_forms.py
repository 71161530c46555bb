"""Waiting times of textbook queues: what the simulation is checked against, and what its fluid engine adds on top.

Kleinrock, Queueing Systems I (M/M/1, M/M/c, M/G/1); Allen, Probability, Statistics and Queueing Theory (the
approximation for general service times on several servers). Rates are per second, times in seconds.
"""

from __future__ import annotations

import math


def erlang_b(servers: int, load: float) -> float:
    """Return the share of requests that find all servers busy when none may wait.

    Parameters
    ----------
    load
        Offered load: arrival rate times mean service time.
    """
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Return the share of requests that must wait when any number may; 1 at or above saturation."""
    if load >= servers:
        return 1.0
    blocked = erlang_b(servers, load)
    busy = load / servers
    return blocked / (1 - busy * (1 - blocked))


def mean_wait(servers: int, arrivals: float, service: float, variation: float = 1.0) -> float:
    """Return the mean wait before service, infinite at or above saturation.

    Exact for exponential service (M/M/c) and for one server (M/G/1, so M/D/1 with `variation` 0); the Allen-Cunneen
    approximation otherwise.

    Parameters
    ----------
    service
        Mean service time.
    variation
        Squared coefficient of variation of the service time: 1 exponential, 0 constant.
    """
    load = arrivals * service
    if load >= servers:
        return math.inf
    return erlang_c(servers, load) * service / (servers - load) * (1 + variation) / 2


def full(servers: int, room: int, load: float) -> float:
    """Return the share of requests that an M/M/c/K queue refuses, with `room` places to wait behind the servers."""
    weight, total = 1.0, 1.0
    for count in range(1, servers + room + 1):
        weight *= load / min(count, servers)
        total += weight
    return weight / total
