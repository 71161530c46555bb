"""The autoscaler of the simulation: what AWS documents, and what the embedded AWS decides."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import LoadUsageError
from loadtest.simulation.fleet import Fleet, Plan, World
from loadtest.simulation.scaling import (
    CONCURRENCY,
    INVOCATIONS,
    METRICS,
    Autoscaler,
    Scheduled,
    Step,
    StepScaling,
    TargetTracking,
)
from loadtest.simulation.service import Instance, constant
from rehearsal.aws.context import Context
from rehearsal.aws.sagemaker.autoscaling import adapters, loop, tracking
from rehearsal.aws.sagemaker.autoscaling.adapters import Adapter
from rehearsal.aws.sagemaker.serving.traffic import Sample

MINUTE = 60.0
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


TYPES = {
    "invocations": "SageMakerVariantInvocationsPerInstance",
    "concurrency": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}


class Embedded:
    """The embedded AWS's own loop over one scalable target, on a clock of ours."""

    def __init__(self, policies: tuple[TargetTracking, ...], least: int, most: int) -> None:
        self.now, self.capacity = 0.0, least
        self.readings: dict[str, list[float]] = {TYPES[policy.metric.name]: [] for policy in policies}
        self.scaler = loop.Scaler(Context("http://127.0.0.1:0", Path("/nonexistent"), speed=1.0))
        place = {"resource_id": "endpoint/e/variant/v", "scalable_dimension": DIMENSION}
        self.backend: Any = SimpleNamespace(
            policies={
                policy.metric.name: SimpleNamespace(
                    policy_name=policy.metric.name,
                    target_tracking_scaling_policy_configuration={
                        "TargetValue": policy.target,
                        "PredefinedMetricSpecification": {"PredefinedMetricType": TYPES[policy.metric.name]},
                        "ScaleInCooldown": policy.in_cooldown_s,
                        "ScaleOutCooldown": policy.out_cooldown_s,
                        "DisableScaleIn": not policy.scale_in,
                    },
                    **place,
                )
                for policy in policies
            }
        )
        self.target: Any = SimpleNamespace(
            arn="arn",
            service_namespace="sagemaker",
            min_capacity=least,
            max_capacity=most,
            suspended_state=None,
            **place,
        )
        self.adapter = Adapter(lambda _: self.capacity, self._set, lambda _, name, count: self.readings[name][-count:])

    def _set(self, _: str, count: int) -> None:
        self.capacity = count

    def minute(self, readings: dict[str, list[float]]) -> int:
        self.now += MINUTE
        for name, values in readings.items():
            self.readings[TYPES[name]] += values
        self.scaler._scale(self.backend, self.target, self.adapter)
        return self.capacity


# Runs of the same level, as three or fifteen equal datapoints in a row do not come by chance.
LEVELS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 10, 60, 89, 91, 100, 101, 150, 400]),
        st.sampled_from([0.0, 10, 60, 89, 91, 100, 101, 150, 400]),
        st.integers(1, 18),
    ),
    max_size=8,
)
COOLDOWNS = st.tuples(st.sampled_from([0.0, 60, 900, 3600]), st.sampled_from([0.0, 60, 300, 1800]))


@given(
    levels=LEVELS,
    least=st.integers(1, 4),
    more=st.integers(0, 20),
    slow=st.tuples(COOLDOWNS, st.booleans()),
    fast=st.none() | st.tuples(COOLDOWNS, st.booleans()),
)
def test_the_embedded_aws_decides_the_same(
    levels: list[tuple[float, float, int]],
    least: int,
    more: int,
    slow: tuple[tuple[float, float], bool],
    fast: tuple[tuple[float, float], bool] | None,
) -> None:
    # given the same one or two policies over the same datapoints, with changes that take no time
    chosen = ((INVOCATIONS, slow), (CONCURRENCY, fast))
    policies = tuple(TargetTracking(metric, 100.0, *of[0], scale_in=of[1]) for metric, of in chosen if of)
    theirs, ours = Embedded(policies, least, least + more), Autoscaler(policies, least, least + more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: theirs.now))
        for called, inside in (level[:2] for level in levels for _ in range(level[2])):
            before = theirs.capacity
            readings = {"invocations": [called], "concurrency": [inside] * 6}
            seen = {policy.metric.name: readings[policy.metric.name] for policy in policies}
            after = theirs.minute(seen)
            for name, values in seen.items():
                for value in values:
                    ours.observe(METRICS[name], value)
            # then the decision is the same
            assert ours.decide(theirs.now, before) == after
            if after != before:
                ours.complete(theirs.now, before, after)


