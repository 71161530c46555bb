"""How an update shifts traffic: the steps that a DeploymentConfig asks for, and what makes it turn back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.errors import AWSValidationException

if TYPE_CHECKING:
    from rehearsal.aws.context import Context


@dataclass(frozen=True)
class Step:
    """Give ``share`` of the traffic to the new fleet, then watch the alarms for ``bake`` seconds (AWS's clock)."""

    share: float
    bake: float


@dataclass(frozen=True)
class Plan:
    """A whole update, in AWS's seconds."""

    steps: tuple[Step, ...]
    termination_wait: float
    timeout: float | None
    alarms: tuple[str, ...]


def plan(config: dict[str, Any] | None, instances: int) -> Plan:
    """Read a DeploymentConfig; without one all traffic moves at once.

    Parameters
    ----------
    instances
        Size of the new fleet, for sizes given as INSTANCE_COUNT.
    """
    config = config or {}
    alarms = tuple(alarm["AlarmName"] for alarm in (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or [])
    rolling = config.get("RollingUpdatePolicy")
    if rolling:
        size = _share(rolling["MaximumBatchSize"], instances)
        steps = _linear(size, rolling["WaitIntervalInSeconds"])
        return Plan(steps, 0, rolling.get("MaximumExecutionTimeoutInSeconds"), alarms)
    policy = config.get("BlueGreenUpdatePolicy")
    if not policy:
        return Plan((Step(1.0, 0.0),), 0, None, alarms)
    routing = policy["TrafficRoutingConfiguration"]
    bake = routing["WaitIntervalInSeconds"]
    if routing["Type"] == "CANARY":
        steps = (Step(_share(routing["CanarySize"], instances), bake), Step(1.0, bake))
    elif routing["Type"] == "LINEAR":
        steps = _linear(_share(routing["LinearStepSize"], instances), bake)
    else:
        steps = (Step(1.0, bake),)
    wait = policy.get("TerminationWaitInSeconds", 0)
    return Plan(steps, wait, policy.get("MaximumExecutionTimeoutInSeconds"), alarms)


def check(config: dict[str, Any] | None) -> None:
    """Refuse a DeploymentConfig whose members contradict each other.

    Raises
    ------
    AWSValidationException
        Naming the member.
    """
    if not config:
        return
    routing = (config.get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration") or {}
    for kind, member in (("CANARY", "CanarySize"), ("LINEAR", "LinearStepSize")):
        if (routing.get("Type") == kind) != bool(routing.get(member)):
            raise AWSValidationException(f"{member} must be given exactly when the traffic routing type is {kind}.")
        size = routing.get(member)
        if size and size["Type"] == "CAPACITY_PERCENT" and size["Value"] > 50:
            raise AWSValidationException(f"{member} must be at most 50 percent of the fleet, got {size['Value']}.")


def in_alarm(context: Context, names: tuple[str, ...]) -> list[str]:
    """Return those of the named alarms that are in ALARM."""
    if not names:
        return []
    alarms = _alarms(context)
    return [name for name in names if name in alarms and alarms[name].state_value == "ALARM"]


def _alarms(context: Context) -> dict[str, Any]:
    from moto.cloudwatch.models import cloudwatch_backends

    return cloudwatch_backends[context.account_id][context.region].alarms


def _linear(size: float, bake: float) -> tuple[Step, ...]:
    count = max(1, -int(-1 // size))
    return tuple(Step(min(1.0, size * (number + 1)), bake) for number in range(count))


def _share(size: dict[str, Any], instances: int) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        return min(1.0, size["Value"] / 100)
    return min(1.0, size["Value"] / max(1, instances))
