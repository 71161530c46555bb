"""A small environment for the tests of the evidence: one of everything that a workload has."""

from __future__ import annotations

import json
from typing import Any

from policies.plan import Plan, Resource

ACCOUNT, REGION = "123456789012", "eu-west-1"
NAME = "slipway-rehearsal"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/slipway-boundary"
DATA, MODELS = f"{NAME}-{ACCOUNT}-data", f"{NAME}-{ACCOUNT}-models"


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


KEYS = {name: arn("kms", f"key/{name}-key") for name in ("data", "logs", "messages", "model", "state")}


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(sid: str, actions: list[str], *resources: str, **condition: Any) -> dict[str, Any]:
    found = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": list(resources)}
    return found | ({"Condition": condition} if condition else {})


def trust(service: str) -> str:
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    principal = {"Service": service}
    return text({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, "Condition": condition})


def role(name: str, service: str, *statements: dict[str, Any], boundary: str = BOUNDARY) -> list[Resource]:
    values = {
        "name": name,
        "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "description": f"The role of {name}",
        "assume_role_policy": trust(service),
        "permissions_boundary": boundary,
    }
    policy = {"name": "statements", "role": name, "policy": text(*statements)}
    return [
        Resource(f"module.{name}.aws_iam_role.this", "aws_iam_role", values),
        Resource(f"module.{name}.aws_iam_role_policy.this", "aws_iam_role_policy", policy),
    ]


READ = allow("ReadImages", ["s3:GetObject"], f"arn:aws:s3:::{DATA}/vehicles/incoming/*")
ASK = allow("AskModel", ["sagemaker:InvokeEndpoint"], arn("sagemaker", f"endpoint/{NAME}-vehicles"))
LOGS = allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], arn("logs", "log-group:/aws/lambda/x:*"))


def environment(*more: Resource) -> Plan:
    """The rehearsal environment in small."""
    made = [
        *role(f"{NAME}-vehicles-classify-image", "lambda.amazonaws.com", READ, ASK, LOGS),
        *role(f"{NAME}-vehicles-training", "sagemaker.amazonaws.com", READ),
        *role(f"{NAME}-vehicles-endpoint", "sagemaker.amazonaws.com", READ),
        *role(f"{NAME}-vehicles-retrain", "states.amazonaws.com", READ),
        *role(f"{NAME}-operator", "sagemaker.amazonaws.com", READ),
        *role(f"{NAME}-approver", "sagemaker.amazonaws.com", READ),
        *_network(),
        *_workload(),
    ]
    return Plan("rehearsal", ACCOUNT, REGION, [*made, *more])


def account() -> Plan:
    """The account around it in small."""
    ceiling = {"arn": BOUNDARY, "name": "slipway-boundary", "policy": text(allow("Ceiling", ["s3:*", "logs:*"], "*"))}
    made = [
        *role("slipway-deploy", "sagemaker.amazonaws.com", allow("Make", ["lambda:Create*"], "*"), boundary=""),
        *role("slipway-plan", "sagemaker.amazonaws.com", allow("Look", ["s3:Get*"], "*"), boundary=""),
        Resource("module.boundary.aws_iam_policy.this", "aws_iam_policy", ceiling),
        *_bucket(f"slipway-{ACCOUNT}-state"),
        *_key("state", "slipway-state"),
    ]
    return Plan("bootstrap", ACCOUNT, REGION, made)


