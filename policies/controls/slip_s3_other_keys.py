"""A bucket refuses objects under another key."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, without_statements
from policies.control import Control
from policies.kit import KEY, is_log_bucket, policy_text
from policies.plan import Plan, Resource, actions, anyone, conditions, statements


def check(policy: Resource, _: Plan) -> Iterator[str]:
    wanted = ("stringnotequals", "s3:x-amz-server-side-encryption-aws-kms-key-id")
    for statement in statements(policy.values.get("policy"), "Deny"):
        if anyone(statement) and "s3:putobject" in actions(statement) and conditions(statement).get(wanted):
            return
    yield "an object may be encrypted with any key"


CONTROL = Control(
    title="A bucket refuses objects under another key",
    severity="medium",
    reason="An object under an attacker's key is ransom: in our bucket, and not readable for us.",
    remedy="Keep the statement DenyOtherKey.",
    types=("aws_s3_bucket_policy",),
    sources=("S3.17",),
    applies=lambda policy, plan: not is_log_bucket(str(policy.values.get("bucket")), plan),
    check=check,
    good=[
        (
            "aws_s3_bucket_policy",
            {
                "bucket": "b",
                "policy": policy_text(
                    {
                        "Effect": "Deny",
                        "Principal": {"AWS": "*"},
                        "Action": "s3:PutObject",
                        "Resource": "arn:b/*",
                        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": [KEY]}},
                    }
                ),
            },
        )
    ],
    breaks={
        "none": without_statements(lambda s: "kms-key-id" in str(s)),
        "for one": each_statement(
            lambda s: s.update(Principal={"AWS": "arn:aws:iam::1:role/x"}), lambda s: "kms-key-id" in str(s)
        ),
        "another action": each_statement(
            lambda s: s.update(Action="s3:PutObjectAcl"), lambda s: "kms-key-id" in str(s)
        ),
    },
)
