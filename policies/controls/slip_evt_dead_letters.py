"""Events that do not arrive are kept in a queue of ours."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import ACCOUNT, REGION, Control
from policies.kit import own_arn
from policies.plan import Plan, Resource


def check(target: Resource, plan: Plan) -> Iterator[str]:
    if not own_arn(target.block("dead_letter_config").get("arn"), plan, "sqs"):
        yield "dead_letter_config names no queue of this account"


CONTROL = Control(
    title="Events that do not arrive are kept in a queue of ours",
    severity="medium",
    reason="EventBridge drops what it cannot deliver: an upload that nobody was told of is lost.",
    remedy="Make rules for uploads with modules/trigger.",
    types=("aws_cloudwatch_event_target",),
    sources=("MSG-EVENTS",),
    check=check,
    good=[
        (
            "aws_cloudwatch_event_target",
            {"dead_letter_config": [{"arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:uploads-dlq"}]},
        )
    ],
    breaks={
        "none": put("dead_letter_config", []),
        "foreign": put("dead_letter_config.0.arn", "arn:aws:sqs:eu-west-1:999999999999:x"),
    },
)
