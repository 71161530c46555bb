"""The way a workload's calls take: out of its VPC through the endpoint of the service, if the VPC has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam.document import Policy, read_policy

if TYPE_CHECKING:
    from rehearsal.aws.iam.context_keys import Context
    from rehearsal.aws.iam.resources import Scope

_ENDPOINTS = {
    "cloudwatch": "monitoring",
    "ecr": "ecr.api",
    "sagemaker": "sagemaker.api",
    "sagemaker-runtime": "sagemaker.runtime",
    "stepfunctions": "states",
}
_FAR_ADDRESS = "198.51.100.1"
"""Documentation address (RFC 5737) for callers outside every VPC."""


def way(service: str, role_arn: str, scope: Scope) -> tuple[Context, Policy | None]:
    """Return the condition keys of the way a role's workload calls a service, and the endpoint's policy.

    The VPC is that of a function, model or training job with this role. Without one the call comes from outside, as a
    state machine's does; without an endpoint too.
    """
    vpc = _vpc(role_arn, scope)
    endpoint = _endpoint(service, vpc, scope) if vpc else None
    if vpc is None or endpoint is None:
        return {"aws:SourceIp": _FAR_ADDRESS}, None
    context: Context = {"aws:SourceVpc": vpc, "aws:SourceVpce": endpoint.id, "aws:VpceAccount": scope.account}
    document = endpoint.policy_document
    return context, read_policy("endpoint", endpoint.id, document) if document else None


def _endpoint(service: str, vpc: str, scope: Scope) -> Any:
    from moto.ec2.models import ec2_backends

    name = f"com.amazonaws.{scope.region}.{_ENDPOINTS.get(service, service)}"
    endpoints = ec2_backends[scope.account][scope.region].vpc_end_points.values()
    return next((e for e in endpoints if e.vpc_id == vpc and e.service_name == name and e.state != "deleted"), None)


def _vpc(role_arn: str, scope: Scope) -> str | None:
    from moto.ec2.models import ec2_backends

    wanted = set(_subnets(role_arn, scope))
    zones = ec2_backends[scope.account][scope.region].subnets.values()
    return next((str(subnet.vpc_id) for zone in zones for subnet in zone.values() if subnet.id in wanted), None)


def _subnets(role_arn: str, scope: Scope) -> list[str]:
    from moto.awslambda.models import lambda_backends
    from moto.sagemaker.models import sagemaker_backends

    sagemaker = sagemaker_backends[scope.account][scope.region]
    requests = [model.request for model in sagemaker._models.values()]
    requests += [job.request for job in sagemaker.training_jobs.values()]
    found = [
        subnet
        for request in requests
        if role_arn in (request.get("ExecutionRoleArn"), request.get("RoleArn"))
        for subnet in (request.get("VpcConfig") or {}).get("Subnets", [])
    ]
    for function in lambda_backends[scope.account][scope.region].list_functions():
        if function.role == role_arn:
            found += (function.vpc_config or {}).get("SubnetIds", [])
    return found