@given(
    st.sampled_from(sorted(METRICS)),
    st.integers(1, 50),
    st.lists(st.floats(0, 500, allow_nan=False), max_size=100),
    st.floats(0.5, 200),
)
def test_a_wish_is_the_embedded_ones(name: str, capacity: int, readings: list[float], target: float) -> None:
    metric = METRICS[name]
    periods = tracking.periods_in("HighResolution" if metric is CONCURRENCY else "PerInstance")
    assert metric.in_points == periods
    assert TargetTracking(metric, target).wish(capacity, readings) == tracking.wanted(
        capacity, target, readings, in_periods=periods
    )


def run(policy: Any, readings: list[float], capacity: int = 2, least: int = 1, most: int = 100) -> list[int]:
    """Feed one datapoint per period and return the capacity after each; changes take no time."""
    scaler, found = Autoscaler((policy,), least, most), []
    for index, reading in enumerate(readings):
        now = (index + 1) * policy.metric.period_s
        scaler.observe(policy.metric, reading)
        wanted = scaler.decide(now, capacity)
        if wanted != capacity:
            scaler.complete(now, capacity, wanted)
            capacity = wanted
        found.append(capacity)
    return found


def test_three_minutes_above_the_target_scale_out_and_fifteen_below_scale_in() -> None:
    policy = TargetTracking(INVOCATIONS, 100.0, 0, 0)
    assert run(policy, [150.0] * 3) == [2, 2, 3]
    assert run(policy, [40.0] * 15) == [2] * 14 + [1]
    assert run(policy, [95.0] * 30) == [2] * 30
    # below means below nine tenths
    assert run(policy, [91.0] * 30, capacity=20) == [20] * 30
    assert run(policy, [89.0] * 15, capacity=20)[-1] == 18


def test_ten_second_datapoints_scale_out_in_half_a_minute_and_in_after_fifteen_minutes() -> None:
    policy = TargetTracking(CONCURRENCY, 4.0, 0, 0)
    assert run(policy, [8.0] * 3) == [2, 2, 4]
    found = run(policy, [1.0] * 95)
    assert found.index(1) == 89


def test_an_alarm_calls_again_only_after_a_minute() -> None:
    # given a metric that stays at twice the target whatever is done
    found = run(TargetTracking(CONCURRENCY, 4.0, 0, 0), [8.0] * 15)
    assert found == [2, 2, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 16]


def test_in_the_cooldown_only_a_larger_scale_out_goes_through() -> None:
    policy = TargetTracking(INVOCATIONS, 100.0, 300, 600)
    # 2 -> 4, then 150 % asks for 3 of the first 2: less than there is; 300 % asks for 6
    assert run(policy, [200.0, 200, 200, 150, 300, 300]) == [2, 2, 4, 4, 6, 6]


def test_a_scale_in_waits_for_the_cooldown_of_the_one_before() -> None:
    policy = TargetTracking(INVOCATIONS, 100.0, 600, 0, most_in=1)
    found = run(policy, [0.0] * 40, capacity=5)
    changes = [index for index in range(1, 40) if found[index] != found[index - 1]]
    assert changes == [14, 24, 34]


def test_a_scale_in_waits_for_the_cooldown_of_a_scale_out_too() -> None:
    found = run(TargetTracking(INVOCATIONS, 100.0, 0, 1800), [200.0] * 3 + [10.0] * 40)
    assert found[2] == 4
    assert found.index(1, 3) == 2 + 30


