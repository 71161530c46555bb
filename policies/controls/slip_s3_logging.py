"""Access to a bucket is logged, in another bucket of the environment."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.kit import is_log_bucket, same
from policies.plan import Plan, Resource


def check(bucket: Resource, plan: Plan) -> Iterator[str]:
    name = bucket.values.get("bucket")
    found = plan.where("aws_s3_bucket_logging", bucket=name)
    targets = {log.values.get("target_bucket") for log in found}
    if not targets:
        yield "access to it is not logged"
    elif not targets <= {other.values.get("bucket") for other in plan.of("aws_s3_bucket")} - {name}:
        yield f"it logs to {', '.join(map(str, targets))}"


CONTROL = Control(
    title="Access to a bucket is logged, in another bucket of the environment",
    severity="medium",
    reason="The log tells who read what. The log bucket itself is exempt: it would log its own logs.",
    remedy="Hand log_bucket to modules/bucket.",
    types=("aws_s3_bucket",),
    sources=("S3.9",),
    applies=lambda bucket, plan: not is_log_bucket(str(bucket.values.get("bucket")), plan),
    check=check,
    good=[
        ("aws_s3_bucket", {"bucket": "b"}),
        ("aws_s3_bucket", {"bucket": "c-logs"}),
        ("aws_s3_bucket_logging", {"bucket": "b", "target_bucket": "c-logs"}),
    ],
    breaks={
        "none": remove("aws_s3_bucket_logging", same("bucket")),
        "elsewhere": elsewhere("aws_s3_bucket_logging", put("target_bucket", "somebody-else"), same("bucket")),
        "itself": elsewhere(
            "aws_s3_bucket_logging",
            lambda log, _: log.values.update(target_bucket=log.values["bucket"]),
            same("bucket"),
        ),
    },
)
