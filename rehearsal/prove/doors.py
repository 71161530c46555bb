"""Endpoints of AWS services: which one an action goes through, and whether its policy lets it pass."""

from __future__ import annotations

from policies.plan import Plan, Resource
from rehearsal.aws.iam.document import read_policy
from rehearsal.aws.iam.evaluate import Policies, evaluate
from rehearsal.aws.iam.request import Request, principal
from rehearsal.prove.roles import Role

# The last part of an endpoint's service name, where it is not the prefix of the service's actions.
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
_NAMES = {"cloudwatch": "monitoring", "ecr": "ecr.api", "sagemaker": "sagemaker.api"}

_EVERYTHING = read_policy(
    "identity",
    "everything",
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}],
    },
)


def endpoint_service(action: str) -> str:
    """Return the service name of the endpoint that an action's calls take."""
    prefix, _, name = action.partition(":")
    if prefix == "sagemaker" and name.startswith("InvokeEndpoint"):
        return "sagemaker.runtime"
    return _NAMES.get(prefix, prefix)


def admits(endpoint: Resource, role: Role, action: str, resource: str, plan: Plan) -> bool:
    """Whether an endpoint's policy lets a role's call pass; wildcards are tried with a letter in their place.

    Raises PolicyEvaluationError for a policy that cannot be decided.
    """
    document = endpoint.values.get("policy")
    if not document:
        return True
    caller = principal(f"arn:aws:sts::{plan.account}:assumed-role/{role.name}/prove", role.arn)
    context = {
        "aws:PrincipalAccount": plan.account,
        "aws:PrincipalArn": role.arn,
        "aws:ResourceAccount": plan.account,
        "aws:SecureTransport": "true",
        "aws:SourceVpce": str(endpoint.values.get("id")),
    }
    asked = Request(caller, _one(action), resource if resource == "*" else _one(resource), context, plan.account)
    policy = read_policy("endpoint", str(endpoint.values.get("id")), document)
    return evaluate(asked, Policies(identity=(_EVERYTHING,), endpoint=policy)).allowed


def _one(pattern: str) -> str:
    return pattern.replace("*", "x").replace("?", "x")
