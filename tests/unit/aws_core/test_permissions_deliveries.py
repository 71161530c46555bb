"""Messages from one service to another, where policies are enforced: who is let in, and what is lost otherwise."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from enforced import (
    ACCOUNT,
    LOGS,
    arn,
    awaited,
    aws,
    client,
    denials,
    let_in,
    make,
    policy,
    queue,
    received,
    refused,
    role_for,
    root,
    streams,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aws", "client", "denials", "role_for", "root"]


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


def test_a_schedule_uses_its_role_for_its_group(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    url, target = queue(client, name)
    send = {"Action": "sqs:SendMessage", "Resource": target}
    group = arn("scheduler", "schedule-group/default")
    for number, role in enumerate(
        (role_for("scheduler", source=group), role_for("scheduler", send, source=arn("scheduler", "schedule-group/x")))
    ):
        client("scheduler").create_schedule(
            Name=f"{name}-{number}",
            ScheduleExpression="rate(1 minutes)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": target, "RoleArn": role},
        )
    assert not received(client, url, seconds=3)
    client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 minutes)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": target, "RoleArn": role_for("scheduler", send, source=group)},
    )
    assert received(client, url)


def test_a_rule_with_a_role_starts_what_the_role_may(
    client: Callable[[str], Any], role_for: Callable[..., str], name: str
) -> None:
    machine = arn("states", f"stateMachine:{name}")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    client("stepfunctions").create_state_machine(
        name=name, definition=definition, roleArn=role_for("states", source=machine)
    )
    rule = client("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]

    def runs() -> list[Any]:
        found: list[Any] = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        return found

    start = {"Action": "states:StartExecution", "Resource": machine}
    for role, started in ((role_for("events", source=rule), 0), (role_for("events", start, source=rule), 1)):
        client("events").put_targets(Rule=name, Targets=[{"Id": "m", "Arn": machine, "RoleArn": role}])
        client("events").put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}])
        assert len(awaited(runs, 2.0)) == started


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


def test_access_logs_go_where_the_bucket_lets_them(client: Callable[[str], Any], name: str) -> None:
    s3, logs = client("s3"), f"{name}-logs"
    for bucket in (name, logs):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    wanted = {"LoggingEnabled": {"TargetBucket": logs, "TargetPrefix": "in/"}}
    deliver = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{logs}/*",
    }
    for source, allowed in ((f"arn:aws:s3:::{logs}", False), (f"arn:aws:s3:::{name}", True)):
        condition = {"ArnEquals": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
        s3.put_bucket_policy(Bucket=logs, Policy=policy({**deliver, "Condition": condition}))
        if allowed:
            s3.put_bucket_logging(Bucket=name, BucketLoggingStatus=wanted)
        else:
            code, _ = refused(s3.put_bucket_logging, Bucket=name, BucketLoggingStatus=wanted)
            assert code == "InvalidTargetBucketForLogging"
