"""An instance hands its credentials to its own programs alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import Control
from policies.plan import Plan, Resource, first


def check(machine: Resource, _: Plan) -> Iterator[str]:
    options = first(machine.values.get("metadata_options"))
    if options.get("http_endpoint") != "disabled" and options.get("http_tokens") != "required":
        yield "its metadata service answers without a token (IMDSv1)"
    if options.get("http_put_response_hop_limit") != 1:
        yield "a token travels further than one hop, to containers"


CONTROL = Control(
    title="An instance hands its credentials to its own programs alone",
    severity="high",
    reason="By IMDSv1 a forged request is enough to read them; two hops away, whatever runs in a container reads them.",
    remedy="Set metadata_options: http_tokens required, http_put_response_hop_limit 1.",
    types=("aws_instance", "aws_launch_template"),
    sources=("EC2.8",),
    unused="Workbenches, the only instances, are off in the committed environments.",
    check=check,
    good=[
        (
            "aws_launch_template",
            {
                "metadata_options": [
                    {"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1}
                ]
            },
        )
    ],
    breaks={
        "without tokens": put("metadata_options.0.http_tokens", "optional"),
        "as AWS does by itself": drop("metadata_options"),
        "one hop more": put("metadata_options.0.http_put_response_hop_limit", 2),
    },
)
