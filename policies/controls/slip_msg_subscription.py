"""What a topic says goes to people by mail, or stays in the account."""

from __future__ import annotations

from collections.abc import Iterator

from policies.control import ACCOUNT, REGION, Break, Control
from policies.iam import account_of
from policies.plan import Plan, Resource

BY_MAIL = ("email", "email-json")


def check(subscription: Resource, plan: Plan) -> Iterator[str]:
    protocol, endpoint = subscription.values.get("protocol"), subscription.values.get("endpoint")
    if protocol not in BY_MAIL and account_of(endpoint) != plan.account:
        yield f"messages go to {endpoint} by {protocol}"


def _to(protocol: str, endpoint: str) -> Break:
    return lambda subscription, _: subscription.values.update(protocol=protocol, endpoint=endpoint)


CONTROL = Control(
    title="What a topic says goes to people by mail, or stays in the account",
    severity="medium",
    reason="A subscription at an address on the internet hands every message over to whoever runs it.",
    remedy="Subscribe a queue or function of this account; bridge to other tools from there.",
    types=("aws_sns_topic_subscription",),
    sources=("SNS.4",),
    check=check,
    good=[("aws_sns_topic_subscription", {"protocol": "sqs", "endpoint": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"})],
    breaks={
        "https": _to("https", "https://example.com/hook"),
        "another account": _to("sqs", f"arn:aws:sqs:{REGION}:999999999999:q"),
        "a telephone": _to("sms", "+15550100"),
    },
)
