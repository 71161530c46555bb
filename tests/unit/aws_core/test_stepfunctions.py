"""Step Functions really interprets state machines, and reports what they did."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.unit.aws_core.conftest import eventually, root_of


@pytest.fixture
def machine(client, role, name):
    made = []

    def make(states, *, start=None, suffix="", **options):
        definition = {"StartAt": start or next(iter(states)), "States": states}
        if "TimeoutSeconds" in options:
            definition["TimeoutSeconds"] = options.pop("TimeoutSeconds")
        arn = client("stepfunctions").create_state_machine(
            name=name + suffix, definition=json.dumps(definition), roleArn=role, **options
        )["stateMachineArn"]
        made.append(arn)
        return arn

    yield make
    for arn in made:
        client("stepfunctions").delete_state_machine(stateMachineArn=arn)


def run(client, arn, event=None, seconds=30):
    api = client("stepfunctions")
    execution = api.start_execution(stateMachineArn=arn, input=json.dumps(event or {}))["executionArn"]

    def ended():
        answer = api.describe_execution(executionArn=execution)
        return answer if answer["status"] != "RUNNING" else None

    return eventually(ended, seconds)


def test_functions_by_alias_with_retry_catch_and_the_machines_role(client, aws, function, machine, name, role):
    function(
        "def handle(e, c):\n"
        "    if e.get('fail'): raise ValueError('bad ' + e['fail'])\n"
        "    return {'arn': c.invoked_function_arn}\n",
        Publish=True,
    )
    client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    live = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}:live"
    retry = [
        {
            "ErrorEquals": ["ValueError"],
            "IntervalSeconds": 1,
            "MaxAttempts": 1,
            "MaxDelaySeconds": 1 + 1,
            "JitterStrategy": "FULL",
        }
    ]
    arn = machine(
        {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": live, "Payload.$": "$"},
                "ResultSelector": {"arn.$": "$.Payload.arn"},
                "Retry": retry,
                "Catch": [{"ErrorEquals": ["ValueError"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "End": True},
        }
    )
    assert json.loads(run(client, arn)["output"]) == {"arn": live}
    caught = json.loads(run(client, arn, {"fail": "apple"})["output"])
    assert caught["Error"] == "ValueError"
    assert "bad apple" in caught["Cause"]
    log = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="REPORT")["events"]
    assert len(log) == 3
    calls = [json.loads(line) for line in (root_of(aws) / "calls.jsonl").read_text().splitlines()]
    principals = {c["principal"] for c in calls if c["operation"] == "Invoke" and "StepFunctions" in c["principal"]}
    assert principals == {f"arn:aws:sts::123456789012:assumed-role/{role.rsplit('/', 1)[1]}/StepFunctions"}


def test_executions_without_a_name_are_all_different(client, machine):
    arn = machine({"P": {"Type": "Pass", "End": True}})
    api = client("stepfunctions")
    names = {api.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(3)}
    assert len(names) == 3
    assert not any(n.endswith(":None") for n in names)
    with pytest.raises(ClientError) as error:
        api.start_execution(stateMachineArn=arn, name="a/b")
    assert error.value.response["Error"]["Code"] == "InvalidName"


def test_a_machine_that_takes_too_long_times_out(client, machine):
    arn = machine({"W": {"Type": "Wait", "Seconds": 30, "End": True}}, TimeoutSeconds=1)
    began = time.monotonic()
    assert run(client, arn)["status"] == "TIMED_OUT"
    assert time.monotonic() - began < 10


def test_a_stopped_execution_says_why(client, machine):
    arn = machine({"W": {"Type": "Wait", "Seconds": 30, "End": True}})
    api = client("stepfunctions")
    execution = api.start_execution(stateMachineArn=arn)["executionArn"]
    time.sleep(0.2)
    api.stop_execution(executionArn=execution, error="Enough", cause="of this")
    answer = api.describe_execution(executionArn=execution)
    assert eventually(lambda: api.describe_execution(executionArn=execution)["status"] == "ABORTED")
    assert (answer["error"], answer["cause"]) == ("Enough", "of this")


def test_a_history_comes_in_the_order_and_the_pages_that_are_asked_for(client, machine):
    arn = machine({name: {"Type": "Pass", "Next": "C"} for name in "AB"} | {"C": {"Type": "Pass", "End": True}})
    execution = run(client, arn)["executionArn"]
    history = client("stepfunctions").get_execution_history
    ids = [event["id"] for event in history(executionArn=execution)["events"]]
    assert ids == sorted(ids)
    assert [event["id"] for event in history(executionArn=execution, reverseOrder=True)["events"]] == ids[::-1]
    pages = (
        client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=execution, reverseOrder=True, PaginationConfig={"PageSize": 2})
    )
    found = [[event["id"] for event in page["events"]] for page in pages]
    assert [one for page in found for one in page] == ids[::-1]
    assert all(len(page) == 2 for page in found[:-1])
    with pytest.raises(ClientError) as error:
        history(executionArn=execution, nextToken="other")
    assert error.value.response["Error"]["Code"] == "InvalidToken"


def test_sdk_tasks_notifications_metrics_and_logs(client, machine, name, queue, receive):
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"}
    )
    client("logs").create_log_group(logGroupName=f"/states/{name}")
    group = f"arn:aws:logs:eu-west-1:123456789012:log-group:/states/{name}:*"
    arn = machine(
        {
            "Put": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
                "Parameters": {"Bucket": name, "Key": "out.json", "Body": {"a": 1}},
                "ResultPath": None,
                "Next": "Tell",
            },
            "Tell": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "Parameters": {"TopicArn": topic, "Message": {"done": True}},
                "ResultPath": None,
                "Next": "Miss",
            },
            "Miss": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
                "Parameters": {"Bucket": name, "Key": "nothing"},
                "Catch": [{"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "Stop"}],
                "End": True,
            },
            "Stop": {"Type": "Fail", "Error": "Missing", "Cause": "no such key"},
        },
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    )
    answer = run(client, arn)
    assert (answer["status"], answer["error"]) == ("FAILED", "Missing")
    assert json.loads(client("s3").get_object(Bucket=name, Key="out.json")["Body"].read()) == {"a": 1}
    assert json.loads(receive(queue[0])[0]["Body"]) == {"done": True}

    def metric(metric_name):
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/States",
            MetricName=metric_name,
            Dimensions=[{"Name": "StateMachineArn", "Value": arn}],
            StartTime=0,
            EndTime=4_000_000_000,
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(p["Sum"] for p in points)

    assert eventually(lambda: metric("ExecutionsFailed") == 1)
    assert (metric("ExecutionsStarted"), metric("ExecutionsSucceeded")) == (1, 0)
    lines = client("logs").filter_log_events(logGroupName=f"/states/{name}")["events"]
    assert {"ExecutionStarted", "ExecutionFailed"} <= {json.loads(line["message"])["type"] for line in lines}


def distributed(reader, processor, **options):
    return {
        "Each": {
            "Type": "Map",
            "ItemReader": reader,
            "MaxConcurrency": 4,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": next(iter(processor)),
                "States": processor,
            },
            "End": True,
            **options,
        }
    }


def test_a_distributed_map_over_a_prefix_writes_result_files(client, machine, name):
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for number in range(5):
        s3.put_object(Bucket=name, Key=f"in/{number}.txt", Body=b"x" * number)
    processor = {
        "Look": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.Size", "NumericEquals": 3, "Next": "Bad"}],
            "Default": "Good",
        },
        "Bad": {"Type": "Fail", "Error": "Three", "Cause": "is refused"},
        "Good": {"Type": "Pass", "Parameters": {"key.$": "$.Key"}, "End": True},
    }
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket.$": "$.bucket", "Prefix": "in/"},
    }
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": name, "Prefix.$": "States.Format('results/{}', $$.Execution.Name)"},
    }
    arn = machine(distributed(reader, processor, ResultWriter=writer, ToleratedFailureCount=1))
    answer = run(client, arn, {"bucket": name})
    assert answer["status"] == "SUCCEEDED", answer
    where = json.loads(answer["output"])["ResultWriterDetails"]

    def read(key):
        return json.loads(s3.get_object(Bucket=name, Key=key)["Body"].read())

    manifest = read(where["Key"])
    assert manifest["DestinationBucket"] == name
    (good,) = manifest["ResultFiles"]["SUCCEEDED"]
    (bad,) = manifest["ResultFiles"]["FAILED"]
    assert good["Key"].endswith("/SUCCEEDED_0.json")
    assert sorted(json.loads(e["Output"])["key"] for e in read(good["Key"])) == [f"in/{n}.txt" for n in (0, 1, 2, 4)]
    (failed,) = read(bad["Key"])
    assert (failed["Status"], failed["Error"], failed["Cause"]) == ("FAILED", "Three", "is refused")
    assert json.loads(failed["Input"])["Key"] == "in/3.txt"
    strict = machine(distributed(reader, processor), suffix="-strict")
    answer = run(client, strict, {"bucket": name})
    assert (answer["status"], answer["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")


@pytest.mark.parametrize(
    ("kind", "body", "config"),
    [
        ("JSON", '[{"n": "1"}, {"n": "2"}]', {}),
        ("JSONL", '{"n": "1"}\n\n{"n": "2"}\n', {}),
        ("CSV", "n\n1\n2\n", {"CSVHeaderLocation": "FIRST_ROW"}),
    ],
)
def test_a_distributed_map_over_a_file(client, machine, name, kind, body, config):
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="list", Body=body.encode())
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": kind, **config},
        "Parameters": {"Bucket": name, "Key": "list"},
    }
    arn = machine(distributed(reader, {"P": {"Type": "Pass", "End": True}}))
    answer = run(client, arn)
    assert json.loads(answer["output"]) == [{"n": "1"}, {"n": "2"}]


def test_an_empty_prefix_is_an_empty_run(client, machine, name):
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": name, "Prefix": "none/"}}
    arn = machine(distributed(reader, {"P": {"Type": "Pass", "End": True}}))
    assert json.loads(run(client, arn)["output"]) == []


def test_definitions_are_validated_and_versions_listed(client, machine):
    api = client("stepfunctions")
    good = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    assert api.validate_state_machine_definition(definition=good)["result"] == "OK"
    bad = api.validate_state_machine_definition(definition='{"StartAt": "P", "States": {"P": {"Type": "Nonsense"}}}')
    assert bad["result"] == "FAIL"
    assert bad["diagnostics"][0]["severity"] == "ERROR"
    arn = machine({"P": {"Type": "Pass", "End": True}}, publish=True)
    api.publish_state_machine_version(stateMachineArn=arn)
    versions = api.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [v["stateMachineVersionArn"].rsplit(":", 1)[1] for v in versions] == ["2", "1"]
    with pytest.raises(ClientError) as error:
        api.create_state_machine(name="broken", definition="{}", roleArn="arn:aws:iam::123456789012:role/x")
    assert error.value.response["Error"]["Code"] == "InvalidDefinition"
