"""An image from a registry other than ECR is fetched through the VPC."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource, first, listed


def check(model: Resource, _: Plan) -> Iterator[str]:
    for container in [*listed(model.values.get("primary_container")), *listed(model.values.get("container"))]:
        config = first(container.get("image_config"))
        if config and config.get("repository_access_mode") != "Vpc":
            yield f"image_config.repository_access_mode is {config.get('repository_access_mode')}"


CONTROL = Control(
    title="An image from a registry other than ECR is fetched through the VPC",
    severity="medium",
    reason="With the mode Platform SageMaker fetches a foreign image past the VPC. Images of ECR need no image_config.",
    remedy="Leave image_config out (ECR), or set repository_access_mode = Vpc.",
    types=("aws_sagemaker_model",),
    sources=("SageMaker.16", "SageMaker.19"),
    check=check,
    good=[("aws_sagemaker_model", {"primary_container": [{"image_config": []}]})],
    breaks={
        "platform": put("primary_container.0.image_config", [{"repository_access_mode": "Platform"}]),
        "unset": put("primary_container.0.image_config", [{"repository_access_mode": None, "x": 1}]),
    },
)
