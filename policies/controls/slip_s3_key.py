"""A bucket encrypts with a key of our own."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import elsewhere, put, remove
from policies.control import Control
from policies.kit import KEY, is_log_bucket, own_key, same
from policies.plan import Plan, Resource, first


def check(bucket: Resource, plan: Plan) -> Iterator[str]:
    name = bucket.values.get("bucket")
    found = plan.where("aws_s3_bucket_server_side_encryption_configuration", bucket=name)
    if not found:
        yield "its encryption is not set"
    for rule in found[0].values.get("rule") or [] if found else []:
        default = first(rule.get("apply_server_side_encryption_by_default"))
        if is_log_bucket(str(name), plan):
            continue
        if default.get("sse_algorithm") != "aws:kms" or not own_key(default.get("kms_master_key_id"), plan):
            yield "objects are not encrypted with a key of this account"
        elif not rule.get("bucket_key_enabled"):
            yield "bucket_key_enabled is not true: every object asks KMS"


CONTROL = Control(
    title="A bucket encrypts with a key of our own",
    severity="high",
    reason="With our key, reading an object takes two rights, and both are logged. The bucket that receives access "
    "logs is exempt: S3 cannot deliver into SSE-KMS.",
    remedy="Hand key_arn to modules/bucket.",
    types=("aws_s3_bucket",),
    sources=("S3.17",),
    check=check,
    good=[
        ("aws_s3_bucket", {"bucket": "b"}),
        (
            "aws_s3_bucket_server_side_encryption_configuration",
            {
                "bucket": "b",
                "rule": [
                    {
                        "bucket_key_enabled": True,
                        "apply_server_side_encryption_by_default": [
                            {"sse_algorithm": "aws:kms", "kms_master_key_id": KEY}
                        ],
                    }
                ],
            },
        ),
    ],
    breaks={
        "none": remove("aws_s3_bucket_server_side_encryption_configuration", same("bucket")),
        "AES256": elsewhere(
            "aws_s3_bucket_server_side_encryption_configuration",
            put("rule.0.apply_server_side_encryption_by_default.0.sse_algorithm", "AES256"),
            same("bucket"),
        ),
        "AWS's key": elsewhere(
            "aws_s3_bucket_server_side_encryption_configuration",
            put("rule.0.apply_server_side_encryption_by_default.0.kms_master_key_id", "alias/aws/s3"),
            same("bucket"),
        ),
    },
)
