"""Application Auto Scaling: tags and suspensions of scalable targets, and AWS's answer about one that is not there."""

from __future__ import annotations

import json
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend as Backend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response
from moto.core.exceptions import JsonRESTError

# Every target has all three; what a request leaves out is false.
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_SuspendedState.html
_ACTIVE = dict.fromkeys(("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False)


def install() -> None:
    """Add the tag operations; tags live on the backend, so that they are saved with it."""
    register = Response.register_scalable_target
    deregister = Backend.deregister_scalable_target
    store = Backend.register_scalable_target

    def store_scalable_target(self: Backend, *arguments: Any, suspended_state: Any = None, **more: Any) -> Any:
        target = store(self, *arguments, suspended_state=suspended_state, **more)
        held: Any = target
        held.suspended_state = _ACTIVE | (held.suspended_state or {})
        return target

    Backend.register_scalable_target = store_scalable_target

    def deregister_scalable_target(self: Backend, namespace: str, r_id: str, dimension: str) -> None:
        # moto says ValidationException; the provider takes ObjectNotFoundException for done, which it must when it
        # repeats a call whose answer was lost.
        if not self._scalable_target_exists(r_id, dimension):
            message = f"No scalable target found for service namespace: {namespace}, resource ID: {r_id}"
            raise JsonRESTError("ObjectNotFoundException", f"{message}, scalable dimension: {dimension}")
        deregister(self, namespace, r_id, dimension)

    Backend.deregister_scalable_target = deregister_scalable_target

    def register_scalable_target(self: Response) -> str:
        answer = register(self)
        given = self._get_param("Tags")
        if given:
            _tags(self)[json.loads(answer)["ScalableTargetARN"]] = dict(given)
        return answer

    Response.register_scalable_target = register_scalable_target
    for method in (list_tags_for_resource, tag_resource, untag_resource):
        setattr(Response, method.__name__, method)


def list_tags_for_resource(self: Response) -> str:
    """ListTagsForResource."""
    return json.dumps({"Tags": _tags(self).get(self._get_param("ResourceARN"), {})})


def tag_resource(self: Response) -> str:
    """TagResource."""
    _tags(self).setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags"))
    return "{}"


def untag_resource(self: Response) -> str:
    """UntagResource."""
    for key in self._get_param("TagKeys"):
        _tags(self).get(self._get_param("ResourceARN"), {}).pop(key, None)
    return "{}"


def _tags(self: Response) -> dict[str, Any]:
    tags: dict[str, Any] = self.applicationautoscaling_backend.__dict__.setdefault("resource_tags", {})
    return tags
