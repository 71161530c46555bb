"""The simulation against queues whose waiting times are known."""

from __future__ import annotations

import math

import pytest

from loadtest.simulation import exact, fluid
from loadtest.simulation.closed_forms import erlang_b, erlang_c, full, mean_wait
from loadtest.simulation.fleet import Plan, World
from loadtest.simulation.outcome import Outcome
from loadtest.simulation.service import Instance, ServiceTimes, constant, exponential
from tests.unit.simulation_support import steady

SERVICE_S = 0.01
ENDLESS = 1_000_000


def simulated(
    times: ServiceTimes, workers: int, busy: float, *, queue: int = ENDLESS, requests: int = 100_000
) -> Outcome:
    rate = busy * workers / SERVICE_S
    world = World(Instance(times, workers, queue))
    return exact.run(steady(rate, requests / rate), Plan(1, 1), world, seed=4, moments=False)


def test_erlangs_formulas_have_the_values_of_the_printed_tables() -> None:
    # given 20 circuits and 12 erlangs, and 5 agents with 4 erlangs
    assert erlang_b(20, 12.0) == pytest.approx(0.0098, abs=5e-5)
    assert erlang_c(5, 4.0) == pytest.approx(0.5541, abs=5e-5)
    # one server: the share that waits is the utilisation
    assert erlang_c(1, 0.3) == pytest.approx(0.3)
    assert erlang_c(3, 3.0) == 1.0
    assert mean_wait(2, 200.0, SERVICE_S) == math.inf


def test_one_server_waits_as_kleinrock_says() -> None:
    # M/M/1: time in the system is exponential with rate mu - lambda
    outcome = simulated(exponential(SERVICE_S), 1, 0.7)
    left = (1 - 0.7) / SERVICE_S
    assert outcome.mean_ms == pytest.approx(1000 / left, rel=0.04)
    assert outcome.p95_ms == pytest.approx(1000 * math.log(20) / left, rel=0.05)
    assert outcome.p99_ms == pytest.approx(1000 * math.log(100) / left, rel=0.07)


@pytest.mark.parametrize(("workers", "busy"), [(2, 0.8), (8, 0.85)])
def test_several_servers_wait_as_erlang_says(workers: int, busy: float) -> None:
    # M/M/c
    outcome = simulated(exponential(SERVICE_S), workers, busy)
    expected = SERVICE_S + mean_wait(workers, busy * workers / SERVICE_S, SERVICE_S)
    assert outcome.mean_ms == pytest.approx(1000 * expected, rel=0.04)


def test_constant_service_waits_half_as_long() -> None:
    # M/D/1, by Pollaczek and Khinchine
    outcome = simulated(constant(SERVICE_S), 1, 0.8)
    wait = mean_wait(1, 80.0, SERVICE_S, variation=0.0)
    assert wait == pytest.approx(mean_wait(1, 80.0, SERVICE_S) / 2)
    assert outcome.mean_ms == pytest.approx(1000 * (SERVICE_S + wait), rel=0.04)


@pytest.mark.parametrize(("workers", "room", "busy"), [(1, 4, 0.9), (3, 2, 1.2), (2, 0, 0.7)])
def test_a_short_queue_refuses_as_often_as_it_should(workers: int, room: int, busy: float) -> None:
    # M/M/c/K; without room to wait it is Erlang's B
    outcome = simulated(exponential(SERVICE_S), workers, busy, queue=room)
    expected = full(workers, room, busy * workers)
    assert outcome.refused / outcome.arrived == pytest.approx(expected, rel=0.05)
    if room == 0:
        assert expected == pytest.approx(erlang_b(workers, busy * workers))


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8, 0.9])
def test_the_stream_knows_the_same_waits(busy: float) -> None:
    # M/M/2, where the mean and the tail have closed forms
    rate = busy * 2 / SERVICE_S
    world = World(Instance(exponential(SERVICE_S), 2, ENDLESS))
    outcome = fluid.run(steady(rate, 600), [Plan(1, 1)], world)[0]
    assert outcome.mean_ms == pytest.approx(1000 * (SERVICE_S + mean_wait(2, rate, SERVICE_S)), rel=0.03)
    # both parts of the response are exponential: waiting with rate `left`, service with rate `mu`
    mu, left = 1 / SERVICE_S, (2 - 2 * busy) / SERVICE_S
    p95 = (outcome.p95_ms or 0.0) / 1000
    waits = erlang_c(2, 2 * busy)
    beyond = (1 - waits) * math.exp(-mu * p95)
    if abs(mu - left) > 1e-9:
        beyond += waits * (mu * math.exp(-left * p95) - left * math.exp(-mu * p95)) / (mu - left)
    assert beyond == pytest.approx(0.05, rel=0.08)