def test_a_scale_out_ends_the_cooldown_of_a_scale_in() -> None:
    # given a scale-in whose cooldown is an hour, and a scale-out soon after
    found = run(TargetTracking(INVOCATIONS, 100.0, 3600, 0), [10.0] * 15 + [400.0] * 3 + [10.0] * 15)
    assert found[14] == 1
    assert found[17] == 4
    assert found[32] == 1


def test_steps_go_by_how_far_the_metric_is_off() -> None:
    steps = (Step(0, 50, 1), Step(50, None, 4))
    policy = StepScaling(INVOCATIONS, 100.0, steps, points=1, cooldown_s=0)
    assert run(policy, [100.0, 120, 160]) == [2, 3, 7]
    percent = StepScaling(INVOCATIONS, 100.0, (Step(0, None, 25),), 1, kind="PercentChangeInCapacity", cooldown_s=0)
    assert run(percent, [120.0], capacity=2) == [3]
    assert run(percent, [120.0], capacity=10) == [12]
    exactly = StepScaling(INVOCATIONS, 10.0, (Step(None, 0, 1),), 1, above=False, kind="ExactCapacity", cooldown_s=0)
    assert run(exactly, [5.0], capacity=9) == [1]


def test_of_several_policies_the_largest_capacity_wins() -> None:
    slow = TargetTracking(INVOCATIONS, 100.0, 0, 0)
    fast = TargetTracking(CONCURRENCY, 4.0, 0, 0)
    scaler = Autoscaler((slow, fast), 1, 50)
    for _ in range(3):
        scaler.observe(INVOCATIONS, 150.0)
        scaler.observe(CONCURRENCY, 12.0)
    assert scaler.decide(180.0, 2) == 6


def test_a_scale_in_takes_the_consent_of_every_policy_that_may() -> None:
    # given a fleet whose every instance has few requests inside, but as many a minute as it should
    slow, fast = TargetTracking(INVOCATIONS, 100.0, 0, 0), TargetTracking(CONCURRENCY, 4.0, 0, 0)
    scaler = Autoscaler((slow, fast), 1, 50)
    counts = []
    for tick in range(1, 181):
        scaler.observe(CONCURRENCY, 0.5)
        if tick % 6 == 0:
            scaler.observe(INVOCATIONS, 95.0 if tick <= 90 else 40.0)
        counts.append(scaler.decide(tick * 10.0, 10))
    # then fifteen quiet minutes of the other metric are waited for, and the larger capacity is kept
    assert counts[:-1] == [10] * 179
    assert counts[-1] == 4
    # but a policy that never scales in has no say
    alone = Autoscaler((TargetTracking(INVOCATIONS, 100.0, 0, 0, scale_in=False), fast), 1, 50)
    for _ in range(90):
        alone.observe(CONCURRENCY, 0.5)
    alone.observe(INVOCATIONS, 95.0)
    assert alone.decide(900.0, 10) == 2


def test_a_scheduled_action_moves_the_limits_every_day() -> None:
    scaler = Autoscaler((), 1, 2, (Scheduled(3600.0, 4, 9, 86_400.0), Scheduled(7200.0, 1, 2, 86_400.0)))
    assert scaler.decide(0.0, 1) == 1
    assert scaler.decide(3600.0, 1) == 4
    assert scaler.decide(7200.0, 4) == 2
    assert scaler.decide(86_400.0 + 3600.0, 2) == 4


def fleet(plan: Plan, **world: Any) -> Fleet:
    built = Fleet(plan, World(Instance(constant(0.01)), **world))
    built.tick(0.0, 0.0, 0.0, 0.0)
    return built


