"""Captured requests stay in a bucket of the environment."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(config: Resource, plan: Plan) -> Iterator[str]:
    place = str(config.block("data_capture_config").get("destination_s3_uri"))
    buckets = {bucket.values.get("bucket") for bucket in plan.of("aws_s3_bucket")}
    if not place.startswith("s3://") or place.split("/")[2] not in buckets:
        yield f"destination_s3_uri {place} is in no bucket of this environment"


CONTROL = Control(
    title="Captured requests stay in a bucket of the environment",
    severity="high",
    reason="A destination elsewhere would hand every request over.",
    remedy="Point destination_s3_uri at the environment's data bucket.",
    types=("aws_sagemaker_endpoint_configuration",),
    sources=("ML-KMS",),
    applies=lambda config, _: bool(config.block("data_capture_config").get("enable_capture")),
    check=check,
    good=[
        (
            "aws_sagemaker_endpoint_configuration",
            {"data_capture_config": [{"enable_capture": True, "destination_s3_uri": "s3://data/capture"}]},
        ),
        ("aws_s3_bucket", {"bucket": "data"}),
    ],
    breaks={
        "elsewhere": put("data_capture_config.0.destination_s3_uri", "s3://somebody-else/capture"),
        "none": drop("data_capture_config.0.destination_s3_uri"),
    },
)
