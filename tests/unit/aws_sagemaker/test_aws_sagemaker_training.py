"""Training jobs run in a process of their own under SageMaker's container contract."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from aws_sagemaker_server import BUCKET, ROLE, TRAINING_IMAGE, Server, wait_until
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "/aws/sagemaker/TrainingJobs"
TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--name")
args = parser.parse_args()
channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
files = sorted(str(p.relative_to(channel)) for p in channel.rglob("*") if p.is_file())
for epoch in range(args.epochs):
    print(f"epoch={epoch}; train:loss={1 / (epoch + 1):.4f};")
print("test:accuracy=0.9375;")
config = pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"])
(pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.json").write_text(json.dumps({
    "files": files, "args": vars(args), "env": dict(os.environ),
    "config": {p.stem: json.loads(p.read_text()) for p in config.glob("*.json")},
}))
(pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "notes.txt").write_text("kept")
"""
METRICS = [
    {"Name": "train:loss", "Regex": "train:loss=([0-9.]+);"},
    {"Name": "test:accuracy", "Regex": "test:accuracy=([0-9.]+);"},
]
_numbers = itertools.count(1)


def start(server: Server, script: str = TRAIN, /, **changes: Any) -> str:
    """Create a job from ``script`` and return its name."""
    name = f"job-{next(_numbers)}"
    code = server.put_tar(f"code/{name}/sourcedir.tar.gz", {"train.py": script})
    server.put("data/train/a.csv", b"1,2")
    server.put("data/train/deep/b.csv", b"3,4")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/train"}
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": TRAINING_IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRICS,
        },
        "HyperParameters": {
            "epochs": "3",
            "name": '"a b"',
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": code,
        },
        "InputDataConfig": [
            {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/artifacts"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }
    server.sagemaker.create_training_job(**request)
    return name


def ended(server: Server, name: str, seconds: float = 20.0) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        job = server.sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return wait_until(done, seconds)


def artifact(server: Server, job: dict[str, Any], member: str = "model.json", archive: str = "model.tar.gz") -> bytes:
    key = f"artifacts/{job['TrainingJobName']}/output/{archive}"
    body = server.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return tar.extractfile(member).read()


@pytest.fixture(scope="module")
def completed(aws: Server) -> dict[str, Any]:
    return ended(
        aws,
        start(
            aws,
            Environment={"GREETING": "hello", "PLACE": "/opt/ml/checkpoints"},
            VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
            EnableInterContainerTrafficEncryption=True,
            Tags=[{"Key": "team", "Value": "ml"}],
        ),
    )


def test_a_job_runs_the_program_and_uploads_what_it_made(aws: Server, completed: dict[str, Any]) -> None:
    assert completed["TrainingJobStatus"] == "Completed", completed.get("FailureReason")
    made = json.loads(artifact(aws, completed))
    assert made["files"] == ["a.csv", "deep/b.csv"]
    assert made["args"] == {"epochs": 3, "name": "a b"}
    assert completed["ModelArtifacts"]["S3ModelArtifacts"].endswith(
        f"{completed['TrainingJobName']}/output/model.tar.gz"
    )
    assert artifact(aws, completed, "notes.txt", "output.tar.gz") == b"kept"


def test_the_container_contract_reaches_the_program(aws: Server, completed: dict[str, Any]) -> None:
    made = json.loads(artifact(aws, completed))
    env, config = made["env"], made["config"]
    assert config["hyperparameters"]["epochs"] == "3"
    assert config["inputdataconfig"]["train"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
        "ContentType": "text/csv",
    }
    assert config["resourceconfig"]["hosts"] == ["algo-1"]
    assert (env["SM_HP_EPOCHS"], json.loads(env["SM_HPS"])["epochs"]) == ("3", 3)
    assert json.loads(env["SM_CHANNELS"]) == ["train"]
    assert env["GREETING"] == "hello"
    assert env["PLACE"] == env["SAGEMAKER_BASE_DIR"] + "/checkpoints"
    assert env["AWS_ENDPOINT_URL"] == aws.endpoint
    assert env["OMP_NUM_THREADS"] == "1"
    assert "SECRET_OF_THE_HOST" not in env


def test_describe_echoes_the_request_and_tells_the_course(aws: Server, completed: dict[str, Any]) -> None:
    assert completed["Environment"]["GREETING"] == "hello"
    assert completed["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    assert completed["EnableInterContainerTrafficEncryption"] is True
    assert completed["AlgorithmSpecification"]["MetricDefinitions"] == METRICS
    assert [step["Status"] for step in completed["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert completed["TrainingTimeInSeconds"] >= 1
    tags = aws.sagemaker.list_tags(ResourceArn=completed["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "ml"}]


def test_metrics_come_from_the_log(aws: Server, completed: dict[str, Any]) -> None:
    final = {metric["MetricName"]: metric["Value"] for metric in completed["FinalMetricDataList"]}
    assert final["train:loss"] == pytest.approx(0.3333)
    assert final["test:accuracy"] == pytest.approx(0.9375)
    known = aws.cloudwatch.list_metrics(Namespace=GROUP, MetricName="test:accuracy")["Metrics"]
    assert known[0]["Dimensions"] == [{"Name": "TrainingJobName", "Value": completed["TrainingJobName"]}]


def test_the_log_stream_holds_what_the_program_printed(aws: Server, completed: dict[str, Any]) -> None:
    lines = aws.log_lines(GROUP, f"{completed['TrainingJobName']}/algo-1-")
    assert lines[0] == "epoch=0; train:loss=1.0000;"


def test_the_log_is_live(aws: Server) -> None:
    # given a program that prints and then waits for nobody
    name = start(aws, "import time\nprint('here')\ntime.sleep(60)")
    # then its line is there while it runs
    wait_until(lambda: _lines(aws, name) == ["here"])
    assert aws.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training"
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    assert ended(aws, name)["TrainingJobStatus"] == "Stopped"


def _lines(aws: Server, name: str) -> list[str]:
    try:
        return aws.log_lines(GROUP, name + "/")
    except aws.logs.exceptions.ResourceNotFoundException:
        return []


def test_a_crash_fails_the_job_with_the_end_of_its_output(aws: Server) -> None:
    job = ended(aws, start(aws, "raise RuntimeError('no more disk')"))
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:")
    assert "no more disk" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")
    assert "ModelArtifacts" not in job


def test_the_failure_file_is_the_reason(aws: Server) -> None:
    script = "import os, sys\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('bad labels')\nsys.exit(7)"
    assert ended(aws, start(aws, script))["FailureReason"] == "AlgorithmError: bad labels, exit code: 7"


def test_stop_asks_first_and_keeps_the_model(aws: Server) -> None:
    script = """
import os, signal, sys, time
def bye(*_):
    open(os.environ["SM_MODEL_DIR"] + "/model.json", "w").write("half")
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
print("ready")
time.sleep(60)
"""
    name = start(aws, script)
    wait_until(lambda: _lines(aws, name) == ["ready"])
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    job = ended(aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert artifact(aws, job) == b"half"
    with pytest.raises(ClientError, match="in status Stopped"):
        aws.sagemaker.stop_training_job(TrainingJobName=name)


def test_a_program_deaf_to_sigterm_is_killed(aws: Server) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready')\ntime.sleep(60)"
    name = start(aws, script)
    wait_until(lambda: _lines(aws, name) == ["ready"])
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    assert ended(aws, name)["TrainingJobStatus"] == "Stopped"


def test_the_runtime_is_limited(aws: Server) -> None:
    job = ended(aws, start(aws, "import time\ntime.sleep(60)", StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_an_isolated_job_gets_its_code_by_channel_and_no_credentials(aws: Server) -> None:
    aws.put_tar("isolated/sourcedir.tar.gz", {"train.py": TRAIN})
    channels = [_channel("train", "data/train"), _channel("code", "isolated/sourcedir.tar.gz")]
    parameters = {
        "epochs": "1",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
    }
    job = ended(aws, start(aws, EnableNetworkIsolation=True, InputDataConfig=channels, HyperParameters=parameters))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    env = json.loads(artifact(aws, job))["env"]
    assert not [name for name in env if "KEY" in name or "TOKEN" in name or name == "AWS_ENDPOINT_URL"]


def test_an_isolated_job_cannot_download_its_code(aws: Server) -> None:
    job = ended(aws, start(aws, EnableNetworkIsolation=True))
    assert "isolated from the network" in job["FailureReason"]


def test_checkpoints_come_and_go(aws: Server) -> None:
    script = """
import os, pathlib
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]) / "checkpoints"
count = int((folder / "count").read_text()) if (folder / "count").exists() else 0
(folder / "count").write_text(str(count + 1))
"""
    config = {"S3Uri": f"s3://{BUCKET}/checkpoints/x"}
    for expected in (b"1", b"2"):
        assert ended(aws, start(aws, script, CheckpointConfig=config))["TrainingJobStatus"] == "Completed"
        assert aws.s3.get_object(Bucket=BUCKET, Key="checkpoints/x/count")["Body"].read() == expected


def test_a_manifest_becomes_files(aws: Server) -> None:
    aws.put("pool/one.png", b"1")
    aws.put("pool/sub/two.png", b"2")
    manifest = aws.put("lists/m.json", json.dumps([{"prefix": f"s3://{BUCKET}/pool/"}, "sub/two.png"]).encode())
    script = """
import json, os, pathlib
root = pathlib.Path(os.environ["SM_INPUT_DIR"]) / "data"
found = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
(pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.json").write_text(json.dumps(found))
"""
    channels = [_channel("listed", manifest.removeprefix(f"s3://{BUCKET}/"), S3DataType="ManifestFile")]
    job = ended(aws, start(aws, script, InputDataConfig=channels))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert json.loads(artifact(aws, job)) == ["listed/sub/two.png"]


def test_several_hosts_know_each_other(aws: Server) -> None:
    script = """
import json, os, pathlib
host = os.environ["SM_CURRENT_HOST"]
keys = ("SM_HOSTS", "RANK", "WORLD_SIZE", "MASTER_PORT")
(pathlib.Path(os.environ["SM_MODEL_DIR"]) / f"{host}.json").write_text(json.dumps({k: os.environ[k] for k in keys}))
"""
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    job = ended(aws, start(aws, script, ResourceConfig=resources))
    first, second = (json.loads(artifact(aws, job, f"algo-{n}.json")) for n in (1, 2))
    assert (first["RANK"], second["RANK"], first["WORLD_SIZE"]) == ("0", "1", "2")
    assert first["MASTER_PORT"] == second["MASTER_PORT"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"InputDataConfig": lambda: [_channel("train", "nothing/here")]}, "No S3 objects found under S3 URL"),
        ({"InputDataConfig": lambda: [_channel("train", "data/train", bucket="no-such-bucket")]}, "NoSuchBucket"),
        ({"HyperParameters": lambda: {"sagemaker_program": "other.py"}}, "does not hold the entry point other.py"),
        ({"HyperParameters": dict}, "no entry point"),
        ({"OutputDataConfig": lambda: {"S3OutputPath": "s3://no-such-bucket/x"}}, "Artifact upload failed"),
        (
            {
                "AlgorithmSpecification": lambda: {
                    "TrainingImage": "123.dkr.ecr.eu-west-1.amazonaws.com/a/xgboost:1",
                    "TrainingInputMode": "File",
                }
            },
            "that is one of: training",
        ),
    ],
)
def test_what_the_job_cannot_find_is_its_failure_reason(
    aws: Server, changes: dict[str, Callable[[], Any]], reason: str
) -> None:
    job = ended(aws, start(aws, **{name: make() for name, make in changes.items()}))
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TrainingJobName": "bad_name"}, "at 'trainingJobName' failed to satisfy constraint: Member must satisfy reg"),
        ({"HyperParameters": {"x": "y" * 2501}}, "Member must have length less than or equal to 2500"),
        ({"HyperParameters": {f"x{n}": "1" for n in range(101)}}, "Member must have length less than or equal to 100"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "Could not assume role"),
        (
            {"ResourceConfig": {"InstanceType": "ml.huge", "InstanceCount": 1, "VolumeSizeInGB": 5}},
            "at 'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum value set",
        ),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds must be provided"),
        (
            {
                "AlgorithmSpecification": {
                    "TrainingImage": TRAINING_IMAGE,
                    "TrainingInputMode": "File",
                    "MetricDefinitions": [{"Name": "m", "Regex": "m=([0-9"}],
                }
            },
            "invalid regular expression",
        ),
    ],
)
def test_a_bad_request_is_refused(aws: Server, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        start(aws, **changes)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert message in error.value.response["Error"]["Message"]


def test_a_name_is_used_once(aws: Server, completed: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        start(aws, TrainingJobName=completed["TrainingJobName"])
    assert error.value.response["Error"]["Code"] == "ResourceInUse"


def test_jobs_are_listed_newest_first_when_asked(aws: Server, completed: dict[str, Any]) -> None:
    pages = aws.sagemaker.get_paginator("list_training_jobs").paginate(
        SortBy="CreationTime", SortOrder="Descending", NameContains="job-", PaginationConfig={"PageSize": 2}
    )
    times = [job["CreationTime"] for page in pages for job in page["TrainingJobSummaries"]]
    assert times == sorted(times, reverse=True)
    assert len(times) >= 2


def _channel(name: str, key: str, bucket: str = BUCKET, **source: Any) -> dict[str, Any]:
    where = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{key}", **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": where}}


def test_the_host_that_failed_gives_the_reason(aws: Server) -> None:
    script = """
import os, sys, time
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    sys.exit("second host is out of memory")
time.sleep(60)
"""
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    job = ended(aws, start(aws, script, ResourceConfig=resources))
    assert job["TrainingJobStatus"] == "Failed"
    assert "second host is out of memory" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")