def test_instances_take_their_time_and_are_paid_while_they_do() -> None:
    # given a load of twice the target
    plan = Plan(1, 4, (TargetTracking(INVOCATIONS, 60.0, 0, 0),))
    built = fleet(plan, start_s=100.0, metric_delay_s=0.0)
    counts = [built.tick(tick * 10.0, 10.0, 20.0, 0.0) for tick in range(1, 31)]
    # then the third datapoint decides at 180 s, and the instance serves from 280 s on
    assert counts[:27] == [1] * 27
    assert counts[27] == 2
    assert built.activities[0] == (180.0, 1, 2)
    # and what was measured while it started decides nothing: the next datapoint, after a minute, does
    assert built.activities[1:] == [(300.0, 2, 4)]
    assert built.paid_s == 180 * 1 + 120 * 2


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 40), st.integers(1, 9)), min_size=6, max_size=6))
def test_datapoints_are_the_embedded_ones(ticks: list[tuple[int, int, int]]) -> None:
    # given a minute in which traffic and the number of instances change every ten seconds
    samples = [
        Sample(at=10.0 * index, seconds=10.0, invocations=requests, concurrent=inside, instances=count)
        for index, (requests, inside, count) in enumerate(ticks)
    ]
    # when a fleet sees the same minute
    policies = (TargetTracking(INVOCATIONS, 1e9), TargetTracking(CONCURRENCY, 1e9))
    seen: dict[str, list[float]] = {"invocations": [], "concurrency": []}
    built = fleet(Plan(1, 1, policies), metric_delay_s=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(built._scaler, "observe", lambda metric, value: seen[metric.name].append(value))
        for index, (requests, inside, count) in enumerate(ticks):
            built.tick(10.0 * (index + 1), 10.0, requests / count, inside / count)
    # then it makes the datapoints of CloudWatch
    assert seen["invocations"] == pytest.approx([adapters._rate(samples)])
    assert seen["concurrency"] == pytest.approx([adapters._concurrency([sample]) for sample in samples])


def test_nothing_is_decided_while_an_endpoint_is_changing() -> None:
    plan = Plan(1, 64, (TargetTracking(INVOCATIONS, 60.0, 0, 0),))
    built = fleet(plan, start_s=600.0, metric_delay_s=0.0)
    for tick in range(1, 78):
        built.tick(tick * 10.0, 10.0, 20.0, 0.0)
    assert built.activities == [(180.0, 1, 2)]


def test_alarms_see_a_metric_after_its_delay() -> None:
    plan = Plan(1, 4, (TargetTracking(INVOCATIONS, 60.0, 0, 0),))
    built = fleet(plan, metric_delay_s=90.0)
    for tick in range(1, 31):
        built.tick(tick * 10.0, 10.0, 20.0, 0.0)
    assert built.activities == [(270.0, 1, 2)]


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: TargetTracking(INVOCATIONS, 0.0), "target"),
        (lambda: TargetTracking(INVOCATIONS, 1.0, -1.0), "cooldown"),
        (lambda: StepScaling(INVOCATIONS, 1.0, ()), "steps"),
        (lambda: StepScaling(INVOCATIONS, 1.0, (Step(0, None, 1),), kind="More"), "adjustment type"),
        (lambda: Scheduled(0.0, 3, 2), "schedule"),
        (lambda: Autoscaler((), 3, 2), "min, max"),
        (lambda: Plan(0, 2), "min, max"),
        (lambda: World(Instance(constant(0.01)), routing="nearest"), "routing"),
        (lambda: World(Instance(constant(0.01)), start_s=-1), "start_s"),
        (lambda: Instance(constant(0.01), workers=0), "workers"),
        (lambda: Instance(constant(0.01), queue=-1), "queue"),
        (lambda: constant(0.0), "service times"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make: Any, named: str) -> None:
    with pytest.raises(LoadUsageError) as caught:
        make()
    assert caught.value.field == named


def test_the_metrics_have_aws_periods() -> None:
    assert {name: (m.period_s, m.out_points, m.in_points * m.period_s) for name, m in METRICS.items()} == {
        "invocations": (60.0, 3, 900.0),
        "concurrency": (10.0, 3, 900.0),
        "utilisation": (60.0, 3, 900.0),
    }
