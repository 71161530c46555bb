"""A model's container is cut off from the network."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(model: Resource, _: Plan) -> Iterator[str]:
    if model.values.get("enable_network_isolation") is not True:
        yield "enable_network_isolation is not true"


CONTROL = Control(
    title="A model's container is cut off from the network",
    severity="high",
    reason="A model file can run code when it is loaded; isolated, that code can call nobody and has no credentials.",
    remedy="Set enable_network_isolation = true.",
    types=("aws_sagemaker_model",),
    sources=("SageMaker.5",),
    check=check,
    good=[("aws_sagemaker_model", {"enable_network_isolation": True})],
    breaks={
        "off": put("enable_network_isolation", False),
        "unset": drop("enable_network_isolation"),
        "text": put("enable_network_isolation", "no"),
    },
)
