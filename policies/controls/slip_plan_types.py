"""Every kind of resource is one that the baseline has been taught."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.known_types import known_types
from policies.plan import WHOLE, Plan, Resource

READS_ANYTHING = ("external", "http")


def check(whole: Resource, plan: Plan) -> Iterator[str]:
    known = known_types()
    yield from (
        f"{found.address}: no control knows {found.type}" for found in plan.resources if found.type not in known
    )
    read = [kind for kind in whole.values.get("data") or [] if kind in READS_ANYTHING]
    yield from (f"data of {kind} run code or ask the internet while planning" for kind in read)


CONTROL = Control(
    title="Every kind of resource is one that the baseline has been taught",
    severity="high",
    reason="A control looks at the types it names; a bucket's replication or a function's URL would pass unseen.",
    remedy="Write a control for the type, or list it in policies/known_types.py with the reason why it needs none.",
    types=(WHOLE,),
    sources=("WA-LEAST",),
    check=check,
    good=[(WHOLE, {"data": ["aws_caller_identity"]})],
    breaks={
        "a way out of a bucket": add("aws_s3_bucket_replication_configuration", bucket="b"),
        "a door beside the bucket": add("aws_s3_access_point", bucket="b"),
        "a secret": add("aws_secretsmanager_secret", name="s"),
        "logs sent away": add("aws_cloudwatch_log_subscription_filter", destination_arn="arn:aws:logs:eu-west-1:9:x"),
        "code of the planner's": add("terraform_data", input="x"),
        "a program while planning": lambda whole, _: whole.values.update(data=["external"]),
    },
)
