"""A function has no address on the internet."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add
from policies.control import Control
from policies.plan import WHOLE, Plan, Resource

DOORS = (
    "aws_api_gateway_rest_api",
    "aws_apigatewayv2_api",
    "aws_lambda_function_url",
    "aws_lb",
    "aws_lb_listener",
    "aws_cloudfront_distribution",
    "aws_appsync_graphql_api",
    "aws_apprunner_service",
)


def check(_: Resource, plan: Plan) -> Iterator[str]:
    yield from (f"{found.address} is a door to the internet" for found in plan.of(*DOORS))


CONTROL = Control(
    title="A function has no address on the internet",
    severity="critical",
    reason="A function URL is public whatever the VPC looks like, and NONE asks nobody who they are.",
    remedy="Remove it; state machines invoke functions by their role.",
    types=(WHOLE,),
    sources=("Lambda.1", "LA-URL"),
    refuses=DOORS,
    check=check,
    good=[(WHOLE, {})],
    breaks={
        "a function's": add("aws_lambda_function_url", authorization_type="NONE"),
        "with a signature": add("aws_lambda_function_url", authorization_type="AWS_IAM"),
        "a gateway": add("aws_apigatewayv2_api", protocol_type="HTTP"),
    },
)
