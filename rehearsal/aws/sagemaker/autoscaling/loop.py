"""The thread that lets scaling policies and scheduled actions act."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rehearsal.aws.events.expressions import ScheduleExpressionError, next_fire
from rehearsal.aws.sagemaker.autoscaling import activities, targets, tracking
from rehearsal.aws.sagemaker.autoscaling.adapters import ADAPTERS
from rehearsal.aws.sagemaker.autoscaling.decision import Memory, Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeScalableTarget

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.autoscaling.adapters import Adapter

log = logging.getLogger(__name__)

_LOOK_SECONDS = 10.0  # on AWS's clock
_SHORTEST_SECONDS = 0.25


@dataclass
class Scaler:
    """Everything that the loop remembers between two looks."""

    context: Context
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    memories: dict[str, Memory] = field(default_factory=dict)
    due: dict[tuple[str, str], datetime | None] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def clock(self) -> datetime:
        """Return the time on AWS's clock, which runs ``speed`` times as fast and began with the real one."""
        return self.began + timedelta(seconds=(time.monotonic() - self.started) * self.context.speed)

    def run(self) -> None:
        """Look again and again until told to end."""
        while not self.over.wait(max(_SHORTEST_SECONDS, self.context.scaled(_LOOK_SECONDS))):
            backend = targets.backend(self.context)
            if backend is None:
                continue
            try:
                self.look(backend)
            except Exception:
                log.exception("autoscaling")

    def look(self, backend: ApplicationAutoscalingBackend) -> None:
        """Let everything act that is due."""
        for action in list(backend.scheduled_actions):
            self._schedule(backend, action)
        for dimension, registered in list(backend.targets.items()):
            adapter = ADAPTERS.get(dimension)
            if adapter is not None:
                for target in list(registered.values()):
                    self._scale(backend, target, adapter)

    def _schedule(self, backend: ApplicationAutoscalingBackend, action: Any) -> None:
        """Give a target the limits of a scheduled action when its time has come."""
        target = backend.targets.get(action.scalable_dimension, {}).get(action.resource_id)
        key, now = (action.arn, action.schedule), self.clock()
        if target is None or _suspended(target, "ScheduledScalingSuspended"):
            return
        try:
            if key not in self.due:
                self.due[key] = next_fire(action.schedule, now, action.timezone or "UTC")
            due = self.due[key]
            if due is None or due > now:
                return
            self.due[key] = next_fire(action.schedule, now, action.timezone or "UTC")
        except ScheduleExpressionError as error:
            log.warning("scheduled action %s: %s", action.scheduled_action_name, error)
            self.due[key] = None
            return
        limits = action.scalable_target_action or {}
        target.update(limits.get("MinCapacity"), limits.get("MaxCapacity"), None)

    def _scale(self, backend: ApplicationAutoscalingBackend, target: FakeScalableTarget, adapter: Adapter) -> None:
        capacity = adapter.capacity(target.resource_id)
        if capacity is None:
            return
        memory = self.memories.setdefault(target.arn, Memory(self.context.scaled))
        count, policy = memory.decide(
            _policies(backend, target, adapter),
            capacity,
            time.monotonic(),
            may_out=not _suspended(target, "DynamicScalingOutSuspended"),
            may_in=not _suspended(target, "DynamicScalingInSuspended"),
        )
        cause = _cause(target, policy, out=count > capacity) if policy else ""
        least, most = target.min_capacity or 0, target.max_capacity or capacity
        if count < least:
            count, cause = least, cause or f"minimum capacity was set to {least}"
        if count > most:
            count, cause = most, cause or f"maximum capacity was set to {most}"
        if count == capacity:
            return
        done = activities.record(backend, target, count, cause, lambda: adapter.set_capacity(target.resource_id, count))
        if done:
            memory.complete(policy, capacity, count, time.monotonic())


def _policies(backend: ApplicationAutoscalingBackend, target: FakeScalableTarget, adapter: Adapter) -> Iterator[Policy]:
    """Yield the target-tracking policies of a target with what their metrics read now."""
    for policy in list(backend.policies.values()):
        ours = (policy.resource_id, policy.scalable_dimension) == (target.resource_id, target.scalable_dimension)
        config = policy.target_tracking_scaling_policy_configuration
        metric = ((config or {}).get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType")
        if not ours or not config or not metric:
            continue
        periods = tracking.periods_in(metric)
        yield Policy(
            name=policy.policy_name,
            target=float(config["TargetValue"]),
            readings=adapter.readings(target.resource_id, metric, periods),
            in_periods=periods,
            out_cooldown=float(config.get("ScaleOutCooldown", adapter.cooldown)),
            in_cooldown=float(config.get("ScaleInCooldown", adapter.cooldown)),
            scale_in=not config.get("DisableScaleIn"),
        )


def _cause(target: FakeScalableTarget, policy: Policy, *, out: bool) -> str:
    state = "AlarmHigh" if out else "AlarmLow"
    return f"monitor alarm TargetTracking-{target.resource_id}-{state} in state ALARM triggered policy {policy.name}"


_scalers: list[Scaler] = []


def start(context: Context) -> None:
    """Begin in the background."""
    scaler = Scaler(context)
    _scalers.append(scaler)
    threading.Thread(target=scaler.run, name="autoscaling", daemon=True).start()


def stop() -> None:
    """Act no more."""
    while _scalers:
        _scalers.pop().over.set()


def _suspended(target: FakeScalableTarget, member: str) -> bool:
    state: Any = target.suspended_state
    return bool((state or {}).get(member))
