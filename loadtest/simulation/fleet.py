"""The instances of an endpoint in time: what is in service, what is on its way, what is paid for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from loadtest.errors import LoadUsageError
from loadtest.simulation.scaling import Autoscaler, Metric, Policy, Scheduled
from loadtest.simulation.service import Instance

TICK_S = 10.0
"""The finest step at which anything is decided: the period of the high-resolution metrics."""


@dataclass(frozen=True)
class World:
    """What is given.

    Attributes
    ----------
    start_s, stop_s
        Seconds from a scaling activity's begin until the endpoint is InService again. AWS promises no figure ("several
        minutes" for a first instance, https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html):
        take StartTime and EndTime of `aws application-autoscaling describe-scaling-activities`.
    metric_delay_s
        Seconds from the end of a metric's period until alarms see it.
    routing
        `random` as SageMaker does by default, or `least` for LEAST_OUTSTANDING_REQUESTS
        (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantRoutingConfig.html).
    """

    instance: Instance
    start_s: float = 240.0
    stop_s: float = 60.0
    metric_delay_s: float = 30.0
    routing: str = "random"

    def __post_init__(self) -> None:
        if self.routing not in {"random", "least"}:
            raise LoadUsageError("routing", self.routing, "give random or least")
        for name in ("start_s", "stop_s", "metric_delay_s"):
            if not 0 <= getattr(self, name) <= 86_400:
                raise LoadUsageError(name, getattr(self, name), "give 0 to 86400 s")


@dataclass(frozen=True)
class Plan:
    """What can be chosen: limits, policies, scheduled actions, and the count that the trace begins with."""

    least: int
    most: int
    policies: tuple[Policy, ...] = ()
    schedule: tuple[Scheduled, ...] = ()
    begin: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise LoadUsageError("min, max", f"{self.least}, {self.most}", "give at least 1, and a maximum from there")


@dataclass
class _Period:
    """Datapoints of one metric: what has come in since the period began, and what alarms do not see yet."""

    metric: Metric
    total: float = 0.0
    began: float = 0.0
    coming: list[tuple[float, float]] = field(default_factory=list)


class Fleet:
    """Lets an autoscaler act on instances that take time to come and to go.

    Capacity in service always lies within the limits of the moment; a raised minimum and a lowered maximum are met as
    soon as instances can start or stop.
    """

    def __init__(self, plan: Plan, world: World) -> None:
        self._world = world
        self._scaler = Autoscaler(plan.policies, plan.least, plan.most, plan.schedule)
        begin = plan.least if plan.begin is None else plan.begin
        self.in_service = min(max(begin, plan.least), plan.most)
        self.paid = self.in_service
        self.paid_s = 0.0
        self.activities: list[tuple[float, int, int]] = []
        self._wanted = self.in_service
        self._before = self.in_service
        self._done = math.inf
        metrics = {policy.metric.name: policy.metric for policy in plan.policies}
        self._periods = [_Period(metric) for metric in metrics.values()]
        self._scheduled = bool(plan.schedule)

    @property
    def limits(self) -> tuple[int, int]:
        """The limits of the moment."""
        return self._scaler.least, self._scaler.most

    def tick(self, now: float, elapsed: float, requests: float, concurrent: float) -> int:
        """Take what happened in the last `elapsed` seconds and return the instances in service from `now` on.

        Parameters
        ----------
        requests
            Requests per instance that arrived in it.
        concurrent
            Mean number of requests per instance inside.
        """
        self.paid_s += self.paid * elapsed
        fresh = now >= self._done
        if fresh:
            self._finish(now)
        for period in self._periods:
            fresh |= self._gather(period, now, elapsed, requests, concurrent)
        if fresh or self._scheduled or now == 0:
            self._decide(now)
        return self.in_service

    def _gather(self, period: _Period, now: float, elapsed: float, requests: float, concurrent: float) -> bool:
        metric = period.metric
        period.total += requests if metric.name == "invocations" else concurrent * elapsed
        if now - period.began >= metric.period_s - 1e-9:
            length = now - period.began
            per = metric.period_s if metric.name == "invocations" else 1.0
            period.coming.append((now + self._world.metric_delay_s, period.total / length * per))
            period.total, period.began = 0.0, now
        seen = False
        while period.coming and period.coming[0][0] <= now:
            self._scaler.observe(metric, period.coming.pop(0)[1])
            seen = True
        return seen

    def _decide(self, now: float) -> None:
        changing = self._done < math.inf
        wanted = self._scaler.decide(now, self._wanted, changing=changing)
        if wanted == self._wanted:
            return
        self._before, self._wanted = self._wanted, wanted
        self.activities.append((now, self._before, wanted))
        if wanted > self._before:
            self.paid = wanted
            self._done = now + self._world.start_s
        else:
            self.in_service = wanted  # no new requests; what it holds is still answered
            self._done = now + self._world.stop_s
        if now >= self._done:
            self._finish(now)

    def _finish(self, now: float) -> None:
        self._done = math.inf
        self.in_service = self.paid = self._wanted
        self._scaler.complete(now, self._before, self._wanted)
