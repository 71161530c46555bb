"""The way a workload's calls take: out of its VPC through the endpoint of the service, if the VPC has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam.document import Policy, read_policy
from rehearsal.aws.iam.memory import remembered

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
OUTSIDE: Context = {"aws:SourceIp": "198.51.100.1"}
"""The way of a caller outside every VPC: a documentation address (RFC 5737)."""

_last: dict[tuple[str, str], str] = {}
"""The VPC in which a workload was last seen: an endpoint writes what it has captured after it is deleted."""


def way(service: str, role_arn: str, scope: Scope, source: str = "") -> tuple[Context, Policy | None]:
    """Return the condition keys of the way a role's workload calls a service, and the endpoint's policy.

    The VPC is that of the function, training job or endpoint ``source``, for which the role was assumed; where that
    is not known, of any of them with this role. Without one the call comes from outside, as a state machine's, a
    person's and the pipeline's do; without an endpoint too.
    """
    vpc = _vpc(role_arn, source, scope) if role_arn else None
    return _through(service, vpc, scope) if vpc else (OUTSIDE, None)


@remembered
def _through(service: str, vpc: str, scope: Scope) -> tuple[Context, Policy | None]:
    endpoint = _endpoint(service, vpc, scope)
    if endpoint is None:
        return OUTSIDE, None
    context: Context = {"aws:SourceVpc": vpc, "aws:SourceVpce": endpoint.id, "aws:VpceAccount": scope.account}
    document = endpoint.policy_document
    return context, read_policy("endpoint", endpoint.id, document) if document else None


def _endpoint(service: str, vpc: str, scope: Scope) -> Any:
    from moto.ec2.models import ec2_backends

    name = f"com.amazonaws.{scope.region}.{_ENDPOINTS.get(service, service)}"
    endpoints = ec2_backends[scope.account][scope.region].vpc_end_points.values()
    return next((e for e in endpoints if e.vpc_id == vpc and e.service_name == name and e.state != "deleted"), None)


@remembered
def _vpc(role_arn: str, source: str, scope: Scope) -> str | None:
    from moto.ec2.models import ec2_backends

    homes = (_home(source, scope) if source else []) or _homes(role_arn, scope)
    if not homes:
        return _last.get((role_arn, source))
    wanted = {subnet for home in homes for subnet in home}
    zones = ec2_backends[scope.account][scope.region].subnets.values()
    found = next((str(subnet.vpc_id) for zone in zones for subnet in zone.values() if subnet.id in wanted), None)
    if found:
        _last[role_arn, source] = found
    else:
        _last.pop((role_arn, source), None)
    return found


def _home(source: str, scope: Scope) -> list[list[str]]:
    """Return the subnets of one function, training job or endpoint (of both its deployments); [] when it is gone."""
    from moto.awslambda.models import lambda_backends
    from moto.sagemaker.models import sagemaker_backends

    if ":function:" in source:
        functions = list(lambda_backends[scope.account][scope.region].list_functions())
        name = source.split(":")[6]
        return [list((f.vpc_config or {}).get("SubnetIds", [])) for f in functions if f.function_name == name]
    sagemaker: Any = sagemaker_backends[scope.account][scope.region]
    jobs = [vpc for arn, _, vpc in _jobs(sagemaker) if arn == source]
    for record in list(sagemaker.endpoints.values()):
        if record.arn.lower() == source.lower():
            jobs += [variant.vpc for part in (record.live, record.pending) if part for variant in part.variants]
    return [list(vpc.get("Subnets", [])) for vpc in jobs]


def _homes(role_arn: str, scope: Scope) -> list[list[str]]:
    """Return the subnets of each function, model and job with this role."""
    from moto.awslambda.models import lambda_backends
    from moto.sagemaker.models import sagemaker_backends

    sagemaker: Any = sagemaker_backends[scope.account][scope.region]
    requests = [model.request for model in list(sagemaker._models.values())]
    homes = [(one.get("ExecutionRoleArn"), one.get("VpcConfig") or {}) for one in requests]
    homes += [(role, vpc) for _, role, vpc in _jobs(sagemaker)]
    found = [list(vpc.get("Subnets", [])) for role, vpc in homes if role == role_arn]
    for function in list(lambda_backends[scope.account][scope.region].list_functions()):
        if function.role == role_arn:
            found.append(list((function.vpc_config or {}).get("SubnetIds", [])))
    return found


def _jobs(sagemaker: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return ARN, role and VpcConfig of every training, processing and transform job; these are in their model's."""
    trained = [(job.arn, job.role_arn, job.request.get("VpcConfig")) for job in list(sagemaker.training_jobs.values())]
    processed = [
        (job.arn, job.role_arn, (job.request.get("NetworkConfig") or {}).get("VpcConfig"))
        for job in list(sagemaker.processing_jobs.values())
    ]
    models = {name: model.request.get("VpcConfig") for name, model in list(sagemaker._models.items())}
    transformed = [
        (job.arn, job.role_arn, models.get(job.request["ModelName"])) for job in list(sagemaker.transform_jobs.values())
    ]
    return [(arn, role, vpc or {}) for arn, role, vpc in (*trained, *processed, *transformed)]
