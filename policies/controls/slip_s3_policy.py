"""Every bucket has a policy."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put, remove
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource


def check(bucket: Resource, plan: Plan) -> Iterator[str]:
    if bucket.values.get("policy"):
        yield "its policy is written inside it, where the controls of policies do not look"
    if not plan.where("aws_s3_bucket_policy", bucket=bucket.values.get("bucket")):
        yield "it has no policy"


CONTROL = Control(
    title="Every bucket has a policy",
    severity="high",
    reason="The other controls of bucket policies see nothing where there is none.",
    remedy="Make buckets with modules/bucket.",
    types=("aws_s3_bucket",),
    sources=("S3.5",),
    check=check,
    good=[("aws_s3_bucket", {"bucket": "b"}), ("aws_s3_bucket_policy", {"bucket": "b"})],
    breaks={
        "none": remove("aws_s3_bucket_policy", same("bucket")),
        "inside": put("policy", "{}"),
    },
)
