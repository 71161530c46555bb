"""ACLs are switched off."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource, first


def check(bucket: Resource, plan: Plan) -> Iterator[str]:
    found = plan.where("aws_s3_bucket_ownership_controls", bucket=bucket.values.get("bucket"))
    if not any(first(o.values.get("rule")).get("object_ownership") == "BucketOwnerEnforced" for o in found):
        yield "ACLs are still in force"
    if bucket.values.get("acl") not in (None, "private") or bucket.values.get("grant"):
        yield "the bucket itself carries an ACL"


CONTROL = Control(
    title="ACLs are switched off",
    severity="medium",
    reason="An ACL grants beside the policy, object by object, where nobody looks.",
    remedy="Set object_ownership = BucketOwnerEnforced.",
    types=("aws_s3_bucket",),
    sources=("S3.12",),
    check=check,
    good=[
        ("aws_s3_bucket", {"bucket": "b"}),
        ("aws_s3_bucket_ownership_controls", {"bucket": "b", "rule": [{"object_ownership": "BucketOwnerEnforced"}]}),
    ],
    breaks={
        "inside": put("acl", "public-read"),
        "none": remove("aws_s3_bucket_ownership_controls", same("bucket")),
        "writer": elsewhere(
            "aws_s3_bucket_ownership_controls", put("rule.0.object_ownership", "ObjectWriter"), same("bucket")
        ),
    },
)
