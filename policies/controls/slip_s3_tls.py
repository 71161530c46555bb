"""A bucket refuses requests without TLS."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, without_statements
from policies.control import Control
from policies.iam import covers
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, anyone, conditions, statements


def check(policy: Resource, _: Plan) -> Iterator[str]:
    bucket = policy.values.get("bucket")
    for statement in statements(policy.values.get("policy"), "Deny"):
        plain = conditions(statement) == {("bool", "aws:securetransport"): ["false"]}
        whole = covers(statement, f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/any/key")
        if plain and anyone(statement) and whole and {"s3:*", "*"} & set(actions(statement)):
            return
    yield "requests without TLS are not denied"


CONTROL = Control(
    title="A bucket refuses requests without TLS",
    severity="medium",
    reason="Without it credentials' signatures and data cross the network readable.",
    remedy="Keep the statement DenyWithoutTls, for the bucket and its objects.",
    types=("aws_s3_bucket_policy",),
    sources=("S3.5",),
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
                        "Action": "s3:*",
                        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ),
            },
        )
    ],
    breaks={
        "none": without_statements(lambda s: "SecureTransport" in str(s)),
        "turned round": each_statement(
            lambda s: s["Condition"]["Bool"].update({"aws:SecureTransport": "true"}),
            lambda s: "SecureTransport" in str(s),
        ),
        "reading only": each_statement(
            lambda s: s.update(Action="s3:GetObject"), lambda s: "SecureTransport" in str(s)
        ),
        "objects only": each_statement(
            lambda s: s.update(Resource=[s["Resource"][-1], s["Resource"][-1]]), lambda s: "SecureTransport" in str(s)
        ),
        "another bucket": each_statement(
            lambda s: s.update(Resource=["arn:aws:s3:::x", "arn:aws:s3:::x/*"]), lambda s: "SecureTransport" in str(s)
        ),
        "and one thing more": each_statement(
            lambda s: s["Condition"].update(StringEquals={"aws:PrincipalAccount": "999999999999"}),
            lambda s: "SecureTransport" in str(s),
        ),
        "one role": each_statement(
            lambda s: s.update(Principal={"AWS": "arn:aws:iam::1:role/x"}), lambda s: "SecureTransport" in str(s)
        ),
    },
)
