"""The server starts, says where it is, keeps a record, ends clean, and remembers when asked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from wsgiref.util import is_hop_by_hop

import boto3
import pytest
from botocore.exceptions import ClientError

from rehearsal.aws import server as server_module
from rehearsal.aws.client import EmbeddedAws, EmbeddedAwsStartError, attach
from rehearsal.aws.context import REPO_ROOT
from tests.unit.aws_core.conftest import eventually, package, root_of


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def test_a_taken_port_is_a_clear_error_and_exit_status_2(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedAwsStartError, match=rf"exit 2.*port {port} of 127.0.0.1"):
            EmbeddedAws.start(tmp_path, port=port)


@pytest.mark.parametrize(
    ("option", "message"),
    [("--speed=0", "speed must be positive"), ("--account=12", "twelve digits"), ("--port=99999", "must be 0-65535")],
)
def test_bad_options_are_clear_errors(tmp_path, option, message):
    command = [sys.executable, "-m", "rehearsal.aws", "--root", str(tmp_path), option]
    answer = subprocess.run(command, cwd=REPO_ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr


def test_calls_are_recorded_with_who_made_them(aws, client, role, name):
    sts = client("sts")
    credentials = sts.assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    s3 = boto3.client(
        "s3",
        endpoint_url=aws.endpoint,
        region_name="eu-west-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    with pytest.raises(ClientError):
        s3.get_object(Bucket=name, Key="a/b")
    calls = [json.loads(line) for line in (root_of(aws) / "calls.jsonl").read_text().splitlines()]
    (mine,) = [c for c in calls if c["principal"].endswith(f"assumed-role/core-tests/{name}")]
    assert (mine["service"], mine["operation"], mine["status"]) == ("s3", "GetObject", 404)
    assert mine["ms"] > 0


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("kms", "describe_custom_key_stores", {}),
        ("lambda", "get_runtime_management_config", {"FunctionName": "x"}),
        ("ec2", "describe_fpga_images", {}),
        ("sns", "get_data_protection_policy", {"ResourceArn": "arn:aws:sns:eu-west-1:123456789012:x"}),
        ("cloudwatch", "describe_anomaly_detectors", {}),
    ],
)
def test_what_is_not_there_is_a_final_400(client, service, operation, arguments):
    with pytest.raises(ClientError) as caught:
        getattr(client(service), operation)(**arguments)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"]["Code"] == "NotImplemented"
    assert "the embedded AWS does not have" in answer["Error"]["Message"]


def test_an_empty_object_is_stored(client, name):
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("s3").put_object(Bucket=name, Key="empty", Body=b"")
    assert client("s3").head_object(Bucket=name, Key="empty")["ContentLength"] == 0


def start_with_child(root, **options):
    """Start a server with a busy Lambda worker in it."""
    aws = EmbeddedAws.start(root, **options)
    iam, functions = aws.client("iam"), aws.client("lambda")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions.create_function(
        FunctionName="busy",
        Runtime="python3.12",
        Role=role,
        Handler="handler.handle",
        Timeout=100,
        Code={"ZipFile": package("import time\ndef handle(e, c): time.sleep(e.get('s', 0)); return 'ok'")},
    )
    functions.invoke(FunctionName="busy")
    functions.invoke(FunctionName="busy", InvocationType="Event", Payload=b'{"s": 60}')
    return aws


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_child_outlives_the_server(tmp_path, number):
    aws = start_with_child(tmp_path)
    started = eventually(lambda: children(aws.pid) if len(children(aws.pid)) >= 2 else None)
    os.kill(aws.pid, number)
    assert eventually(lambda: not any(alive(pid) for pid in [aws.pid, *started]))
    aws.stop()


def test_the_end_of_its_parent_ends_it(tmp_path):
    command = [sys.executable, "-m", "rehearsal.aws", "--root", str(tmp_path), "--stop-with-parent"]
    server = subprocess.Popen(command, cwd=REPO_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ready = json.loads(server.stdout.readline())
    assert ready["pid"] == server.pid
    assert attach(ready["endpoint"]).client("sts").get_caller_identity()["Account"] == "123456789012"
    server.stdin.close()
    assert server.wait(20) == 0
    server.stdout.close()


@pytest.mark.slow  # every rehearsal does it too, before it destroys
def test_state_survives_a_restart(tmp_path):
    state = tmp_path / "state"
    with start_with_child(tmp_path / "one", state=state) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="kept", Key="a", Body=b"x" * 70_000)
        aws.client("sqs").create_queue(QueueName="kept")
        url = aws.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
        aws.client("sqs").send_message(QueueUrl=url, MessageBody="still here")
        topic = aws.client("sns").create_topic(Name="kept")["TopicArn"]
        aws.client("kms").create_key(Description="kept")
        aws.client("events").put_rule(Name="kept", ScheduleExpression="rate(1 day)")
        aws.client("cloudwatch").put_metric_data(Namespace="kept", MetricData=[{"MetricName": "m", "Value": 7}])
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName="kept",
            Namespace="kept",
            MetricName="m",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
        )
        version = aws.client("lambda").publish_version(FunctionName="busy")["Version"]
        aws.client("lambda").create_alias(FunctionName="busy", Name="live", FunctionVersion=version)
        aws.client("lambda").put_provisioned_concurrency_config(
            FunctionName="busy", Qualifier="live", ProvisionedConcurrentExecutions=1
        )
        definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
        role = "arn:aws:iam::123456789012:role/r"
        machine = aws.client("stepfunctions").create_state_machine(name="kept", definition=definition, roleArn=role)
        execution = aws.client("stepfunctions").start_execution(stateMachineArn=machine["stateMachineArn"])
        where = {"executionArn": execution["executionArn"]}
        eventually(lambda: aws.client("stepfunctions").describe_execution(**where)["status"] == "SUCCEEDED")
        vpc = aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="kept")
    assert state.exists()
    with EmbeddedAws.start(tmp_path / "two", state=state) as aws:
        assert aws.client("s3").get_object(Bucket="kept", Key="a")["Body"].read() == b"x" * 70_000
        url = aws.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
        assert aws.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"] == "still here"
        assert json.loads(aws.client("lambda").invoke(FunctionName="busy", Qualifier="live")["Payload"].read()) == "ok"

        def provisioned():
            return aws.client("lambda").get_provisioned_concurrency_config(FunctionName="busy", Qualifier="live")

        assert eventually(lambda: provisioned()["Status"] == "READY")
        sfn = aws.client("stepfunctions")
        assert sfn.describe_execution(**where)["status"] == "SUCCEEDED"
        assert sfn.get_execution_history(**where)["events"]
        again = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        assert eventually(lambda: sfn.describe_execution(executionArn=again)["status"] == "SUCCEEDED")
        assert [v["VpcId"] for v in aws.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"]] == [vpc]
        assert aws.client("cloudwatch").describe_alarms(AlarmNames=["kept"])["MetricAlarms"]
        assert aws.client("events").list_rules(NamePrefix="kept")["Rules"]
        assert aws.client("sagemaker").describe_model_package_group(ModelPackageGroupName="kept")
        assert aws.client("cloudwatch").list_metrics(Namespace="kept")["Metrics"]


def test_a_damaged_state_file_is_a_clear_error(tmp_path):
    state = tmp_path / "state"
    with EmbeddedAws.start(tmp_path / "one", state=state) as aws:
        aws.client("sqs").create_queue(QueueName="kept")
    whole = state.read_bytes()
    for damage, message in [
        (whole[:-10], "is damaged"),
        (whole.replace(b'"format": 1', b'"format": 0'), "was saved by"),
        (b"something else\n", "no state file"),
    ]:
        state.write_bytes(damage)
        with pytest.raises(EmbeddedAwsStartError, match=rf"exit 2.*{message}.*delete .* to start empty"):
            EmbeddedAws.start(tmp_path / "two", state=state)
        assert state.read_bytes() == damage


def test_many_clients_at_once_lose_no_answer(client):
    queue_name = "stress"
    client("sqs").create_queue(QueueName=queue_name)
    failures = []

    def hammer():
        for _ in range(40):
            try:
                client("sqs").get_queue_url(QueueName=queue_name)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=hammer) for _ in range(10)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert time.monotonic() - began < 30


def test_a_server_that_ends_says_so_in_headers_that_an_application_may_send():
    stop, said = threading.Event(), []
    gate = server_module._until(stop, lambda _environ, _start: [b"on"])
    assert gate({}, None) == [b"on"]
    stop.set()
    assert b"".join(gate({}, lambda status, headers: said.append((status, headers)))) == b""
    ((status, headers),) = said
    assert status.startswith("503")
    assert not any(is_hop_by_hop(name) for name, _ in headers)
