"""A topic refuses messages without TLS."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, elsewhere, remove
from policies.control import Control
from policies.iam import may
from policies.kit import policy_text, same
from policies.plan import Plan, Resource, anyone, conditions, statements


def check(topic: Resource, plan: Plan) -> Iterator[str]:
    for policy in plan.where("aws_sns_topic_policy", arn=topic.values.get("arn")):
        for statement in statements(policy.values.get("policy"), "Deny"):
            plain = conditions(statement) == {("bool", "aws:securetransport"): ["false"]}
            if plain and anyone(statement) and may(statement, ["sns:publish"]):
                return
    yield "messages without TLS are not denied"


CONTROL = Control(
    title="A topic refuses messages without TLS",
    severity="low",
    reason="Without it messages could cross the network readable.",
    remedy="Keep the statement DenyWithoutTls.",
    types=("aws_sns_topic",),
    sources=("MSG-TLS",),
    check=check,
    good=[
        ("aws_sns_topic", {"arn": "arn:t"}),
        (
            "aws_sns_topic_policy",
            {
                "arn": "arn:t",
                "policy": policy_text(
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": "arn:t",
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ),
            },
        ),
    ],
    breaks={
        "another action": elsewhere(
            "aws_sns_topic_policy",
            each_statement(lambda s: s.update(Action="sns:Subscribe"), lambda s: "SecureTransport" in str(s)),
            same("arn"),
        ),
        "none": remove("aws_sns_topic_policy", same("arn")),
        "turned round": elsewhere(
            "aws_sns_topic_policy",
            each_statement(
                lambda s: s["Condition"]["Bool"].update({"aws:SecureTransport": "true"}),
                lambda s: "SecureTransport" in str(s),
            ),
            same("arn"),
        ),
    },
)
