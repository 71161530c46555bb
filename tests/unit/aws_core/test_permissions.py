"""What services may do with a role, where policies are enforced: and what happens when they may not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from enforced import (
    ACCOUNT,
    LOGS,
    NETWORK,
    arn,
    awaited,
    aws,
    client,
    denials,
    make,
    policy,
    queue,
    refused,
    role_for,
    root,
    streams,
)

from tests.unit.aws_core.conftest import package

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["aws", "client", "denials", "role_for", "root"]


def test_lambda_must_be_trusted(client: Callable[[str], Any], role_for: Callable[..., str], name: str) -> None:
    for trusted in (role_for("sagemaker", LOGS), role_for("lambda", LOGS, source=arn("lambda", "function:other"))):
        code, message = refused(make, client=client, name=name, role=trusted)
        assert code == "InvalidParameterValueException"
        assert message == "The role defined for the function cannot be assumed by Lambda."
    make(client, name, role_for("lambda", LOGS, source=arn("lambda", f"function:{name}")))
    assert client("lambda").invoke(FunctionName=name, Payload=b"1")["Payload"].read() == b"1"


def test_logs_are_written_with_the_role(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str, root: Path
) -> None:
    role = role_for("lambda", LOGS)
    make(client, name, role)
    client("lambda").invoke(FunctionName=name, Payload=b"1")
    assert streams(client, f"/aws/lambda/{name}")
    uses = [json.loads(line) for line in (root / "uses.jsonl").read_text().splitlines()]
    mine = {(use["action"], use["via"]) for use in uses if use["role"] == role}
    assert {("logs:CreateLogGroup", "service"), ("logs:PutLogEvents", "service")} <= mine


def test_without_the_right_to_log_a_function_runs_and_logs_nothing(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str, denials: Callable[[], list[dict[str, Any]]]
) -> None:
    make(client, name, role_for("lambda"))
    assert client("lambda").invoke(FunctionName=name, Payload=b"1")["Payload"].read() == b"1"
    assert not streams(client, f"/aws/lambda/{name}")
    assert [(line["action"], line["via"]) for line in denials()] == [("logs:CreateLogGroup", "service")]


def test_a_function_in_a_vpc_needs_its_interfaces(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    vpc = {"SubnetIds": [subnet], "SecurityGroupIds": []}
    code, message = refused(make, client=client, name=name, role=role_for("lambda", LOGS), VpcConfig=vpc)
    assert code == "InvalidParameterValueException"
    assert message.startswith("The provided execution role does not have permissions to call CreateNetworkInterface")
    make(client, name, role_for("lambda", LOGS, NETWORK), VpcConfig=vpc)


def test_lambda_is_not_the_function_s_code_when_it_makes_interfaces(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    own = {"ArnEquals": {"lambda:SourceFunctionArn": arn("lambda", f"function:{name}")}}
    denied = {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": own}
    ask = "import boto3\ndef handle(event, context):\n    boto3.client('ec2').describe_subnets()\n"
    make(client, name, role_for("lambda", LOGS, NETWORK, denied), VpcConfig={"SubnetIds": [subnet]})
    client("lambda").update_function_code(FunctionName=name, ZipFile=package(ask))
    answer = client("lambda").invoke(FunctionName=name, Payload=b"1")
    assert b"explicit deny" in answer["Payload"].read()


def test_dead_letters_need_the_role(client: Callable[[str], Any], role_for: Callable[..., str], name: str) -> None:
    _, dead = queue(client, f"{name}-dlq")
    config = {"TargetArn": dead}
    code, message = refused(make, client=client, name=name, role=role_for("lambda", LOGS), DeadLetterConfig=config)
    assert code == "InvalidParameterValueException"
    assert "permissions to call SendMessage on SQS" in message
    make(client, name, role_for("lambda", {"Action": "sqs:SendMessage", "Resource": dead}), DeadLetterConfig=config)


def test_polling_needs_the_role(client: Callable[[str], Any], role_for: Callable[..., str], name: str) -> None:
    _, source = queue(client, name)
    make(client, name, role_for("lambda", LOGS))
    call = client("lambda").create_event_source_mapping
    code, message = refused(call, FunctionName=name, EventSourceArn=source)
    assert (code, "ReceiveMessage on SQS" in message) == ("InvalidParameterValueException", True)


def test_an_execution_needs_the_key_of_its_state_machine(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    machine = arn("states", f"stateMachine:{name}")
    own = {"StringEquals": {"kms:EncryptionContext:aws:states:stateMachineArn": machine}}
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    use = {"Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key, "Condition": own}
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    client("stepfunctions").create_state_machine(
        name=name,
        definition=definition,
        roleArn=role_for("states", source=machine),
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key},
    )

    def ends() -> Any:
        run = client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
        describe = client("stepfunctions").describe_execution
        return awaited(lambda: (found := describe(executionArn=run))["status"] != "RUNNING" and found)

    failed = ends()
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Permissions")
    client("stepfunctions").update_state_machine(
        stateMachineArn=machine, roleArn=role_for("states", use, source=machine)
    )
    assert ends()["status"] == "SUCCEEDED"


def test_a_state_machine_needs_trust_logs_and_the_managed_rule(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    group = client("logs")
    group.create_log_group(logGroupName=f"/aws/vendedlogs/{name}")
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": arn("logs", f"log-group:/aws/vendedlogs/{name}:*")}}
    job = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": {}}
    simple = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    waits = json.dumps({"StartAt": "A", "States": {"A": {**job, "End": True}}})
    rule = {"Action": ["events:PutRule", "events:PutTargets", "events:DescribeRule"], "Resource": "*"}
    logs = {"Action": ["logs:*LogDelivery", "logs:ListLogDeliveries", "logs:Describe*", "logs:Put*"], "Resource": "*"}
    machine = arn("states", f"stateMachine:{name}")
    elsewhere = role_for("states", rule, logs, source=arn("states", "stateMachine:other"))
    logging = {"level": "ALL", "includeExecutionData": False, "destinations": [destination]}
    create = client("stepfunctions").create_state_machine
    for role, definition, more in (
        (elsewhere, simple, {}),
        (role_for("states", logs, source=machine), waits, {}),
        (role_for("states", rule, source=machine), simple, {"loggingConfiguration": logging}),
    ):
        assert refused(create, name=name, definition=definition, roleArn=role, **more)[0] == "AccessDeniedException"
    role = role_for("states", rule, logs, source=machine)
    create(name=name, definition=waits, roleArn=role, loggingConfiguration=logging)


def test_a_log_group_s_key_lets_logs_in(client: Callable[[str], Any], name: str) -> None:
    mine = {"Sid": "Mine", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    key = client("kms").create_key(Policy=policy(mine))["KeyMetadata"]
    call = client("logs").create_log_group
    assert refused(call, logGroupName=name, kmsKeyId=key["Arn"])[0] == "InvalidParameterException"
    logs = {
        "Sid": "Logs",
        "Effect": "Allow",
        "Principal": {"Service": "logs.eu-west-1.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn("logs", "log-group:*")}},
    }
    client("kms").put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy(mine, logs))
    call(logGroupName=name, kmsKeyId=key["Arn"])


def test_flow_logs_show_whether_their_role_lets_them_write(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    vpc = client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    for number, (statements, status) in enumerate(
        [((), "FAILED"), (({"Action": "logs:*", "Resource": "*"},), "SUCCESS")]
    ):
        group = f"{name}-{number}"
        client("logs").create_log_group(logGroupName=group)
        made = client("ec2").create_flow_logs(
            ResourceIds=[vpc],
            ResourceType="VPC",
            TrafficType="ALL",
            LogGroupName=group,
            DeliverLogsPermissionArn=role_for("vpc-flow-logs", *statements),
        )["FlowLogIds"]
        client("cloudwatch").list_metrics()

        def settled(made: list[str] = made, group: str = group) -> Any:
            found = client("ec2").describe_flow_logs(FlowLogIds=made)["FlowLogs"][0]
            return (
                found["DeliverLogsStatus"] if found["DeliverLogsStatus"] == "FAILED" or streams(client, group) else ""
            )

        assert awaited(settled) == status
