"""Application Auto Scaling: tags of scalable targets."""

from __future__ import annotations

import json
from typing import Any

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response


def install() -> None:
    """Add the tag operations; tags live on the backend, so that they are saved with it."""
    register = Response.register_scalable_target

    def register_scalable_target(self: Response) -> str:
        answer = register(self)
        given = self._get_param("Tags")
        if given:
            _tags(self)[json.loads(answer)["ScalableTargetARN"]] = dict(given)
        return answer

    Response.register_scalable_target = register_scalable_target  # type: ignore[method-assign]
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
