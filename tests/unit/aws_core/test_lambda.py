"""Lambda really runs handlers, and keeps its own rules while it does."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.unit.aws_core.conftest import eventually, package

ECHO = """
import os
def handle(event, context):
    print("working on", event)
    return {"event": event, "version": context.function_version, "key": os.environ["AWS_ACCESS_KEY_ID"],
            "colour": os.environ.get("COLOUR"), "left": context.get_remaining_time_in_millis()}
"""
FAIL = """
def handle(event, context):
    raise ValueError("no such animal: " + event.get("animal", "?"))
"""
SLOW = """
import time
def handle(event, context):
    time.sleep(event["seconds"])
    return "done"
"""


def call(client, name, event=None, **options):
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}), **options)
    return answer, json.loads(answer["Payload"].read() or b"null")


def test_a_handler_runs_with_its_role_and_its_environment(client, function, name):
    function(ECHO, Environment={"Variables": {"COLOUR": "blue"}})
    answer, body = call(client, name, {"a": 1}, LogType="Tail")
    assert body["event"] == {"a": 1}
    assert body["colour"] == "blue"
    assert body["key"].startswith("ASIA")
    assert 0 < body["left"] <= 30_000
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "working on {'a': 1}" in tail
    assert "REPORT RequestId" in tail
    assert "Init Duration" in tail


def test_log_lines_land_in_the_configured_group(client, function, name):
    group = f"/custom/{name}"
    function(ECHO, LoggingConfig={"LogFormat": "JSON", "LogGroup": group})
    call(client, name)
    messages = [e["message"] for e in client("logs").filter_log_events(logGroupName=group)["events"]]
    assert any("platform.report" in m for m in messages)


def test_versions_and_aliases_run_their_own_code(client, function, name):
    function("def handle(e, c): return 'one'", Publish=True)
    client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client("lambda").update_function_code(
        FunctionName=name, ZipFile=package("def handle(e, c): return c.invoked_function_arn"), Publish=True
    )
    assert call(client, name, Qualifier="live")[1] == "one"
    client("lambda").update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    answer, arn = call(client, name, Qualifier="live")
    assert arn.endswith(f"{name}:live")
    assert answer["ExecutedVersion"] == "2"
    versions = client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    assert [v["Version"] for v in versions] == ["$LATEST", "1", "2"]


def test_a_raised_exception_is_an_unhandled_function_error(client, function, name):
    function(FAIL)
    answer, body = call(client, name, {"animal": "unicorn"})
    assert answer["FunctionError"] == "Unhandled"
    assert body["errorType"] == "ValueError"
    assert body["errorMessage"] == "no such animal: unicorn"
    assert body["stackTrace"]


def test_a_module_that_cannot_be_imported_is_reported_as_lambda_does(client, function, name):
    function("import not_in_the_package\ndef handle(e, c): pass")
    answer, body = call(client, name)
    assert answer["FunctionError"] == "Unhandled"
    assert body["errorType"] == "Runtime.ImportModuleError"
    assert "not_in_the_package" in body["errorMessage"]


def test_a_handler_that_exits_and_one_that_hangs(client, function, name):
    function("import os\ndef handle(e, c): os._exit(3)")
    assert call(client, name)[1]["errorType"] == "Runtime.ExitError"
    function(SLOW, FunctionName=f"{name}-slow", Timeout=1)
    answer, body = call(client, f"{name}-slow", {"seconds": 30})
    assert answer["FunctionError"] == "Unhandled"
    assert "timed out after 1.00 seconds" in body["errorMessage"]
    assert call(client, f"{name}-slow", {"seconds": 0})[1] == "done"


def test_reserved_concurrency_throttles(client, function, name):
    function(SLOW)
    client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    def one(_):
        try:
            return call(client, name, {"seconds": 1})[1]
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(one, range(2)))
    assert sorted(map(str, results)) == ["('TooManyRequestsException', 429)", "done"]
    metric = client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Dimensions=[{"Name": "FunctionName", "Value": name}],
        StartTime=0,
        EndTime=4_000_000_000,
        Period=60,
        Statistics=["Sum"],
    )
    assert sum(p["Sum"] for p in metric["Datapoints"]) == 1


def test_reserved_concurrency_leaves_a_hundred_to_the_account(client, function, name):
    function(SLOW)
    api = client("lambda")
    free = api.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    with pytest.raises(ClientError, match=r"below its minimum value of \[100\]"):
        api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=free - 99)
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=free - 100)
    assert api.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    # what it has already is not counted twice
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=free - 101)
    api.delete_function_concurrency(FunctionName=name)


def test_provisioned_concurrency_becomes_ready_and_has_no_cold_start(client, function, name):
    function(ECHO, Publish=True)
    client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    api = client("lambda")
    with pytest.raises(ClientError, match="unpublished function versions"):
        api.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1
        )
    asked = api.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    assert asked["Status"] == "IN_PROGRESS"

    def state():
        return api.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")

    assert eventually(lambda: state()["Status"] == "READY")
    assert state()["AvailableProvisionedConcurrentExecutions"] == 2
    listed = api.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
    assert [c["FunctionArn"].rsplit(":", 1)[1] for c in listed] == ["live"]
    answer, _ = call(client, name, Qualifier="live", LogType="Tail")
    assert "Init Duration" not in base64.b64decode(answer["LogResult"]).decode()
    api.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    with pytest.raises(ClientError) as error:
        state()
    assert error.value.response["Error"]["Code"] == "ProvisionedConcurrencyConfigNotFoundException"


def test_provisioned_concurrency_of_a_broken_function_fails(client, function, name):
    function("raise RuntimeError('broken start')", Publish=True)
    api = client("lambda")
    api.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1)

    def state():
        return api.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")

    assert eventually(lambda: state()["Status"] == "FAILED")
    assert "FUNCTION_ERROR_INIT_FAILURE" in state()["StatusReason"]


def test_an_event_is_retried_and_then_dead_lettered(client, function, name, queue, receive):
    url, arn = queue
    function(FAIL, DeadLetterConfig={"TargetArn": arn})
    client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    answer, _ = call(client, name, {"animal": "yeti"}, InvocationType="Event")
    assert answer["StatusCode"] == 202
    (message,) = receive(url)
    assert json.loads(message["Body"]) == {"animal": "yeti"}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no such animal: yeti"
    logs = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="REPORT")["events"]
    assert len(logs) == 2


def test_a_destination_on_an_alias_gets_the_invocation_record(client, function, name, queue, receive):
    url, arn = queue
    function(FAIL, Publish=True)
    api = client("lambda")
    api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    api.put_function_event_invoke_config(
        FunctionName=name,
        Qualifier="live",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    config = api.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
    assert config["FunctionArn"].endswith(":live")
    with pytest.raises(ClientError):
        api.get_function_event_invoke_config(FunctionName=name)
    api.update_function_event_invoke_config(FunctionName=name, Qualifier="live", MaximumEventAgeInSeconds=120)
    assert api.get_function_event_invoke_config(FunctionName=name, Qualifier="live")["MaximumRetryAttempts"] == 0
    call(client, name, {"animal": "troll"}, Qualifier="live", InvocationType="Event")
    record = json.loads(receive(url)[0]["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestPayload"] == {"animal": "troll"}
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_a_queue_feeds_a_function_and_keeps_what_failed(client, function, name, queue):
    url, arn = queue
    source = """
