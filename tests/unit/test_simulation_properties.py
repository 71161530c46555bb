"""What holds for every trace and every plan."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.simulation import exact, fluid, functions
from loadtest.simulation.fleet import Plan, World
from loadtest.simulation.functions import Function
from loadtest.simulation.made_up import daily
from loadtest.simulation.outcome import Outcome
from loadtest.simulation.scaling import CONCURRENCY, INVOCATIONS, Scheduled, TargetTracking
from loadtest.simulation.service import Instance, constant, exponential, measured
from loadtest.simulation.trace import Trace
from tests.unit.simulation_support import steady

# Each example is a simulation or two: fewer of them do, in proportion to the profile.
FEWER = settings(max_examples=settings().max_examples // 2)
# Levels of traffic, a minute each.
RATES = st.lists(st.floats(0, 60), min_size=1, max_size=5)
INSTANCES = st.builds(
    Instance,
    st.sampled_from([constant(0.05), exponential(0.05), measured({5.0: 10, 50.0: 5, 400.0: 1})]),
    workers=st.integers(1, 3),
    queue=st.integers(0, 20),
    timeout_s=st.sampled_from([0.2, 60.0]),
)
WORLDS = st.builds(
    World,
    INSTANCES,
    start_s=st.sampled_from([0.0, 45.0, 240.0]),
    stop_s=st.sampled_from([0.0, 60.0]),
    metric_delay_s=st.sampled_from([0.0, 30.0]),
    routing=st.sampled_from(["random", "least"]),
)
POLICIES = st.one_of(
    st.just(()),
    st.builds(
        lambda metric, target, inwards, outwards: (TargetTracking(metric, target, inwards, outwards),),
        st.sampled_from([INVOCATIONS, CONCURRENCY]),
        st.floats(0.5, 2000),
        st.sampled_from([0.0, 300.0]),
        st.sampled_from([0.0, 60.0]),
    ),
)


def trace(rates: list[float], step_s: float = 60.0) -> Trace:
    return Trace(step_s, np.array(rates))


def both(traffic: Trace, plan: Plan, world: World, seed: int = 0) -> list[Outcome]:
    return [exact.run(traffic, plan, world, seed), fluid.run(traffic, [plan], world, moments=True)[0]]


@FEWER
@given(RATES, WORLDS, st.integers(1, 4), st.integers(0, 6), POLICIES, st.integers(0, 99))
def test_every_request_is_answered_or_dropped_and_capacity_stays_within_its_limits(
    rates: list[float], world: World, least: int, more: int, policies: tuple[TargetTracking, ...], seed: int
) -> None:
    plan = Plan(least, least + more, policies)
    for outcome in both(trace(rates), plan, world, seed):
        assert outcome.answered + outcome.refused + outcome.late == pytest.approx(outcome.arrived, rel=1e-9, abs=1e-6)
        assert min(outcome.answered, outcome.refused, outcome.late) >= 0
        assert all(plan.least <= moment.instances <= plan.most for moment in outcome.moments)
        assert all(plan.least <= moment.paid <= plan.most for moment in outcome.moments)
        assert all(plan.least <= after <= plan.most for _, _, after in outcome.activities)
        hours = len(outcome.moments) * 10 / 3600
        assert plan.least * hours - 1e-9 <= outcome.instance_hours <= plan.most * hours + 1e-9
        assert (outcome.p95_ms is None) == (outcome.answered == 0)


@settings(max_examples=10)
@given(RATES, WORLDS, st.integers(1, 4))
def test_the_same_seed_gives_the_same_outcome(rates: list[float], world: World, count: int) -> None:
    plan = Plan(count, count)
    assert exact.run(trace(rates, 20.0), plan, world, 7) == exact.run(trace(rates, 20.0), plan, world, 7)


@FEWER
@given(RATES, WORLDS, st.integers(1, 8), st.integers(0, 4))
def test_more_instances_never_drop_more_of_a_stream(rates: list[float], world: World, count: int, more: int) -> None:
    few, many = fluid.run(trace(rates, 20.0), [Plan(count, count), Plan(count + more, count + more)], world)
    assert many.refused <= few.refused + 1e-9


@FEWER
@given(RATES, st.integers(1, 4), st.integers(0, 3), st.integers(0, 20), st.integers(0, 99))
def test_more_workers_never_refuse_more_requests_of_equal_length(
    rates: list[float], workers: int, more: int, queue: int, seed: int
) -> None:
    # Of equal length, as with others an additional request that is let in may be one that blocks many.
    few, many = (
        exact.run(trace(rates, 20.0), Plan(1, 1), World(Instance(constant(0.05), count, queue)), seed)
        for count in (workers, workers + more)
    )
    assert many.refused <= few.refused


@FEWER
@given(RATES, st.integers(1, 4), st.integers(0, 4), st.integers(0, 99))
def test_without_queues_one_more_worker_takes_only_what_overflows(
    rates: list[float], workers: int, more: int, seed: int
) -> None:
    few, many = (
        exact.run(trace(rates, 20.0), Plan(1, 1), World(Instance(exponential(0.05), count, 0)), seed)
        for count in (workers, workers + more)
    )
    assert many.refused <= few.refused


@given(
    RATES,
    st.floats(0.01, 5),
    st.integers(0, 50),
    st.integers(0, 100),
    st.integers(0, 100),
    st.sampled_from([0.0, 90.0]),
)
def test_a_function_answers_or_throttles_every_call(
    rates: list[float], duration: float, least: int, more: int, spare: int, prepare: float
) -> None:
    reserved = max(1, least + more + spare)
    function = Function(duration, 0.5, reserved, least, least + more, prepare_s=prepare)
    outcome = functions.run(trace(rates), function)
    assert outcome.answered + outcome.throttled == pytest.approx(outcome.arrived)
    assert outcome.arrived == pytest.approx(trace(rates).requests)
    assert outcome.busiest <= reserved + 1e-9
    assert 0 <= outcome.cold <= outcome.answered + 1e-9
    assert all(least <= after <= least + more for _, _, after in outcome.activities)


@pytest.mark.parametrize(
    ("routing", "times"), [("random", constant(0.05)), ("random", exponential(0.05)), ("least", exponential(0.05))]
)
def test_the_stream_and_the_single_requests_agree(routing: str, times: object) -> None:
    # given an hour that scales out and in, with a spike that nearly overflows: the hardest case, for near saturation
    # the wait is still building up when the next instance comes
    world = World(Instance(times, workers=2, queue=64), routing=routing)  # type: ignore[arg-type]
    rate = world.instance.rate
    plan = Plan(2, 12, (TargetTracking(INVOCATIONS, 0.5 * 60 * rate, 300, 60),))
    traffic = daily(2.6 * rate, 0.4 * rate, 3000, spikes=1, seed=5)
    one, stream = both(traffic, plan, world)
    # then both tell the same story
    assert [after for _, _, after in stream.activities] == [after for _, _, after in one.activities]
    assert stream.instance_hours == pytest.approx(one.instance_hours, rel=0.03)
    assert stream.arrived == pytest.approx(one.arrived, rel=0.02)
    assert stream.dropped_share == pytest.approx(one.dropped_share, abs=0.01)
    assert stream.p50_ms == pytest.approx(one.p50_ms, rel=0.1)
    assert 0.6 < (stream.p95_ms or 0.0) / (one.p95_ms or 1.0) < 1.7


def test_what_exceeds_capacity_and_queues_is_refused() -> None:
    # given two instances of 20 requests/s and room for 10 each, under 100/s for five minutes
    world = World(Instance(constant(0.05), workers=1, queue=10))
    for outcome in both(steady(100.0, 300), Plan(2, 2), world):
        assert outcome.answered == pytest.approx(300 * 40, rel=0.01)
        assert outcome.refused == outcome.arrived - outcome.answered
        # and those let in wait for a full queue
        assert outcome.p50_ms == pytest.approx(1000 * 0.05 * 11, rel=0.1)


def test_instances_that_are_gone_serve_no_more() -> None:
    # given four instances that suffice, of which three go after five minutes
    world = World(Instance(constant(0.05), workers=1, queue=10))
    plan = Plan(4, 4, schedule=(Scheduled(300.0, 1, 1),))
    for outcome in both(steady(40.0, 600), plan, world):
        before, after = outcome.moments[:30], outcome.moments[31:]
        assert sum(moment.refused for moment in before) == 0
        assert sum(moment.refused for moment in after) == pytest.approx(20 * 290, rel=0.05)


def test_a_hundred_thousand_requests_a_second_take_seconds() -> None:
    world = World(Instance(exponential(0.012), workers=2))
    plan = Plan(10, 2000, (TargetTracking(INVOCATIONS, 5000.0, 300, 120),))
    begun = time.process_time()
    outcome = fluid.run(steady(100_000, 3600, 10.0), [plan], world)[0]
    assert outcome.arrived == 3.6e8
    assert outcome.most_in_service == pytest.approx(100_000 * 60 / 5000, rel=0.05)
    # processor time, so that a busy machine does not fail it; it takes a tenth of this
    assert time.process_time() - begun < 10


def test_a_cooldown_shorter_than_a_datapoint_takes_to_be_seen_overshoots() -> None:
    # given traffic for 24 instances that meets 2: the minute in which the others come is counted for both
    world = World(Instance(exponential(0.012), workers=2), metric_delay_s=30.0)

    def most(cooldown_s: float) -> int:
        plan = Plan(2, 500, (TargetTracking(INVOCATIONS, 5000.0, 300, cooldown_s),))
        return fluid.run(steady(2000, 3600, 10.0), [plan], world)[0].most_in_service

    assert most(120.0) == 24
    assert most(60.0) > 100


def test_provisioned_environments_come_all_at_once_after_minutes() -> None:
    # given calls for 40 environments that begin at once, provisioned for 10 and autoscaled
    function = Function(1.0, 0.5, 100, 10, 100, prepare_s=90.0)
    outcome = functions.run(steady(40.0, 900), function)
    first = outcome.activities[0]
    # then utilisation is at 100 % for three minutes before anything happens
    assert first == (180.0, 10, 15)
    assert outcome.throttled == 0
    # and the 30 that were not provisioned met one cold start each, not one per call
    assert outcome.cold == pytest.approx(30)


def test_a_reserved_limit_throttles_what_is_beyond() -> None:
    outcome = functions.run(steady(40.0, 600), Function(1.0, 0.5, 10))
    assert outcome.throttled_share == pytest.approx(0.75)


def test_ten_seconds_bring_a_thousand_environments_on_demand() -> None:
    # given calls that need 5000 environments at once, where 1000 may come at once and 100 a second after
    outcome = functions.run(steady(5000.0, 60), Function(1.0, 0.5, 10_000))
    throttled = sum(max(0, 4000 - 100 * second) for second in range(60))
    assert outcome.throttled == pytest.approx(throttled, rel=0.02)


def test_an_allocation_takes_its_preparation_and_a_minute_per_six_thousand() -> None:
    assert Function(1.0, 0.5, 10, prepare_s=90.0).allocation_s(6000) == 150.0


def test_environments_on_demand_are_forgotten_when_nobody_calls() -> None:
    # given two bursts of 20 environments, ten minutes apart, kept for five
    calls = np.zeros(720)
    calls[:60] = calls[660:] = 20.0
    outcome = functions.run(Trace(1.0, calls), Function(1.0, 0.5, 50, keep_s=300.0))
    assert outcome.cold == pytest.approx(40)
    assert functions.run(Trace(1.0, calls), Function(1.0, 0.5, 50, keep_s=900.0)).cold == pytest.approx(20)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.4, 0.6, 0.75]), st.integers(0, 3))
def test_stream_and_requests_agree_on_many_days(seed: int, safety: float, spikes: int) -> None:
    world = World(Instance(exponential(0.1), workers=2, queue=128))
    rate = world.instance.rate
    plan = Plan(2, 20, (TargetTracking(INVOCATIONS, safety * 60 * rate, 300, 60),))
    one, stream = both(daily(4 * rate, 0.5 * rate, 7200, spikes, seed), plan, world, seed)
    assert stream.instance_hours == pytest.approx(one.instance_hours, rel=0.05)
    assert stream.dropped_share == pytest.approx(one.dropped_share, abs=0.01)
    assert stream.p50_ms == pytest.approx(one.p50_ms, rel=0.1)
