"""Application Auto Scaling as a state machine: datapoints in, wanted capacity out.

What it follows, and where that stands:

- Two alarms per policy: above the target in 3 datapoints, below nine tenths of it in 15. AWS promises neither number;
  this is what it configures for SageMaker (https://repost.aws/questions/QUf450Wsd9RROGGOIwaolN9w). The high-resolution
  metric comes every 10 s and scales in no faster than the others, hence 90 datapoints
  (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-code-define.html).
- An alarm in ALARM calls its policy again every minute
  (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html).
- Cooldowns begin when the activity is complete. Within that of a scale-out only a larger one is let through, reckoned
  from the capacity before the first; a scale-in waits for both cooldowns, a scale-out for no scale-in
  (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html).
- Several policies: the largest capacity wins; inwards only when every one that may scale in is ready to
  (https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html).

An assumption: how far one scale-in goes is not documented, only that it is gradual. Here it goes to what the largest of
its datapoints needs, which `most_in` can bound.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtest.errors import LoadUsageError

REPEAT_S = 60.0
IN_SHARE = 0.9


@dataclass(frozen=True)
class Metric:
    """What a policy watches, per unit of capacity, and how many datapoints its alarms want."""

    name: str
    period_s: float
    out_points: int
    in_points: int


INVOCATIONS = Metric("invocations", 60.0, 3, 15)
"""SageMakerVariantInvocationsPerInstance: requests per instance and minute."""
CONCURRENCY = Metric("concurrency", 10.0, 3, 90)
"""SageMakerVariantConcurrentRequestsPerModelHighResolution: requests inside an instance, waiting ones too."""
UTILISATION = Metric("utilisation", 60.0, 3, 15)
"""LambdaProvisionedConcurrencyUtilization: share of the provisioned environments in use."""
METRICS = {metric.name: metric for metric in (INVOCATIONS, CONCURRENCY, UTILISATION)}


@dataclass(frozen=True)
class TargetTracking:
    """Keeps a metric near `target`. Cooldowns default to AWS's 300 s for SageMaker variants."""

    metric: Metric
    target: float
    in_cooldown_s: float = 300.0
    out_cooldown_s: float = 300.0
    scale_in: bool = True
    most_in: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.target) and self.target > 0):
            raise LoadUsageError("target", self.target, "give a number above 0")
        if min(self.in_cooldown_s, self.out_cooldown_s) < 0:
            raise LoadUsageError("cooldown", min(self.in_cooldown_s, self.out_cooldown_s), "give 0 s or more")

    @property
    def memory(self) -> int:
        """Datapoints that a decision may look back on."""
        return max(self.metric.out_points, self.metric.in_points)

    def wish(self, capacity: int, readings: Sequence[float]) -> int:
        """Return the capacity that this policy wants, cooldowns left aside; readings are oldest first."""
        last = self.metric.out_points
        recent = readings[-last:]
        if len(recent) == last and min(recent) > self.target:
            return max(capacity, _needed(capacity, recent[-1], self.target))
        long = readings[-self.metric.in_points :]
        if self.scale_in and len(long) == self.metric.in_points and max(long) < IN_SHARE * self.target:
            fewest = 0 if self.most_in is None else capacity - self.most_in
            return max(fewest, min(capacity, _needed(capacity, max(long), self.target)))
        return capacity


@dataclass(frozen=True)
class Step:
    """One range of a step policy: how far the metric is from the threshold (None: without end), and the change."""

    low: float | None
    high: float | None
    change: float


@dataclass(frozen=True)
class StepScaling:
    """Changes capacity by fixed steps once the metric has been beyond a threshold; `kind` as AWS's AdjustmentType.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepScalingPolicyConfiguration.html
    """

    metric: Metric
    threshold: float
    steps: tuple[Step, ...]
    points: int = 3
    above: bool = True
    kind: str = "ChangeInCapacity"
    cooldown_s: float = 300.0

    def __post_init__(self) -> None:
        kinds = ("ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity")
        if self.kind not in kinds:
            raise LoadUsageError("adjustment type", self.kind, f"give one of {', '.join(kinds)}")
        if not self.steps:
            raise LoadUsageError("steps", self.steps, "give at least one")

    @property
    def memory(self) -> int:
        """Datapoints that a decision may look back on."""
        return self.points

    @property
    def in_cooldown_s(self) -> float:
        """Seconds during which this policy does not scale in again."""
        return self.cooldown_s

    @property
    def out_cooldown_s(self) -> float:
        """Seconds during which only a larger step is taken."""
        return self.cooldown_s

    def wish(self, capacity: int, readings: Sequence[float]) -> int:
        """Return the capacity that this policy wants, cooldowns left aside; readings are oldest first."""
        recent = readings[-self.points :]
        beyond = (value > self.threshold if self.above else value < self.threshold for value in recent)
        if len(recent) < self.points or not all(beyond):
            return capacity
        off = recent[-1] - self.threshold
        for step in self.steps:
            if (step.low is None or off >= step.low) and (step.high is None or off < step.high):
                return self._changed(capacity, step.change)
        return capacity

    def _changed(self, capacity: int, change: float) -> int:
        if self.kind == "ExactCapacity":
            return int(change)
        if self.kind == "ChangeInCapacity":
            return capacity + int(change)
        # AWS rounds fractions above 1 down and those between 0 and 1 up, and mirrored for removals:
        # https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
        moved = capacity * change / 100
        whole = math.trunc(moved) if abs(moved) >= 1 else math.copysign(math.ceil(abs(moved)), moved)
        return capacity + int(whole)


