"""Processing jobs run an entry point on the inputs and take its outputs away."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from aws_sagemaker_server import BUCKET, REGISTRY, ROLE, TRAINING_IMAGE, Server, wait_until
from botocore.exceptions import ClientError

GROUP = "/aws/sagemaker/ProcessingJobs"
_numbers = itertools.count(1)

COUNT = """
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
inputs, outputs = map(pathlib.Path, sys.argv[1:3])
found = sorted(str(p.relative_to(inputs)) for p in inputs.rglob("*") if p.is_file())
config = {p.stem: json.loads(p.read_text()) for p in (base / "config").glob("*.json")}
host = config["resourceconfig"]["current_host"]
(outputs / f"{host}.json").write_text(json.dumps({"found": found, "env": dict(os.environ), "config": config}))
(base / "output" / "message").write_text(f"{len(found)} files")
print("counted", len(found))
"""


def start(server: Server, script: str = COUNT, /, **changes: Any) -> str:
    """Create a job from ``script`` and return its name."""
    name = f"processing-{next(_numbers)}"
    code = server.put(f"code/{name}/program.py", script.encode())
    server.put("raw/a.csv", b"1")
    server.put("raw/deep/b.csv", b"2")
    request = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": TRAINING_IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/program.py"],
            "ContainerArguments": ["/opt/ml/processing/input", "/opt/ml/processing/output"],
        },
        "ProcessingInputs": [_input("code", code, "code"), _input("raw", f"s3://{BUCKET}/raw", "input")],
        "ProcessingOutputConfig": {"Outputs": [_output(name)]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
        },
        **changes,
    }
    server.sagemaker.create_processing_job(**request)
    return name


def _input(name: str, uri: str, local: str, **more: str) -> dict[str, Any]:
    place = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{local}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": {**place, "S3InputMode": "File", **more}}


def _output(name: str, mode: str = "EndOfJob") -> dict[str, Any]:
    place = {"S3Uri": f"s3://{BUCKET}/made/{name}", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": mode}
    return {"OutputName": "made", "S3Output": place}


def described(server: Server, name: str) -> dict[str, Any]:
    return server.sagemaker.describe_processing_job(ProcessingJobName=name)


def ended(server: Server, name: str) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        job = described(server, name)
        return job if job["ProcessingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return wait_until(done)


def made(server: Server, name: str, key: str = "algo-1.json") -> bytes:
    return server.s3.get_object(Bucket=BUCKET, Key=f"made/{name}/{key}")["Body"].read()


def listed(server: Server, name: str) -> list[str]:
    found = server.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"made/{name}/").get("Contents", [])
    return [one["Key"].rsplit("/", 1)[-1] for one in found]


def test_inputs_come_and_outputs_go(aws: Server) -> None:
    name = start(
        aws, Environment={"GREETING": "hello", "PLACE": "/opt/ml/processing/input"}, Tags=[{"Key": "a", "Value": "b"}]
    )
    job = ended(aws, name)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "2 files"
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"]
    result = json.loads(made(aws, name))
    assert result["found"] == ["a.csv", "deep/b.csv"]
    env, config = result["env"], result["config"]
    assert env["GREETING"] == "hello"
    assert env["PLACE"] == env["SAGEMAKER_BASE_DIR"] + "/processing/input"
    assert env["AWS_ENDPOINT_URL"] == aws.endpoint
    assert "SECRET_OF_THE_HOST" not in env
    assert config["processingjobconfig"]["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert config["processingjobconfig"]["ProcessingInputs"] == job["ProcessingInputs"]
    assert config["resourceconfig"]["hosts"] == ["algo-1"]
    assert aws.log_lines(GROUP, f"{name}/algo-1-") == ["counted 2"]
    assert aws.sagemaker.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.slow
def test_hosts_share_the_keys(aws: Server) -> None:
    name = f"processing-{next(_numbers)}"
    cluster = {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}}
    code = aws.put(f"code/{name}/program.py", COUNT.encode())
    inputs = [
        _input("code", code, "code"),
        _input("raw", f"s3://{BUCKET}/raw", "input", S3DataDistributionType="ShardedByS3Key"),
    ]
    name = start(
        aws, ProcessingResources=cluster, ProcessingInputs=inputs, NetworkConfig={"EnableNetworkIsolation": True}
    )
    assert ended(aws, name)["ExitMessage"] == "1 files1 files"
    parts = [json.loads(made(aws, name, f"algo-{n}.json")) for n in (1, 2)]
    assert [part["found"] for part in parts] == [["a.csv"], ["deep/b.csv"]]
    assert not [key for part in parts for key in part["env"] if "KEY" in key or key == "AWS_ENDPOINT_URL"]


def test_a_failure_says_its_code_and_message_and_uploads_nothing(aws: Server) -> None:
    script = COUNT + "\nsys.exit(3)"
    name = start(aws, script)
    job = ended(aws, name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"
    assert job["ExitMessage"] == "2 files"
    assert listed(aws, name) == []


@pytest.mark.slow
def test_continuous_outputs_are_there_before_the_end(aws: Server) -> None:
    script = COUNT + "\nimport time\ntime.sleep(60)"
    name = f"processing-{next(_numbers) + 1}"
    name = start(aws, script, ProcessingOutputConfig={"Outputs": [_output(name, "Continuous")]})
    wait_until(lambda: listed(aws, name))
    assert described(aws, name)["ProcessingJobStatus"] == "InProgress"
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert ended(aws, name)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="status Stopped"):
        aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    found = aws.sagemaker.list_processing_jobs(StatusEquals="Stopped")["ProcessingJobSummaries"]
    assert [one["ProcessingJobName"] for one in found] == [name]


@pytest.mark.slow
def test_the_runtime_is_limited(aws: Server) -> None:
    name = start(aws, "import time\ntime.sleep(60)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert ended(aws, name)["ProcessingJobStatus"] == "Stopped"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "changes", "reason"),
    [
        ("", {"ProcessingInputs": [_input("raw", f"s3://{BUCKET}/none", "input")]}, "No S3 objects found"),
        ("", {"AppSpecification": {"ImageUri": f"{REGISTRY}/a/spark:1"}}, "that is one of: echo, serving, training"),
        ("", {"AppSpecification": {"ImageUri": TRAINING_IMAGE}}, "has no entry point of its own"),
        (
            COUNT + "\n(base / 'output' / 'message').write_bytes(b'\\xff\\xfe')",
            {},
            "ClientError: /opt/ml/output/message is not encoded in UTF-8",
        ),
    ],
)
def test_what_fails_a_job_is_its_reason(aws: Server, script: str, changes: dict[str, Any], reason: str) -> None:
    job = ended(aws, start(aws, script, **changes))
    assert job["ProcessingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ProcessingInputs": [_input("a", "s3://b/k", "../../etc")]}, "must begin with /opt/ml/processing/"),
        ({"ProcessingInputs": [_input("a", "s3://b/k", "in", S3InputMode="Pipe")]}, "asks for Pipe mode"),
        ({"ProcessingInputs": [_input("a", "s3://b/k", "in")] * 2}, "given more than once: a"),
        ({"ProcessingInputs": [{"InputName": "a"}]}, "Input a has no S3Input"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "Could not assume role"),
    ],
)
def test_a_bad_request_is_refused(aws: Server, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        start(aws, **changes)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert message in error.value.response["Error"]["Message"]


def test_a_name_is_used_once_and_must_be_known(aws: Server) -> None:
    name = start(aws)
    with pytest.raises(ClientError, match="must be unique") as error:
        start(aws, ProcessingJobName=name)
    assert error.value.response["Error"]["Code"] == "ResourceInUse"
    with pytest.raises(ClientError, match="Could not find requested job with name: nobody") as error:
        described(aws, "nobody")
    assert error.value.response["Error"]["Code"] == "ResourceNotFound"
