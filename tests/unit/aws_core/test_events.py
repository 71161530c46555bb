"""Events reach their targets, and schedules fire."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from rehearsal.aws.events.expressions import ScheduleExpressionError, next_fire
from rehearsal.aws.events.targets import shape
from tests.unit.aws_core.conftest import eventually

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(5 minutes)", datetime(2026, 1, 31, 12, 5, tzinfo=UTC)),
        ("rate(1 day)", datetime(2026, 2, 1, 12, 0, tzinfo=UTC)),
        ("cron(0 3 * * ? *)", datetime(2026, 2, 1, 3, 0, tzinfo=UTC)),
        ("cron(0/15 * * * ? *)", datetime(2026, 1, 31, 12, 15, tzinfo=UTC)),
        ("cron(0 8 ? * MON-FRI *)", datetime(2026, 2, 2, 8, 0, tzinfo=UTC)),
        ("cron(0 8 ? * 6L *)", datetime(2026, 2, 27, 8, 0, tzinfo=UTC)),
        ("cron(0 8 ? * MON#2 *)", datetime(2026, 2, 9, 8, 0, tzinfo=UTC)),
        ("cron(0 8 L * ? *)", datetime(2026, 2, 28, 8, 0, tzinfo=UTC)),
        ("cron(0 8 1W 2 ? *)", datetime(2026, 2, 2, 8, 0, tzinfo=UTC)),
        ("at(2030-01-01T00:00:00)", datetime(2030, 1, 1, tzinfo=UTC)),
        ("at(2020-01-01T00:00:00)", None),
        ("cron(0 8 * * ? 2020)", None),
    ],
)
def test_expressions(expression, expected):
    assert next_fire(expression, NOON) == expected


def test_a_cron_expression_is_read_in_its_own_zone():
    assert next_fire("cron(0 14 * * ? *)", NOON, "Europe/Berlin") == datetime(2026, 1, 31, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "bad", ["rate(0 minutes)", "rate(5 years)", "cron(0 3 * * *)", "cron(0 3 * * * *)", "cron(61 3 * * ? *)", "soon"]
)
def test_bad_expressions_are_refused(bad):
    with pytest.raises(ScheduleExpressionError):
        next_fire(bad, NOON)


def test_input_shapes():
    event = {"source": "me", "detail": {"key": "a b", "n": 3}}
    assert json.loads(shape({}, event)) == event
    assert json.loads(shape({"Input": '{"x": 1}'}, event)) == {"x": 1}
    assert json.loads(shape({"InputPath": "$.detail"}, event)) == {"key": "a b", "n": 3}
    template = {"InputPathsMap": {"k": "$.detail.key", "n": "$.detail.n"}, "InputTemplate": '{"key": "<k>", "n": <n>}'}
    assert json.loads(shape({"InputTransformer": template}, event)) == {"key": "a b", "n": 3}
    template["InputTemplate"] = "key <k>"
    assert json.loads(shape({"InputTransformer": template}, event)) == "key a b"


@pytest.fixture
def rule(client, name):
    api = client("events")
    made = []

    def make(targets, **options):
        api.put_rule(Name=name, **options)
        made.append([t["Id"] for t in targets])
        assert api.put_targets(Rule=name, Targets=targets)["FailedEntryCount"] == 0

    yield make
    for ids in made:
        api.remove_targets(Rule=name, Ids=ids)
    api.delete_rule(Name=name)


def test_one_event_reaches_every_kind_of_target(client, name, rule, role, function, queue, receive):
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"}
    )
    function("def handle(e, c): print('seen', e['detail'])", Publish=True)
    client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    machine = client("stepfunctions").create_state_machine(
        name=name,
        roleArn=role,
        definition=json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}),
    )["stateMachineArn"]
    rule(
        [
            {"Id": "q", "Arn": queue[1], "InputPath": "$.detail"},
            {"Id": "t", "Arn": topic, "Input": '"told"'},
            {"Id": "f", "Arn": f"arn:aws:lambda:eu-west-1:123456789012:function:{name}:live"},
            {"Id": "s", "Arn": machine, "RoleArn": role},
            {
                "Id": "gone",
                "Arn": "arn:aws:sns:eu-west-1:123456789012:nobody",
                "Input": '"dead"',
                "DeadLetterConfig": {"Arn": queue[1]},
            },
        ],
        EventPattern=json.dumps({"source": [name], "detail": {"n": [{"numeric": [">", 1]}]}}),
    )
    for number in (1, 2):
        answer = client("events").put_events(
            Entries=[{"Source": name, "DetailType": "d", "Detail": json.dumps({"n": number})}]
        )
        assert answer["FailedEntryCount"] == 0
    bodies = set()

    def collected():
        for message in client("sqs").receive_message(QueueUrl=queue[0], MaxNumberOfMessages=10).get("Messages", []):
            bodies.add(message["Body"])
        return len(bodies) == 3

    eventually(collected)
    assert bodies == {'{"n": 2}', '"told"', '"dead"'}
    executions = client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert len(executions) == 1

    def seen():
        found = client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
        return (
            found
            and client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="seen")["events"]
        )

    assert len(eventually(seen)) == 1


def test_a_schedule_fires_on_the_fast_clock(client, rule, queue, receive):
    rule([{"Id": "q", "Arn": queue[1], "Input": '{"tick": true}'}], ScheduleExpression="rate(1 minute)")
    assert json.loads(receive(queue[0])[0]["Body"]) == {"tick": True}


def test_a_scheduler_schedule_fires(client, name, role, queue, receive):
    client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 minutes)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue[1], "RoleArn": role, "Input": '{"from": "scheduler"}'},
    )
    assert json.loads(receive(queue[0])[0]["Body"]) == {"from": "scheduler"}
    client("scheduler").delete_schedule(Name=name)


def test_a_bucket_tells_the_bus_and_only_matching_rules(client, name, rule, queue, receive):
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}, "object": {"key": [{"prefix": "in/"}]}}}
    rule([{"Id": "q", "Arn": queue[1]}], EventPattern=json.dumps(pattern))
    s3.put_object(Bucket=name, Key="other/1", Body=b"")
    s3.put_object(Bucket=name, Key="in/1", Body=b"abc")
    events = [json.loads(message["Body"]) for message in receive(queue[0])]
    assert [e["detail"]["object"]["key"] for e in events] == ["in/1"], events
    event = events[0]
    assert (event["detail-type"], event["detail"]["object"]["key"]) == ("Object Created", "in/1")
    assert event["time"].endswith("Z")
