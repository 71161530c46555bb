"""A topic is open to this account alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import ACCOUNT, Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, conditions, services, statements


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(policy.values.get("policy"), "Allow"):
        scoped = any(plan.account in str(values) for values in conditions(statement).values())
        named = not services(statement) and plan.account in str(statement.get("Principal"))
        if not scoped and not named:
            yield f"{statement.get('Sid')} lets in {statement.get('Principal')}"


CONTROL = Control(
    title="A topic is open to this account alone",
    severity="high",
    reason="A public topic can be listened to, and be fed with false alarms.",
    remedy="Condition services on aws:SourceAccount, and name principals of this account.",
    types=("aws_sns_topic_policy",),
    sources=("SNS.4",),
    check=check,
    good=[
        (
            "aws_sns_topic_policy",
            {
                "policy": policy_text(
                    {
                        "Effect": "Allow",
                        "Action": "sns:Publish",
                        "Resource": "arn:t",
                        "Principal": {"Service": "cloudwatch.amazonaws.com"},
                        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
                    }
                )
            },
        )
    ],
    breaks={
        "public": grant("sns:Subscribe", "arn:t", Principal="*"),
        "service": grant("sns:Publish", "arn:t", Principal={"Service": "s3.amazonaws.com"}),
        "account": grant("sns:Publish", "arn:t", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    },
)