def handle(event, context):
    bad = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": i} for i in bad]}
"""
    function(source, Publish=True)
    client("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    mapping = client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=f"{name}:live", FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    assert mapping["FunctionArn"].endswith(":live")
    for body in ("good", "bad", "good"):
        client("sqs").send_message(QueueUrl=url, MessageBody=body)

    def left():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        values = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return tuple(int(values[n]) for n in names)

    assert eventually(lambda: left() == (0, 1))
    client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_topic_and_a_bucket_feed_a_function(client, function, name, queue, receive):
    url, _ = queue
    function(
        "import boto3, json, os\n"
        "def handle(event, context):\n"
        "    boto3.client('sqs').send_message(QueueUrl=os.environ['Q'], MessageBody=json.dumps(event))\n",
        Environment={"Variables": {"Q": url}},
    )
    fn = client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=fn)
    client("sns").publish(TopicArn=topic, Message="hello", Subject="s")
    record = json.loads(receive(url)[0]["Body"])["Records"][0]
    assert (record["Sns"]["Message"], record["Sns"]["TopicArn"]) == ("hello", topic)
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": fn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    s3.put_object(Bucket=name, Key="a b.png", Body=b"x")
    record = json.loads(receive(url)[0]["Body"])["Records"][0]
    assert record["s3"]["object"]["key"] == "a+b.png"


def test_bad_requests_have_aws_codes(client, function, name):
    function(ECHO)
    api = client("lambda")

    def code(**options):
        with pytest.raises(ClientError) as error:
            api.invoke(**options)
        return error.value.response["Error"]["Code"]

    assert code(FunctionName="nobody") == "ResourceNotFoundException"
    assert code(FunctionName=name, Qualifier="nope") == "ResourceNotFoundException"
    assert code(FunctionName=name, Payload=b"{not json") == "InvalidRequestContentException"
    assert code(FunctionName=name, Payload=b'"' + b"x" * 7_000_000 + b'"') == "RequestTooLargeException"
    with pytest.raises(ClientError, match="Could not unzip"):
        api.update_function_code(FunctionName=name, ZipFile=b"this is no archive")
    with pytest.raises(ClientError, match="leaves the package"):
        api.update_function_code(FunctionName=name, ZipFile=package("", **{"../evil.py": "x"}))
    assert call(client, name)[1]["version"] == "$LATEST"


def test_settings_survive_a_round_trip(client, function, name, queue):
    function(ECHO, DeadLetterConfig={"TargetArn": queue[1]}, TracingConfig={"Mode": "Active"})
    api = client("lambda")
    config = api.update_function_configuration(
        FunctionName=name,
        TracingConfig={"Mode": "PassThrough"},
        EphemeralStorage={"Size": 1024},
        KMSKeyArn="arn:aws:kms:eu-west-1:123456789012:key/1",
        DeadLetterConfig={"TargetArn": ""},
    )
    assert config["TracingConfig"] == {"Mode": "PassThrough"}
    assert config["EphemeralStorage"] == {"Size": 1024}
    assert config["KMSKeyArn"].endswith("key/1")
    assert "DeadLetterConfig" not in config
    signing = api.create_code_signing_config(
        AllowedPublishers={
            "SigningProfileVersionArns": ["arn:aws:signer:eu-west-1:123456789012:/signing-profiles/p/abcdefghij"]
        }
    )
    arn = signing["CodeSigningConfig"]["CodeSigningConfigArn"]
    api.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    assert api.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == arn
    api.delete_code_signing_config(CodeSigningConfigArn=arn)
    with pytest.raises(ClientError, match="cannot be found"):
        api.get_code_signing_config(CodeSigningConfigArn=arn)
