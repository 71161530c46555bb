"""What costs or holds something says whose it is."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import BOOTSTRAP, Plan, Resource

REQUIRED = ("environment", "managed-by", "owner", "project")
OF_THE_ACCOUNT = ("managed-by", "part", "project")  # the bootstrap belongs to no environment


def check(resource: Resource, plan: Plan) -> Iterator[str]:
    tags = resource.values.get("tags_all") or {}
    yield from (
        f"tag {name} is missing"
        for name in (OF_THE_ACCOUNT if plan.environment == BOOTSTRAP else REQUIRED)
        if not tags.get(name)
    )


CONTROL = Control(
    title="What costs or holds something says whose it is",
    severity="low",
    reason="Costs are told apart and incidents reach an owner by these tags.",
    remedy="Keep default_tags in the provider.",
    types=(
        "aws_ecr_repository",
        "aws_kms_key",
        "aws_lambda_function",
        "aws_s3_bucket",
        "aws_sagemaker_endpoint",
        "aws_sagemaker_model",
        "aws_sfn_state_machine",
        "aws_vpc",
    ),
    sources=("TAGS",),
    check=check,
    good=[("aws_kms_key", {"tags_all": dict.fromkeys(REQUIRED, "x")})],
    breaks={"none": drop("tags_all"), "owner": drop("tags_all.owner"), "empty": put("tags_all.environment", "")},
)
