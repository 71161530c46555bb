"""What an asynchronous endpoint writes is encrypted with a key of our own, in a bucket of the environment."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.kit import KEY, own_key
from policies.plan import Plan, Resource, first, listed


def check(config: Resource, plan: Plan) -> Iterator[str]:
    buckets = {bucket.values.get("bucket") for bucket in plan.of("aws_s3_bucket")}
    output = first(config.block("async_inference_config").get("output_config"))
    if not own_key(output.get("kms_key_id"), plan):
        yield "output_config.kms_key_id is no customer-managed key of this account"
    for name in ("s3_output_path", "s3_failure_path"):
        place = str(output.get(name) or "")
        if place and (not place.startswith("s3://") or place.split("/")[2] not in buckets):
            yield f"{name} {place} is in no bucket of this environment"


CONTROL = Control(
    title="What an asynchronous endpoint writes is encrypted with a key of our own, in a bucket of the environment",
    severity="high",
    reason="The answers are written to S3 by SageMaker, past data capture and its key.",
    remedy="Set output_config.kms_key_id to the data key and its paths to the data bucket.",
    types=("aws_sagemaker_endpoint_configuration",),
    sources=("ML-KMS",),
    unused="The endpoints answer while the caller waits.",
    applies=lambda config, _: bool(listed(config.values.get("async_inference_config"))),
    check=check,
    good=[
        (
            "aws_sagemaker_endpoint_configuration",
            {
                "async_inference_config": [
                    {"output_config": [{"kms_key_id": KEY, "s3_output_path": "s3://data/async"}]},
                ]
            },
        ),
        ("aws_s3_bucket", {"bucket": "data"}),
    ],
    breaks={
        "no key": drop("async_inference_config.0.output_config.0.kms_key_id"),
        "AWS's key": put("async_inference_config.0.output_config.0.kms_key_id", "alias/aws/s3"),
        "elsewhere": put("async_inference_config.0.output_config.0.s3_output_path", "s3://somebody-else/async"),
    },
)
