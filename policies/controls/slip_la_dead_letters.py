"""A function's lost events are kept."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource


def check(function: Resource, plan: Plan) -> Iterator[str]:
    target = function.block("dead_letter_config").get("target_arn")
    if target not in {queue.values.get("arn") for queue in plan.of("aws_sqs_queue", "aws_sns_topic")}:
        yield f"dead_letter_config.target_arn {target} is no queue of this environment"


CONTROL = Control(
    title="A function's lost events are kept",
    severity="low",
    reason="An event that fails three times is gone, and with it what somebody sent.",
    remedy="Set dead_letter_config to the module's queue.",
    types=("aws_lambda_function",),
    sources=("LA-DLQ",),
    check=check,
    good=[
        ("aws_lambda_function", {"dead_letter_config": [{"target_arn": "arn:q"}]}),
        ("aws_sqs_queue", {"arn": "arn:q"}),
    ],
    breaks={
        "none": drop("dead_letter_config"),
        "elsewhere": put("dead_letter_config.0.target_arn", "arn:aws:sqs:eu-west-1:999999999999:q"),
    },
)
