"""A topic is open to this account alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant
from policies.control import ACCOUNT, Control
from policies.iam import outsiders
from policies.kit import policy_text
from policies.plan import Plan, Resource, statements


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    for statement in statements(policy.values.get("policy"), "Allow"):
        if found := outsiders(statement, plan):
            yield f"{statement.get('Sid')} lets in {', '.join(found)}"


CONTROL = Control(
    title="A topic is open to this account alone",
    severity="high",
    reason="A public topic can be listened to, and be fed with false alarms.",
    remedy="Condition services on aws:SourceAccount, and name principals of this account.",
    types=("aws_sns_topic_policy", "aws_sns_topic"),
    sources=("SNS.4",),
    applies=lambda topic, _: topic.type == "aws_sns_topic_policy" or bool(topic.values.get("policy")),
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
        "everybody but one account": grant(
            "sns:Publish", "arn:t", Principal="*", Condition={"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}
        ),
        "a topic that holds our number": grant(
            "sns:Publish",
            "arn:t",
            Principal={"Service": "s3.amazonaws.com"},
            Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:s3:eu-west-1:999999999999:{ACCOUNT}"}},
        ),
        "service": grant("sns:Publish", "arn:t", Principal={"Service": "s3.amazonaws.com"}),
        "account": grant("sns:Publish", "arn:t", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    },
)
