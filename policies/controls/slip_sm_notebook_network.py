"""A notebook is in the VPC and not on the internet."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource, missing


def check(notebook: Resource, _: Plan) -> Iterator[str]:
    if notebook.values.get("direct_internet_access") != "Disabled":
        yield "direct_internet_access is not Disabled"
    if missing(notebook.values, ["subnet_id", "security_groups"]):
        yield "it is in no subnet of ours"


CONTROL = Control(
    title="A notebook is in the VPC and not on the internet",
    severity="high",
    reason="A notebook holds data and credentials; the open internet is the shortest way out for both.",
    remedy="Set direct_internet_access = Disabled, subnet_id and security_groups.",
    types=("aws_sagemaker_notebook_instance",),
    sources=("SageMaker.1", "SageMaker.2"),
    unused="The environments have no notebooks; people work on their own machines or an EC2 workbench.",
    check=check,
    good=[
        (
            "aws_sagemaker_notebook_instance",
            {"direct_internet_access": "Disabled", "subnet_id": "subnet-1", "security_groups": ["sg-1"]},
        )
    ],
    breaks={
        "internet": put("direct_internet_access", "Enabled"),
        "no subnet": drop("subnet_id"),
        "unset": drop("direct_internet_access"),
    },
)
