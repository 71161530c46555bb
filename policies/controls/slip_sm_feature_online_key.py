"""An online feature store is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource, first


def check(group: Resource, plan: Plan) -> Iterator[str]:
    security = first(group.block("online_store_config").get("security_config"))
    if not own_key(security.get("kms_key_id"), plan):
        yield "online_store_config.security_config.kms_key_id is no customer-managed key of this account"


CONTROL = Control(
    title="An online feature store is encrypted with a key of our own",
    severity="medium",
    reason="Features are data about people and things, as the dataset is.",
    remedy="Set online_store_config.security_config.kms_key_id.",
    types=("aws_sagemaker_feature_group",),
    sources=("SageMaker.18",),
    applies=lambda group, _: bool(group.block("online_store_config")),
    unused="The environments have no feature store.",
    check=check,
    good=[("aws_sagemaker_feature_group", {"online_store_config": [{"security_config": [{"kms_key_id": KEY}]}]})],
    breaks={
        "foreign": put(
            "online_store_config.0.security_config.0.kms_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"
        ),
        "none": drop("online_store_config.0.security_config.0.kms_key_id"),
        "AWS's": put("online_store_config.0.security_config.0.kms_key_id", "alias/aws/dynamodb"),
    },
)
