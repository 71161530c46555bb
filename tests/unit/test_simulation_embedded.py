"""Eight hours of traffic under the simulated autoscaler and under the embedded AWS's own, each with its own fleet."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loadtest.simulation.fleet import TICK_S, Fleet, Plan, World
from loadtest.simulation.made_up import daily
from loadtest.simulation.scaling import CONCURRENCY, INVOCATIONS, TargetTracking
from loadtest.simulation.service import Instance, constant
from loadtest.simulation.trace import Trace
from rehearsal.aws.context import Context
from rehearsal.aws.sagemaker.autoscaling import adapters, loop, tracking
from rehearsal.aws.sagemaker.autoscaling.adapters import Adapter
from rehearsal.aws.sagemaker.serving.traffic import Sample

NAMES = {
    INVOCATIONS.name: "SageMakerVariantInvocationsPerInstance",
    CONCURRENCY.name: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}
SERVICE_S = 0.025
LEAST, MOST = 2, 14


class Embedded:
    """The embedded AWS's loop, its own datapoints, and instances that come and go at once; on a clock of ours."""

    def __init__(self, plan: Plan, begin: int) -> None:
        self.now, self.capacity, self.samples = 0.0, begin, list[Sample]()
        self.activities: list[tuple[float, int, int]] = []
        self._scaler = loop.Scaler(Context("http://127.0.0.1:0", Path("/nonexistent"), speed=1.0))
        place = {"resource_id": "endpoint/e/variant/v", "scalable_dimension": "sagemaker:variant:DesiredInstanceCount"}
        self._backend: Any = SimpleNamespace(
            policies={
                policy.metric.name: SimpleNamespace(
                    policy_name=policy.metric.name,
                    target_tracking_scaling_policy_configuration={
                        "TargetValue": policy.target,
                        "PredefinedMetricSpecification": {"PredefinedMetricType": NAMES[policy.metric.name]},
                        "ScaleInCooldown": policy.in_cooldown_s,
                        "ScaleOutCooldown": policy.out_cooldown_s,
                    },
                    **place,
                )
                for policy in plan.policies
                if isinstance(policy, TargetTracking)
            }
        )
        self._target: Any = SimpleNamespace(
            arn="arn", service_namespace="sagemaker", min_capacity=plan.least, max_capacity=plan.most,
            suspended_state=None, **place,
        )  # fmt: skip
        self._adapter = Adapter(lambda _: self.capacity, self._set, self._readings)

    def tick(self, now: float, rate: float) -> int:
        """Let ten seconds pass."""
        self.now = now
        sample: Any = {"at": now, "seconds": TICK_S, "invocations": rate * TICK_S, "concurrent": rate * SERVICE_S}
        self.samples.append(Sample(**sample, instances=self.capacity))
        self._scaler._scale(self._backend, self._target, self._adapter)
        return self.capacity

    def _set(self, _: str, count: int) -> None:
        self.activities.append((self.now, self.capacity, count))
        self.capacity = count

    def _readings(self, _: str, metric: str, periods: int) -> list[float]:
        length = tracking.period_of(metric)
        # What belongs to a minute that is not over is no datapoint yet.
        end = len(self.samples) - len(self.samples) % round(length / TICK_S)
        recent = self.samples[max(0, end - round(length * periods / TICK_S)) : end]
        value = adapters._rate if metric == NAMES[INVOCATIONS.name] else adapters._concurrency
        return [value(group) for group in adapters._grouped(recent, length, periods)]


def both(traffic: Trace, plan: Plan) -> tuple[np.ndarray, np.ndarray, Fleet, Embedded]:
    """Run both and return their instances every ten seconds."""
    world = World(Instance(constant(SERVICE_S), workers=2), start_s=0.0, stop_s=0.0, metric_delay_s=0.0)
    ours = Fleet(plan, world)
    ours.tick(0.0, 0.0, 0.0, 0.0)
    theirs, counts = Embedded(plan, ours.in_service), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: theirs.now))
        patch.setattr(loop.activities, "record", lambda *args: args[-1]() is None)
        for tick, rate in enumerate(traffic.at(0.0, round(traffic.seconds / TICK_S), TICK_S).tolist(), start=1):
            now, before = tick * TICK_S, ours.in_service
            mine = ours.tick(now, TICK_S, rate * TICK_S / before, rate * SERVICE_S / before)
            counts.append((mine, theirs.tick(now, rate)))
    found = np.array(counts)
    return found[:, 0], found[:, 1], ours, theirs


FAST = TargetTracking(CONCURRENCY, 0.9, 300.0, 120.0)
SLOW = TargetTracking(INVOCATIONS, 2000.0, 300.0, 120.0)


@pytest.mark.parametrize("policies", [(SLOW,), (FAST,), (SLOW, FAST)], ids=["calls", "requests inside", "both"])
def test_a_long_trace_is_scaled_as_the_embedded_aws_scales_it(policies: tuple[TargetTracking, ...]) -> None:
    # given eight hours with a wave and three spikes, which goes from the least to nearly the most instances and back
    traffic = daily(300, 30, seconds=8 * 3600, spikes=3, seed=2)
    mine, its, ours, theirs = both(traffic, Plan(LEAST, MOST, policies))
    # then every decision is the same, at the same ten seconds
    assert ours.activities == theirs.activities
    assert (mine == its).all()
    assert its.max() >= 9
    assert its[-1] < its.max()
    assert len(theirs.activities) > 10
