"""A bucket keeps old versions."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource, first


def check(bucket: Resource, plan: Plan) -> Iterator[str]:
    found = plan.where("aws_s3_bucket_versioning", bucket=bucket.values.get("bucket"))
    if not any(first(v.values.get("versioning_configuration")).get("status") == "Enabled" for v in found):
        yield "versioning is not enabled"


CONTROL = Control(
    title="A bucket keeps old versions",
    severity="medium",
    reason="What is overwritten or deleted by mistake, or for ransom, can be brought back.",
    remedy="Set versioning_configuration.status = Enabled.",
    types=("aws_s3_bucket",),
    sources=("S3.14",),
    check=check,
    good=[
        ("aws_s3_bucket", {"bucket": "b"}),
        ("aws_s3_bucket_versioning", {"bucket": "b", "versioning_configuration": [{"status": "Enabled"}]}),
    ],
    breaks={
        "none": remove("aws_s3_bucket_versioning", same("bucket")),
        "suspended": elsewhere(
            "aws_s3_bucket_versioning", put("versioning_configuration.0.status", "Suspended"), same("bucket")
        ),
    },
)
