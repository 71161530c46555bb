"""What runs in the environment's network: functions, jobs and endpoints, each with its subnets, groups and role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies.asl import job_requests
from policies.plan import Plan, listed

FUNCTION, JOB, ENDPOINT = "function", "job", "endpoint"


@dataclass(frozen=True)
class Component:
    """One workload.

    Parameters
    ----------
    isolated
        Whether SageMaker runs its container without any network of its own.
    messages
        Queues and topics that AWS, and not its code, sends to on its behalf.
    """

    kind: str
    name: str
    address: str
    role: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    isolated: bool = False
    messages: tuple[str, ...] = ()


def components(plan: Plan) -> list[Component]:
    """Every workload of a plan."""
    return [*_functions(plan), *_jobs(plan), *_endpoints(plan)]


def _functions(plan: Plan) -> Iterator[Component]:
    for resource in plan.of("aws_lambda_function"):
        values, vpc = resource.values, resource.block("vpc_config")
        letters = [resource.block("dead_letter_config").get("target_arn")]
        for config in plan.where("aws_lambda_function_event_invoke_config", function_name=values["function_name"]):
            for target in listed(config.block("destination_config").get("on_failure")):
                letters.append(target.get("destination"))
        yield Component(
            FUNCTION,
            values["function_name"],
            resource.address,
            _name(values["role"]),
            tuple(listed(vpc.get("subnet_ids"))),
            tuple(listed(vpc.get("security_group_ids"))),
            messages=tuple(sorted({letter for letter in letters if letter})),
        )


def _jobs(plan: Plan) -> Iterator[Component]:
    for machine in plan.of("aws_sfn_state_machine"):
        for state, request in job_requests(machine):
            vpc: Mapping[str, Any] = request.get("VpcConfig") or {}
            yield Component(
                JOB,
                f"{machine.values['name']}, {state}",
                machine.address,
                _name(request.get("RoleArn") or request.get("ExecutionRoleArn")),
                tuple(listed(vpc.get("Subnets"))),
                tuple(listed(vpc.get("SecurityGroupIds"))),
                isolated=request.get("EnableNetworkIsolation") is True,
            )


def _endpoints(plan: Plan) -> Iterator[Component]:
    for resource in plan.of("aws_sagemaker_model"):
        values, vpc = resource.values, resource.block("vpc_config")
        yield Component(
            ENDPOINT,
            values.get("name") or resource.address,
            resource.address,
            _name(values["execution_role_arn"]),
            tuple(listed(vpc.get("subnets"))),
            tuple(listed(vpc.get("security_group_ids"))),
            isolated=values.get("enable_network_isolation") is True,
        )


def _name(arn: Any) -> str:
    return str(arn or "").rsplit("/", 1)[-1]
