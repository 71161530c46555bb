"""A bucket cannot be made public."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, elsewhere, put, remove
from policies.control import Control
from policies.kit import same
from policies.plan import Plan, Resource

SETTINGS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def check(bucket: Resource, plan: Plan) -> Iterator[str]:
    blocks = plan.where("aws_s3_bucket_public_access_block", bucket=bucket.values.get("bucket"))
    if not blocks:
        yield "public access is not blocked"
    for block in blocks:
        yield from (f"{name} is not true" for name in SETTINGS if block.values.get(name) is not True)


CONTROL = Control(
    title="A bucket cannot be made public",
    severity="critical",
    reason="The block holds even when somebody writes a public policy or ACL.",
    remedy="Set all four settings of the public access block.",
    types=("aws_s3_bucket",),
    sources=("S3.8",),
    check=check,
    good=[
        ("aws_s3_bucket", {"bucket": "b"}),
        ("aws_s3_bucket_public_access_block", {"bucket": "b", **dict.fromkeys(SETTINGS, True)}),
    ],
    breaks={
        "none": remove("aws_s3_bucket_public_access_block", same("bucket")),
        "policy": elsewhere("aws_s3_bucket_public_access_block", put("block_public_policy", False), same("bucket")),
        "restrict": elsewhere("aws_s3_bucket_public_access_block", drop("restrict_public_buckets"), same("bucket")),
    },
)