def _network() -> list[Resource]:
    rules = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}
    out, into = "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule"
    pass_all = text({**allow("Own", ["*"], "*"), "Principal": "*"})
    interface = {"vpc_id": "vpc-1", "vpc_endpoint_type": "Interface", "private_dns_enabled": True, "policy": pass_all}
    gateway = {"vpc_id": "vpc-1", "vpc_endpoint_type": "Gateway", "policy": pass_all}
    return [
        Resource("aws_vpc.this", "aws_vpc", {"id": "vpc-1", "default_route_table_id": "rtb-0"}),
        Resource("aws_subnet.a", "aws_subnet", {"id": "subnet-1", "vpc_id": "vpc-1", "tags": {"Name": "private a"}}),
        Resource("aws_route_table.private", "aws_route_table", {"id": "rtb-1", "route": []}),
        Resource("aws_rta.a", "aws_route_table_association", {"subnet_id": "subnet-1", "route_table_id": "rtb-1"}),
        Resource("aws_security_group.doors", "aws_security_group", {"id": "sg-doors", "name": f"{NAME}-endpoints"}),
        Resource("aws_security_group.own", "aws_security_group", {"id": "sg-own", "name": f"{NAME}-training"}),
        Resource(
            "rule.doors", out, {**rules, "security_group_id": "sg-own", "referenced_security_group_id": "sg-doors"}
        ),
        Resource("rule.s3", out, {**rules, "security_group_id": "sg-own", "prefix_list_id": "pl-s3"}),
        Resource("rule.in", into, {**rules, "security_group_id": "sg-doors", "referenced_security_group_id": "sg-own"}),
        Resource(
            "aws_vpc_endpoint.runtime",
            "aws_vpc_endpoint",
            {
                **interface,
                "id": "vpce-1",
                "service_name": f"com.amazonaws.{REGION}.sagemaker.runtime",
                "security_group_ids": ["sg-doors"],
            },
        ),
        Resource(
            "aws_vpc_endpoint.s3",
            "aws_vpc_endpoint",
            {
                **gateway,
                "id": "vpce-2",
                "service_name": f"com.amazonaws.{REGION}.s3",
                "prefix_list_id": "pl-s3",
                "route_table_ids": ["rtb-1"],
            },
        ),
    ]


def _workload() -> list[Resource]:
    name = f"{NAME}-vehicles-classify-image"
    function = {
        "function_name": name,
        "role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "vpc_config": [{"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-own"]}],
    }
    group = {"model_package_group_name": f"{NAME}-vehicles"}
    machines = [f"{NAME}-vehicles-classify", f"{NAME}-vehicles-retrain"]
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    return [
        Resource("module.function.aws_lambda_function.this", "aws_lambda_function", function),
        *[_machine(machine, definition) for machine in machines],
        Resource("aws_sns_topic.alerts", "aws_sns_topic", {"arn": arn("sns", f"{NAME}-alerts"), "name": "alerts"}),
        Resource("aws_sqs_queue.dlq", "aws_sqs_queue", {"name": f"{name}-dlq", "policy": ""}),
        Resource("aws_ecr_repository.t", "aws_ecr_repository", {"name": f"{NAME}-vehicles/training"}),
        Resource("aws_cloudwatch_log_group.f", "aws_cloudwatch_log_group", {"name": "/aws/lambda/x"}),
        Resource("aws_cloudwatch_metric_alarm.a", "aws_cloudwatch_metric_alarm", {"alarm_name": f"{NAME}-errors"}),
        Resource("group", "aws_sagemaker_model_package_group", group),
        *[one for bucket in (DATA, MODELS, f"{NAME}-{ACCOUNT}-logs") for one in _bucket(bucket)],
        *[one for key in ("data", "logs", "messages", "model") for one in _key(key, f"{NAME}-{key}")],
    ]


def _machine(name: str, definition: str) -> Resource:
    values = {"arn": arn("states", f"stateMachine:{name}"), "name": name, "definition": definition}
    return Resource(f"module.{name}.aws_sfn_state_machine.this", "aws_sfn_state_machine", values)


def _bucket(name: str) -> list[Resource]:
    deny = {"Sid": "DenyWithoutTls", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": "*"}
    policy = text({**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    return [
        Resource(f"bucket.{name}", "aws_s3_bucket", {"bucket": name, "arn": f"arn:aws:s3:::{name}"}),
        Resource(f"policy.{name}", "aws_s3_bucket_policy", {"bucket": name, "policy": policy}),
    ]


def _key(purpose: str, alias: str) -> list[Resource]:
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    policy = text({**allow("Use", ["kms:Decrypt"], "*"), "Principal": root})
    values = {"arn": KEYS[purpose], "key_id": f"{purpose}-key", "policy": policy}
    return [
        Resource(f"key.{purpose}", "aws_kms_key", values),
        Resource(f"alias.{purpose}", "aws_kms_alias", {"name": f"alias/{alias}", "target_key_id": f"{purpose}-key"}),
    ]
