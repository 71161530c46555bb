"""A bucket clears away old versions and broken uploads."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource, listed


def check(bucket: Resource, plan: Plan) -> Iterator[str]:
    found = plan.where("aws_s3_bucket_lifecycle_configuration", bucket=bucket.values.get("bucket"))
    rules = [r for f in found for r in listed(f.values.get("rule")) if r.get("status") == "Enabled"]
    if not any(rule.get("abort_incomplete_multipart_upload") for rule in rules):
        yield "parts of broken uploads stay for ever"
    if not any(rule.get("noncurrent_version_expiration") for rule in rules):
        yield "old versions stay for ever"


CONTROL = Control(
    title="A bucket clears away old versions and broken uploads",
    severity="low",
    reason="What nobody sees is paid for, and is data that should have been deleted.",
    remedy="Keep the rule housekeeping of modules/bucket.",
    types=("aws_s3_bucket",),
    sources=("S3.13",),
    check=check,
    good=[
        ("aws_s3_bucket", {"bucket": "b"}),
        (
            "aws_s3_bucket_lifecycle_configuration",
            {
                "bucket": "b",
                "rule": [
                    {
                        "status": "Enabled",
                        "abort_incomplete_multipart_upload": [{}, 1],
                        "noncurrent_version_expiration": [{}, 1],
                    }
                ],
            },
        ),
    ],
    breaks={
        "none": remove("aws_s3_bucket_lifecycle_configuration", same("bucket")),
        "disabled": elsewhere(
            "aws_s3_bucket_lifecycle_configuration", put("rule.0.status", "Disabled"), same("bucket")
        ),
        "versions": elsewhere(
            "aws_s3_bucket_lifecycle_configuration", put("rule.0.noncurrent_version_expiration", []), same("bucket")
        ),
    },
)
