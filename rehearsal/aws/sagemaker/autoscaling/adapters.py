"""What can be scaled: how its capacity is read and set, and where its metrics come from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.aws.context import current
from rehearsal.aws.metrics.series import key_of
from rehearsal.aws.sagemaker.autoscaling import tracking
from rehearsal.aws.sagemaker.serving import api
from rehearsal.aws.sagemaker.serving.live import endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rehearsal.aws.sagemaker.serving.traffic import Sample

_INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
_CONCURRENCY = "SageMakerVariantConcurrentRequestsPerModelHighResolution"


@dataclass(frozen=True)
class Adapter:
    """One scalable dimension.

    Parameters
    ----------
    capacity
        Takes a resource id; returns the present capacity, or None while it cannot be changed.
    set_capacity
        Takes a resource id and a number. Raises any exception with the reason when it cannot be done.
    readings
        Takes a resource id, a predefined metric type, and a number of periods; returns the last so many values, oldest
        first, or fewer when there are fewer.
    cooldown
        Seconds that AWS waits after a change when a policy says nothing
        (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html).
    """

    capacity: Callable[[str], int | None]
    set_capacity: Callable[[str, int], None]
    readings: Callable[[str, str, int], list[float]]
    cooldown: float = 300.0


def _endpoint(resource_id: str) -> tuple[str, str]:
    _, endpoint, _, variant = resource_id.split("/")
    return endpoint, variant


def _instances(resource_id: str) -> int | None:
    name, variant = _endpoint(resource_id)
    live = endpoints.get(name)
    if live is None or live.record.endpoint_status != "InService":
        return None
    spec = live.record.live.variant(variant)
    return spec.current_count if spec else None


def _set_instances(resource_id: str, count: int) -> None:
    api.scale(*_endpoint(resource_id), count)


def _endpoint_readings(resource_id: str, metric: str, periods: int) -> list[float]:
    """Return invocations per instance and minute, or concurrent requests per instance.

    Requests are as fast as they are; only AWS's periods pass faster here. So a minute of AWS is shorter, and the count
    within it is put in relation to a real minute: the target stays what one instance can do.
    """
    name, variant = _endpoint(resource_id)
    live = endpoints.get(name)
    value = {_INVOCATIONS: _rate, _CONCURRENCY: _concurrency}.get(metric)
    if live is None or value is None:
        return []
    length = current().scaled(tracking.period_of(metric))
    return [value(group) for group in _grouped(live.traffic.samples(variant, length * periods), length, periods)]


def _grouped(samples: Sequence[Sample], length: float, periods: int) -> list[list[Sample]]:
    """Return what belongs to each of the last so many periods, oldest first.

    Reports come no faster than this machine can make them. So one that spans several periods stands for all of them,
    and one that comes a little late for the one before it too.
    """
    groups: dict[int, list[Sample]] = {}
    newest = samples[-1].at if samples else 0.0
    for sample in samples:
        first = int((newest - sample.at) / length)
        for age in range(first, first + max(1, round(sample.seconds / length))):
            groups.setdefault(age, []).append(sample)
    found: list[list[Sample]] = []
    for age in range(max(groups, default=-1), -1, -1):
        found.append(groups[age] if age in groups else found[-1])
    return found[-periods:]


def _rate(samples: list[Sample]) -> float:
    seconds = sum(sample.seconds for sample in samples)
    return (
        sum(sample.invocations / sample.instances for sample in samples) / seconds * tracking.MINUTE if seconds else 0.0
    )


def _concurrency(samples: list[Sample]) -> float:
    return sum(sample.concurrent / sample.instances for sample in samples) / len(samples)


def _function(resource_id: str) -> tuple[str, str]:
    _, name, qualifier = resource_id.split(":")
    return name, qualifier


def _provisioned(resource_id: str) -> int | None:
    from moto.awslambda.models import lambda_backends

    backend = lambda_backends[current().account_id][current().region]
    config = getattr(backend, "provisioned", {}).get(_function(resource_id))
    return config.requested if config is not None and config.status == "READY" else None


def _set_provisioned(resource_id: str, count: int) -> None:
    from rehearsal.aws import lambdas

    context = current()
    name, qualifier = _function(resource_id)
    lambdas.set_provisioned(name, qualifier, count, account_id=context.account_id, region=context.region)


def _utilisation(resource_id: str, metric: str, periods: int) -> list[float]:
    """Return the largest utilisation of each period from CloudWatch.

    A period without an invocation counts as idle while older ones are known. A function that nobody calls any more has
    no values at all, so that nothing scales in, as on AWS.
    """
    if metric != "LambdaProvisionedConcurrencyUtilization":
        return []
    from moto.cloudwatch.models import cloudwatch_backends

    name, qualifier = _function(resource_id)
    length, moment = current().scaled(tracking.period_of(metric)), time.time()
    backend: Any = cloudwatch_backends[current().account_id][current().region]
    key = key_of(
        "AWS/Lambda", "ProvisionedConcurrencyUtilization", {"FunctionName": name, "Resource": f"{name}:{qualifier}"}
    )
    highest: dict[int, float] = {}
    for point in backend.store.window(key, moment - length * periods, moment):
        age = int((moment - point.time) / length)
        highest[age] = max(highest.get(age, 0.0), point.high)
    return [highest.get(age, 0.0) for age in range(max(highest, default=-1), -1, -1)]


ADAPTERS: dict[str, Adapter] = {
    "sagemaker:variant:DesiredInstanceCount": Adapter(_instances, _set_instances, _endpoint_readings),
    "lambda:function:ProvisionedConcurrency": Adapter(_provisioned, _set_provisioned, _utilisation, cooldown=0.0),
}
"""By scalable dimension. A dimension that is not here is stored by moto and never acted on."""
