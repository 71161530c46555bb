"""What the policies of one scalable target want together, and what cooldowns let through.

- Cooldowns begin when an activity is complete. Within that of a scale-out only a larger one goes through, reckoned from
  the capacity before the first; a scale-in waits for both, a scale-out for none of a scale-in
  (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html).
- An alarm that stays in ALARM calls its policy again every minute
  (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html).
- Of several policies the largest capacity wins; inwards only when all that may scale in are ready to
  (https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rehearsal.aws.sagemaker.autoscaling import tracking

_REPEAT_SECONDS = 60.0


@dataclass(frozen=True)
class Policy:
    """One target-tracking policy with its present readings, oldest first; cooldowns in AWS's seconds."""

    name: str
    target: float
    readings: list[float]
    in_periods: int
    out_cooldown: float
    in_cooldown: float
    scale_in: bool = True

    def wish(self, capacity: int) -> int:
        """Return the capacity that it wants, cooldowns left aside."""
        return tracking.wanted(capacity, self.target, self.readings, scale_in=self.scale_in, in_periods=self.in_periods)


@dataclass
class Memory:
    """What is remembered of one scalable target; times are this machine's, ``scaled`` turns AWS's into them."""

    scaled: Callable[[float], float]
    out_end: float = -math.inf
    in_end: float = -math.inf
    base: int = 0
    called: dict[str, float] = field(default_factory=dict)

    def decide(
        self, policies: Iterable[Policy], capacity: int, now: float, *, may_out: bool = True, may_in: bool = True
    ) -> tuple[int, Policy | None]:
        """Return the capacity that is wanted now and the policy behind it; the present one when nothing is to change.

        Parameters
        ----------
        may_out, may_in
            False where scaling that way is suspended.
        """
        policies = list(policies)
        asked = [(wish, policy) for policy in policies if (wish := self._ask(policy, capacity, now)) is not None]
        count, cause = max(asked, key=lambda ask: ask[0], default=(capacity, None))
        if count < capacity:
            ready = [policy.wish(capacity) for policy in policies if policy.scale_in]
            count = min(capacity, max([count, *ready]))
        allowed = may_out if count > capacity else may_in
        return (count, cause) if count != capacity and allowed else (capacity, None)

    def complete(self, cause: Policy | None, before: int, after: int, now: float) -> None:
        """Begin the cooldown of a change that is done. One that the limits asked for has none."""
        if after > before:
            if now >= self.out_end:
                self.base = before
            self.out_end = now + self.scaled(cause.out_cooldown if cause else 0.0)
            self.in_end = -math.inf
        else:
            self.in_end = now + self.scaled(cause.in_cooldown if cause else 0.0)

    def _ask(self, policy: Policy, capacity: int, now: float) -> int | None:
        """Return what a policy asks for; None when its alarms are quiet, or called it less than a minute ago."""
        wish = policy.wish(capacity)
        if wish == capacity:
            self.called.pop(policy.name, None)
            return None
        if now - self.called.get(policy.name, -math.inf) < self.scaled(_REPEAT_SECONDS):
            return None
        self.called[policy.name] = now
        if wish < capacity:
            return wish if now >= max(self.out_end, self.in_end) else capacity
        if now < self.out_end:
            wish = policy.wish(self.base)
        return max(wish, capacity)