Policy = TargetTracking | StepScaling


@dataclass(frozen=True)
class Scheduled:
    """New limits at a time since the trace began, once or every `every_s` seconds."""

    at_s: float
    least: int
    most: int
    every_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise LoadUsageError("schedule", f"{self.least}:{self.most}", "give a minimum up to the maximum")

    def due(self, after: float, until: float) -> bool:
        """Say whether the action falls into (after, until]; the first look is from before the beginning."""
        if self.every_s is None:
            return after < self.at_s <= until
        turns = math.floor((until - self.at_s) / self.every_s)
        return turns >= 0 and self.at_s + turns * self.every_s > after


@dataclass
class _Watch:
    """What is remembered of one policy."""

    policy: Policy
    readings: deque[float]
    acted: float = -math.inf
    breaching: bool = False
    fresh: bool = False


@dataclass
class Autoscaler:
    """Policies, limits and cooldowns of one scalable target.

    Call `observe` with each datapoint, `decide` whenever time has passed, and `complete` when a change is done.
    """

    policies: tuple[Policy, ...]
    least: int
    most: int
    schedule: tuple[Scheduled, ...] = ()
    _watches: list[_Watch] = field(init=False)
    _looked: float = field(init=False, default=-math.inf)
    _out_end: float = field(init=False, default=-math.inf)
    _in_end: float = field(init=False, default=-math.inf)
    _base: int = field(init=False, default=0)
    _cause: Policy | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise LoadUsageError("min, max", f"{self.least}, {self.most}", "give a minimum up to the maximum")
        self._watches = [_Watch(policy, deque(maxlen=policy.memory)) for policy in self.policies]

    @property
    def period_s(self) -> float:
        """Seconds after which there may be something new to decide on."""
        return min((policy.metric.period_s for policy in self.policies), default=REPEAT_S)

    def observe(self, metric: Metric, value: float) -> None:
        """Take a datapoint of a metric."""
        for watch in self._watches:
            if watch.policy.metric is metric:
                watch.readings.append(value)
                watch.fresh = True

    def decide(self, now: float, capacity: int, *, changing: bool = False) -> int:
        """Return the capacity that is wanted now, within the limits.

        Parameters
        ----------
        changing
            A change is under way: SageMaker takes no other until it is done, so nothing is decided.
        """
        for action in self.schedule:
            if action.due(self._looked, now):
                self.least, self.most = action.least, action.most
        self._looked = now
        asked = []
        for watch in self._watches:
            if watch.fresh and not changing and (ask := self._asks(watch, now, capacity)) is not None:
                asked.append(ask)
            # What came during a change was measured before it: it decides nothing afterwards.
            watch.fresh = False
        if changing:
            return capacity
        wish, self._cause = max(asked, key=lambda ask: ask[0], default=(capacity, None))
        if wish < capacity:
            wish = self._agreed(wish, capacity)
        count = min(max(wish, self.least), self.most)
        if count == capacity:
            self._cause = None
        return count

    def complete(self, now: float, before: int, after: int) -> None:
        """Begin the cooldown of a change that is done."""
        if after > before:
            if now >= self._out_end:
                self._base = before
            self._out_end = now + (self._cause.out_cooldown_s if self._cause else 0.0)
            self._in_end = -math.inf
        else:
            self._in_end = now + (self._cause.in_cooldown_s if self._cause else 0.0)
        self._cause = None

    def _agreed(self, wish: int, capacity: int) -> int:
        """Return how far all policies would go inwards, those too that were called earlier or are quiet."""
        ready = [
            watch.policy.wish(capacity, list(watch.readings))
            for watch in self._watches
            if isinstance(watch.policy, TargetTracking) and watch.policy.scale_in
        ]
        return min(capacity, max([wish, *ready]))

    def _asks(self, watch: _Watch, now: float, capacity: int) -> tuple[int, Policy | None] | None:
        """Return what a policy asks for and the policy, None when its alarms are quiet or it has just been called."""
        readings = list(watch.readings)
        wish = watch.policy.wish(capacity, readings)
        breaching, watch.breaching = watch.breaching, wish != capacity
        if wish == capacity or (breaching and now - watch.acted < REPEAT_S):
            return None
        watch.acted = now
        if wish < capacity:
            return (wish, watch.policy) if now >= max(self._out_end, self._in_end) else (capacity, None)
        if now < self._out_end:
            wish = watch.policy.wish(self._base, readings)
        return (wish, watch.policy) if wish > capacity else (capacity, None)


def _needed(capacity: int, reading: float, target: float) -> int:
    # The rounding keeps 3 * 0.7 / 0.7 at 3.
    return math.ceil(round(capacity * reading / target, 6))
