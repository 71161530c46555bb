"""Managed spot training that loses its capacity, and warm pools that keep it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_sagemaker_server import BUCKET, REGION, ROLE, Server, wait_until
from botocore.exceptions import ClientError
from test_aws_sagemaker_training import GROUP, artifact, ended, start

from rehearsal.aws.client import EmbeddedAws, attach
from rehearsal.aws.faults import kinds
from rehearsal.aws.faults.kinds import FaultError

# goes on where its checkpoint says; the first attempt waits to be interrupted
RESUMES = """
import json, os, pathlib, signal, time
checkpoints = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
step = checkpoints / "step"
done = int(step.read_text()) if step.exists() else 0
def last(*_):
    (checkpoints / "warned").write_text("yes")
    raise SystemExit(0)
signal.signal(signal.SIGTERM, last)
if not done:
    step.write_text("3")
    print("waiting", flush=True)
    time.sleep(60)
leftover = pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "seen").exists()
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps([done, leftover]))
"""
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
}


@pytest.fixture(scope="module")
def embedded(aws: Server) -> EmbeddedAws:
    return attach(aws.endpoint, region=REGION)


def described(server: Server, name: str) -> dict[str, Any]:
    return server.sagemaker.describe_training_job(TrainingJobName=name)


def lines(server: Server, name: str) -> list[str]:
    try:
        return server.log_lines(GROUP, f"{name}/")
    except server.logs.exceptions.ResourceNotFoundException:
        return []


def test_an_interrupted_job_goes_on_with_its_checkpoints(aws: Server, embedded: EmbeddedAws) -> None:
    name = "spot-resumes"
    checkpoints = {"S3Uri": f"s3://{BUCKET}/spot/{name}"}
    start(aws, RESUMES, TrainingJobName=name, CheckpointConfig=checkpoints, **SPOT)
    wait_until(lambda: lines(aws, name) == ["waiting"])
    with embedded.fault("interrupt-training", job=name, seconds=60, count=1) as fault:
        job = ended(aws, name)
    assert fault["struck"] == 1
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    # the new capacity has the checkpoints, the warning came in time, and nothing else was kept
    assert json.loads(artifact(aws, job)) == [3, False]
    assert aws.s3.get_object(Bucket=BUCKET, Key=f"spot/{name}/warned")["Body"].read() == b"yes"
    assert job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]


@pytest.mark.slow
def test_every_host_gets_the_checkpoints(aws: Server) -> None:
    aws.put("spot/shared/step", b"7")
    script = """
import os, pathlib
step = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints", "step").read_text()
pathlib.Path(os.environ["SM_MODEL_DIR"], os.environ["SM_CURRENT_HOST"]).write_text(step)
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints", os.environ["SM_CURRENT_HOST"]).write_text("8")
"""
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}
    config = {"S3Uri": f"s3://{BUCKET}/spot/shared"}
    job = ended(aws, start(aws, script, ResourceConfig=resources, CheckpointConfig=config))
    assert [artifact(aws, job, f"algo-{n}") for n in (1, 2)] == [b"7", b"7"]
    found = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="spot/shared/")["Contents"]
    assert [one["Key"].rsplit("/", 1)[-1] for one in found] == ["algo-1", "algo-2", "step"]


@pytest.mark.slow
def test_waiting_for_capacity_ends_with_its_time_or_by_request(aws: Server, embedded: EmbeddedAws) -> None:
    with embedded.fault("interrupt-training", job="spot-waits", seconds=60, count=9):
        condition = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}
        script = "import time\ntime.sleep(60)"
        start(aws, script, TrainingJobName="spot-waits", EnableManagedSpotTraining=True, StoppingCondition=condition)
        assert ended(aws, "spot-waits")["SecondaryStatus"] == "MaxWaitTimeExceeded"
    with embedded.fault("interrupt-training", job="spot-stops", seconds=60, count=99):
        start(aws, script, TrainingJobName="spot-stops", **SPOT)
        wait_until(lambda: len(described(aws, "spot-stops")["SecondaryStatusTransitions"]) > 4)
        aws.sagemaker.stop_training_job(TrainingJobName="spot-stops")
        assert ended(aws, "spot-stops")["SecondaryStatus"] == "Stopped"


@pytest.mark.slow
def test_capacity_on_demand_is_not_taken(aws: Server, embedded: EmbeddedAws) -> None:
    with embedded.fault("interrupt-training", job="on-demand", seconds=60, count=1) as fault:
        start(aws, "print('through')", TrainingJobName="on-demand")
        assert ended(aws, "on-demand")["TrainingJobStatus"] == "Completed"
    assert fault["struck"] == 0


def test_a_fault_without_a_job_or_a_count_is_refused() -> None:
    with pytest.raises(FaultError, match="job: None is missing"):
        kinds.read({"kind": "interrupt-training", "seconds": 1, "count": 1})
    with pytest.raises(FaultError, match="count: None is missing"):
        kinds.read({"kind": "interrupt-training", "seconds": 1, "job": "x"})


def warm(keep: int, **more: Any) -> dict[str, Any]:
    resources = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 7}
    return {"ResourceConfig": {**resources, "KeepAlivePeriodInSeconds": keep}, **more}


def test_a_warm_pool_goes_to_the_next_job_that_is_like_it(aws: Server) -> None:
    # given a job whose instances are kept
    first = start(aws, "print(1)", **warm(600))
    assert ended(aws, first)["WarmPoolStatus"]["Status"] == "Available"
    # when others come, then only one that matches gets them
    other = start(aws, "print(2)", **warm(600, EnableInterContainerTrafficEncryption=True))
    ended(aws, other)
    assert described(aws, first)["WarmPoolStatus"]["Status"] == "Available"
    second = start(aws, "import time\ntime.sleep(60)", **warm(600))
    pool = described(aws, first)["WarmPoolStatus"]
    assert (pool["Status"], pool["ReusedByJob"]) == ("Reused", second)
    wait_until(lambda: described(aws, second).get("WarmPoolStatus", {}).get("Status") == "InUse")
    found = aws.sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in found] == [other]
    # a stopped job keeps its instances; an update to nothing lets them go
    aws.sagemaker.stop_training_job(TrainingJobName=second)
    assert ended(aws, second)["WarmPoolStatus"]["Status"] == "Available"
    aws.sagemaker.update_training_job(TrainingJobName=second, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    assert described(aws, second)["WarmPoolStatus"]["Status"] == "Terminated"
    with pytest.raises(ClientError, match="is Terminated and cannot be updated"):
        aws.sagemaker.update_training_job(TrainingJobName=second, ResourceConfig={"KeepAlivePeriodInSeconds": 9})


@pytest.mark.slow
def test_a_warm_pool_ends_with_its_time(aws: Server) -> None:
    name = start(aws, "print(1)", **warm(1, RoleArn=ROLE))
    ended(aws, name)
    wait_until(lambda: described(aws, name)["WarmPoolStatus"]["Status"] == "Terminated")
    assert described(aws, name)["WarmPoolStatus"]["ResourceRetainedBillableTimeInSeconds"] == 1


def test_a_job_without_a_keep_alive_period_has_no_pool(aws: Server) -> None:
    name = start(aws, "print(1)")
    assert "WarmPoolStatus" not in ended(aws, name)
    with pytest.raises(ClientError, match="is not there and cannot be updated"):
        aws.sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 9})
