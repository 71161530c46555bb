"""An offline feature store is encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource, first


def check(group: Resource, plan: Plan) -> Iterator[str]:
    store = first(group.block("offline_store_config").get("s3_storage_config"))
    if not own_key(store.get("kms_key_id"), plan):
        yield "offline_store_config.s3_storage_config.kms_key_id is no customer-managed key of this account"


CONTROL = Control(
    title="An offline feature store is encrypted with a key of our own",
    severity="medium",
    reason="Features are data about people and things, as the dataset is.",
    remedy="Set offline_store_config.s3_storage_config.kms_key_id.",
    types=("aws_sagemaker_feature_group",),
    sources=("SageMaker.17",),
    applies=lambda group, _: bool(group.block("offline_store_config")),
    unused="The environments have no feature store.",
    check=check,
    good=[("aws_sagemaker_feature_group", {"offline_store_config": [{"s3_storage_config": [{"kms_key_id": KEY}]}]})],
    breaks={
        "foreign": put(
            "offline_store_config.0.s3_storage_config.0.kms_key_id", "arn:aws:kms:eu-west-1:999999999999:key/x"
        ),
        "none": drop("offline_store_config.0.s3_storage_config.0.kms_key_id"),
        "AWS's": put("offline_store_config.0.s3_storage_config.0.kms_key_id", "alias/aws/s3"),
    },
)
