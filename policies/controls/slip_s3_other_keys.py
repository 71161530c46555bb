"""A bucket refuses objects under another key."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, without_statements
from policies.control import Control
from policies.iam import covers, may
from policies.kit import KEY, is_log_bucket, own_key, policy_text
from policies.plan import Plan, Resource, anyone, conditions, statements

_GIVEN = ("null", "s3:x-amz-server-side-encryption-aws-kms-key-id")  # without a key the default holds


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    wanted = ("stringnotequals", "s3:x-amz-server-side-encryption-aws-kms-key-id")
    for statement in statements(policy.values.get("policy"), "Deny"):
        held = conditions(statement)
        keys = held.get(wanted, [])
        rest = {key: values for key, values in held.items() if key != wanted}
        every = covers(statement, f"arn:aws:s3:::{policy.values.get('bucket')}/any/key")
        own = keys and all(own_key(key, plan) for key in keys)
        if (
            anyone(statement)
            and every
            and own
            and may(statement, ["s3:putobject"])
            and rest in ({}, {_GIVEN: ["false"]})
        ):
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
                        "Resource": "arn:aws:s3:::b/*",
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
        "an attacker's key": each_statement(
            lambda s: s["Condition"].update(
                StringNotEquals={
                    "s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu-west-1:999999999999:key/x"
                }
            ),
            lambda s: "kms-key-id" in str(s),
        ),
        "one folder": each_statement(
            lambda s: s.update(Resource="arn:aws:s3:::b/x/*"), lambda s: "kms-key-id" in str(s)
        ),
        "another action": each_statement(
            lambda s: s.update(Action="s3:PutObjectAcl"), lambda s: "kms-key-id" in str(s)
        ),
    },
)
