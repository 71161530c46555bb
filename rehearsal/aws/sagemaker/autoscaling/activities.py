"""Scaling activities: what autoscaling did and why."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeScalableTarget

_KEPT = 500
_PAGE = 50
_UNITS = {
    "sagemaker:variant:DesiredInstanceCount": ("desired instance count", "sagemaker"),
    "lambda:function:ProvisionedConcurrency": ("provisioned concurrency", "lambda"),
}


def record(
    backend: ApplicationAutoscalingBackend, target: FakeScalableTarget, count: int, cause: str, act: Callable[[], None]
) -> bool:
    """Do ``act`` and keep what came of it; return whether it succeeded."""
    unit, service = _UNITS[target.scalable_dimension]
    activity: dict[str, Any] = {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": target.service_namespace,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.scalable_dimension,
        "Description": f"Setting {unit} to {count}.",
        "Cause": cause,
        "StartTime": time.time(),
        "StatusCode": "InProgress",
    }
    held = of(backend)
    held.append(activity)
    del held[:-_KEPT]
    try:
        act()
    except Exception as error:  # whatever the service says is the activity's outcome
        activity.update(StatusCode="Failed", StatusMessage=f"Failed to set {unit} to {count}. Reason: {error}")
    else:
        message = f"Successfully set {unit} to {count}. Change successfully fulfilled by {service}."
        activity.update(StatusCode="Successful", StatusMessage=message)
    activity["EndTime"] = time.time()
    return activity["StatusCode"] == "Successful"


def of(backend: ApplicationAutoscalingBackend) -> list[dict[str, Any]]:
    """Return the activities that a backend holds, oldest first; they are saved with it."""
    return backend.__dict__.setdefault("scaling_activities", [])


def describe_scaling_activities(self: Any) -> str:
    """Answer DescribeScalingActivities, newest first; a method of moto's response class."""
    chosen = [
        activity
        for activity in reversed(of(self.applicationautoscaling_backend))
        if activity["ServiceNamespace"] == self._get_param("ServiceNamespace")
        and self._get_param("ResourceId") in {None, activity["ResourceId"]}
        and self._get_param("ScalableDimension") in {None, activity["ScalableDimension"]}
    ]
    start = int(self._get_param("NextToken") or 0)
    end = start + int(self._get_param("MaxResults") or _PAGE)
    answer: dict[str, Any] = {"ScalingActivities": chosen[start:end]}
    if end < len(chosen):
        answer["NextToken"] = str(end)
    return json.dumps(answer)
