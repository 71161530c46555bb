"""Captured requests are encrypted with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import REGION, Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource


def check(config: Resource, plan: Plan) -> Iterator[str]:
    if not own_key(config.block("data_capture_config").get("kms_key_id"), plan):
        yield "data_capture_config.kms_key_id is no customer-managed key of this account"


CONTROL = Control(
    title="Captured requests are encrypted with a key of our own",
    severity="high",
    reason="Data capture writes what users sent, in full.",
    remedy="Set data_capture_config.kms_key_id to the environment's data key.",
    types=("aws_sagemaker_endpoint_configuration",),
    sources=("ML-KMS",),
    applies=lambda config, _: bool(config.block("data_capture_config").get("enable_capture")),
    check=check,
    good=[
        ("aws_sagemaker_endpoint_configuration", {"data_capture_config": [{"enable_capture": True, "kms_key_id": KEY}]})
    ],
    breaks={
        "none": drop("data_capture_config.0.kms_key_id"),
        "AWS's": put("data_capture_config.0.kms_key_id", "alias/aws/s3"),
        "foreign": put("data_capture_config.0.kms_key_id", f"arn:aws:kms:{REGION}:999999999999:key/x"),
    },
)
