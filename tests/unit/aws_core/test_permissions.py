"""What services may do on behalf of a resource, where policies are enforced: and what happens when they may not."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from conftest import package

from rehearsal.aws.client import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("permissions")
ACCOUNT = "123456789012"
ECHO = "def handle(event, context):\n    print('seen')\n    return event\n"
LOGS = {"Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
NETWORK = {
    "Action": ["ec2:*NetworkInterface*", "ec2:DescribeSubnets", "ec2:*PrivateIpAddresses"],
    "Resource": "*",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("permissions")


@pytest.fixture(scope="module")
def aws(root: Path) -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start(root, speed=60.0, iam="enforce") as embedded:
        yield embedded


@pytest.fixture(scope="module")
def client(aws: EmbeddedAws) -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    return lambda service: made.setdefault(service, aws.client(service))


@pytest.fixture
def role_for(client: Callable[[str], Any], name: str) -> Callable[..., str]:
    def make(service: str, *statements: dict[str, Any], source: str | None = None) -> str:
        trusted: dict[str, Any] = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": f"{service}.amazonaws.com"},
        }
        equals = {"aws:SourceAccount": ACCOUNT, **({"aws:SourceArn": source} if source else {})}
        document = policy({**trusted, "Condition": {"StringEquals": equals}})
        iam, of = client("iam"), f"{name}-{uuid.uuid4().hex[:6]}"
        arn: str = iam.create_role(RoleName=of, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if statements:
            allowed = policy(*({"Effect": "Allow", **statement} for statement in statements))
            iam.put_role_policy(RoleName=of, PolicyName="inline", PolicyDocument=allowed)
        return arn

    return make


@pytest.fixture
def denials(root: Path) -> Callable[[], list[dict[str, Any]]]:
    """What has been refused since the test began."""
    path = root / "denials.jsonl"
    before = len(path.read_text().splitlines())
    return lambda: [json.loads(line) for line in path.read_text().splitlines()[before:]]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def awaited(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    return look()


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{rest}"


def make(client: Callable[[str], Any], name: str, role: str, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.11",
        Handler="handler.handle",
        Code={"ZipFile": package(ECHO)},
        **options,
    )
    return answer


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def streams(client: Callable[[str], Any], group: str) -> list[Any]:
    try:
        found: list[Any] = client("logs").describe_log_streams(logGroupName=group)["logStreams"]
    except ClientError:
        return []
    return found


def queue(client: Callable[[str], Any], name: str, **attributes: str) -> tuple[str, str]:
    url = client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, arn("sqs", name)


def let_in(client: Callable[[str], Any], url: str, service: str, source: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(statement)})


def received(client: Callable[[str], Any], url: str, seconds: int = 5) -> list[Any]:
    found: list[Any] = awaited(lambda: client("sqs").receive_message(QueueUrl=url).get("Messages"), seconds) or []
    return found


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


def test_a_topic_sends_where_it_is_let_in(client: Callable[[str], Any], name: str) -> None:
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    url, target = queue(client, name)
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target)
    client("sns").publish(TopicArn=topic, Message="lost")
    let_in(client, url, "sns", topic)
    client("sns").publish(TopicArn=topic, Message="kept")
    messages = [json.loads(found["Body"])["Message"] for found in received(client, url)]
    assert messages == ["kept"]


def test_an_alarm_rings_only_where_the_topic_and_its_key_let_it(
    client: Callable[[str], Any], name: str, denials: Callable[[], list[dict[str, Any]]]
) -> None:
    mine = {"Sid": "Mine", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    key = client("kms").create_key(Policy=policy(mine))["KeyMetadata"]["KeyId"]
    topic = client("sns").create_topic(Name=name, Attributes={"KmsMasterKeyId": key})["TopicArn"]
    url, target = queue(client, name)
    let_in(client, url, "sns", topic)
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target)
    rings = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(rings))
    client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="T",
        MetricName=name,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    ring = {"AlarmName": name, "StateReason": "test"}
    client("cloudwatch").set_alarm_state(**ring, StateValue="ALARM")
    refusal = awaited(denials)
    assert [(line["principal"], line["action"]) for line in refusal] == [
        ("cloudwatch.amazonaws.com", "kms:GenerateDataKey")
    ]
    uses = {
        **rings,
        "Sid": "Rings",
        "Principal": {"Service": ["cloudwatch.amazonaws.com", "sns.amazonaws.com"]},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
    }
    client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy(mine, uses))
    client("cloudwatch").set_alarm_state(**ring, StateValue="OK")
    client("cloudwatch").set_alarm_state(**ring, StateValue="ALARM")
    assert received(client, url)


def test_a_rule_reaches_a_function_that_names_it(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    function = make(client, name, role_for("lambda", LOGS))["FunctionArn"]
    rule = client("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    client("events").put_targets(Rule=name, Targets=[{"Id": "f", "Arn": function}])
    event = {"Source": name, "DetailType": "d", "Detail": "{}"}
    client("events").put_events(Entries=[event])
    time.sleep(0.5)
    assert not streams(client, f"/aws/lambda/{name}")
    client("lambda").add_permission(
        FunctionName=name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    client("events").put_events(Entries=[event])
    assert awaited(lambda: streams(client, f"/aws/lambda/{name}"))


def test_a_bucket_notifies_the_queue_that_lets_it_in(client: Callable[[str], Any], name: str) -> None:
    url, target = queue(client, name)
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    config = {"QueueConfigurations": [{"QueueArn": target, "Events": ["s3:ObjectCreated:*"]}]}
    client("s3").put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=config)
    client("s3").put_object(Bucket=name, Key="lost", Body=b"")
    let_in(client, url, "s3", f"arn:aws:s3:::{name}")
    client("s3").put_object(Bucket=name, Key="kept", Body=b"")
    records = [record for found in received(client, url) for record in json.loads(found["Body"])["Records"]]
    assert [record["s3"]["object"]["key"] for record in records] == ["kept"]


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
