"""Identity: roles that are somebody else's, and the known ways from few rights to many.

The ways: https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/, and on the boundary
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.prove.forbidden.attempt import Attempt
from rehearsal.prove.forbidden.world import STRANGER, World

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
USER = "rehearsal-operator"
_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
_ANYBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
    }
)
Call = tuple[str, str, Mapping[str, Any]]


def other_roles(world: World) -> Iterator[Attempt]:
    """Taking on the role of somebody else, here or in another account."""
    targets = [world.role_arn(kind) for kind in ("deploy", "plan", "operator", "approver", "training")]
    targets += [world.neighbour.role, f"arn:aws:iam::{STRANGER}:role/administrator"]
    for role in world.roles:
        for target in targets:
            yield Attempt("other role", role, "sts", "AssumeRole", {"RoleArn": target, "RoleSessionName": "forbidden"})


def escalation(world: World) -> Iterator[Attempt]:
    """Every known way from few rights to many, by every role; the pipeline's own rights end at itself."""
    for role in world.roles:
        pipeline = world.kind(role) == "deploy"
        for service, operation, parameters in [*_on_itself(world, role), *([] if pipeline else _on_others(world))]:
            yield Attempt("escalation", role, service, operation, parameters)


def handed_over_roles(world: World) -> Iterator[Attempt]:
    """iam:PassRole: a service that is given a role which its giver may not hand on."""
    mine = f"slipway-rehearsal-{world.workload}-forbidden"
    for role in world.of("deploy"):
        for service, operation, parameters in (
            ("lambda", "CreateFunction", function(mine, world.neighbour.role)),
            ("lambda", "UpdateFunctionConfiguration", _another_role(world)),
            ("stepfunctions", "CreateStateMachine", _machine(mine, world.neighbour.role)),
            ("sagemaker", "CreateModel", _model(mine, world)),
        ):
            yield Attempt("handed-over role", role, service, operation, parameters)
    for role in world.but("deploy"):
        given = world.role_arn("deploy")
        for service, operation, parameters in (
            ("lambda", "CreateFunction", function(mine, given)),
            ("stepfunctions", "CreateStateMachine", _machine(mine, given)),
            ("scheduler", "CreateSchedule", _schedule(mine, given, world)),
            (
                "events",
                "PutTargets",
                {"Rule": mine, "Targets": [_target(given, world)]},
            ),
        ):
            yield Attempt("handed-over role", role, service, operation, parameters)


def _on_itself(world: World, role: str) -> Iterator[Call]:
    yield "iam", "AttachRolePolicy", {"RoleName": role, "PolicyArn": ADMINISTRATOR}
    yield "iam", "PutRolePolicy", {"RoleName": role, "PolicyName": "all", "PolicyDocument": _ALL}
    yield "iam", "UpdateAssumeRolePolicy", {"RoleName": role, "PolicyDocument": _ANYBODY}
    yield "iam", "DeleteRolePermissionsBoundary", {"RoleName": role}
    yield "iam", "PutRolePermissionsBoundary", {"RoleName": role, "PermissionsBoundary": ADMINISTRATOR}
    yield "iam", "CreatePolicyVersion", {"PolicyArn": world.boundary, "PolicyDocument": _ALL, "SetAsDefault": True}
    yield "iam", "SetDefaultPolicyVersion", {"PolicyArn": world.boundary, "VersionId": "v1"}
    yield "iam", "CreateAccessKey", {"UserName": USER}
    yield "iam", "CreateLoginProfile", {"UserName": USER, "Password": "forbidden-Forbidden-1"}
    yield "iam", "UpdateLoginProfile", {"UserName": USER, "Password": "forbidden-Forbidden-1"}
    yield "iam", "AttachUserPolicy", {"UserName": USER, "PolicyArn": ADMINISTRATOR}
    yield "iam", "PutUserPolicy", {"UserName": USER, "PolicyName": "all", "PolicyDocument": _ALL}
    yield "iam", "AttachGroupPolicy", {"GroupName": "people", "PolicyArn": ADMINISTRATOR}
    yield "iam", "PutGroupPolicy", {"GroupName": "people", "PolicyName": "all", "PolicyDocument": _ALL}
    yield "iam", "AddUserToGroup", {"GroupName": "people", "UserName": USER}
    yield "iam", "CreateUser", {"UserName": "forbidden"}
    # Without the boundary, which the pipeline's own right to make roles depends on.
    yield "iam", "CreateRole", {"RoleName": "slipway-rehearsal-forbidden", "AssumeRolePolicyDocument": _ANYBODY}
    yield "ec2", "RunInstances", {"ImageId": "ami-00000000", "MinCount": 1, "MaxCount": 1}


def _on_others(world: World) -> Iterator[Call]:
    function_name = world.functions[0]
    yield "lambda", "UpdateFunctionCode", {"FunctionName": function_name, "ZipFile": b"PK"}
    yield (
        "lambda",
        "AddPermission",
        {"FunctionName": function_name, "StatementId": "all", "Action": "lambda:InvokeFunction", "Principal": "*"},
    )
    source = world.arn("sqs", world.queues[0])
    yield "lambda", "CreateEventSourceMapping", {"FunctionName": function_name, "EventSourceArn": source}
    notebook = {"NotebookInstanceName": "forbidden", "InstanceType": "ml.t3.medium"}
    yield "sagemaker", "CreateNotebookInstance", {**notebook, "RoleArn": world.role_arn("deploy")}
    yield "sagemaker", "CreatePresignedNotebookInstanceUrl", {"NotebookInstanceName": "forbidden"}
    yield "iam", "DeleteRolePolicy", {"RoleName": world.of("operator")[0], "PolicyName": "statements"}


def function(name: str, role: str) -> dict[str, Any]:
    """A request for a function that runs with a role."""
    return {
        "FunctionName": name,
        "Role": role,
        "Runtime": "python3.11",
        "Handler": "handler.handle",
        "Code": {"ZipFile": b"PK"},
    }


def _another_role(world: World) -> dict[str, Any]:
    return {"FunctionName": world.functions[0], "Role": world.neighbour.role}


def _machine(name: str, role: str) -> dict[str, Any]:
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    return {"name": name, "roleArn": role, "definition": definition}


def _model(name: str, world: World) -> dict[str, Any]:
    return {
        "ModelName": name,
        "ExecutionRoleArn": world.neighbour.role,
        "PrimaryContainer": {"Image": f"{world.image}@sha256:{'0' * 64}"},
        "EnableNetworkIsolation": True,
        "VpcConfig": {"Subnets": list(world.subnets), "SecurityGroupIds": [world.security_group]},
    }


def _target(role: str, world: World) -> dict[str, Any]:
    return {"Id": "1", "Arn": world.topics[0], "RoleArn": role}


def _schedule(name: str, role: str, world: World) -> dict[str, Any]:
    target = {"Arn": world.machines[0], "RoleArn": role}
    return {
        "Name": name,
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
