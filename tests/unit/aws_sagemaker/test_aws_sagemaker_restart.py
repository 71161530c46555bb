"""Jobs of every kind stand in the inventory while they run, and outlive the server as records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_sagemaker_server import BUCKET, REGION, ROLE, TRAINING_IMAGE, Server, tar_of, wait_until

from rehearsal.aws.client import EmbeddedAws
from rehearsal.inventory import LISTERS

if TYPE_CHECKING:
    from pathlib import Path

SLEEP = {"ImageUri": TRAINING_IMAGE, "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(60)"]}
CLUSTER = {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}}
RESTARTED = "InternalServerError: the embedded AWS was restarted"


def process(sagemaker: Any, name: str) -> None:
    sagemaker.create_processing_job(
        ProcessingJobName=name, RoleArn=ROLE, AppSpecification=SLEEP, ProcessingResources=CLUSTER
    )


def test_what_runs_is_in_the_inventory(aws: Server) -> None:
    process(aws.sagemaker, "listed")
    running = LISTERS["sagemaker", "running processing job"]
    arn = f"arn:aws:sagemaker:{REGION}:123456789012:processing-job/listed"
    assert arn in running(aws.sagemaker)
    aws.sagemaker.stop_processing_job(ProcessingJobName="listed")
    wait_until(lambda: arn not in running(aws.sagemaker))
    kinds = [kind for service, kind in LISTERS if service == "sagemaker" and kind.startswith("running")]
    assert len(kinds) == 4
    for kind in kinds:
        assert isinstance(LISTERS["sagemaker", kind](aws.sagemaker), list)


@pytest.mark.slow
def test_a_restart_ends_what_ran_and_keeps_its_record(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with EmbeddedAws.start(tmp_path / "one", state=state) as embedded:
        s3, sagemaker = embedded.client("s3"), embedded.client("sagemaker")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        embedded.client("iam").create_role(RoleName="sagemaker", AssumeRolePolicyDocument=document)
        script = "import time\nprint('loss=1', flush=True)\ntime.sleep(60)"
        s3.put_object(Bucket=BUCKET, Key="code.tar.gz", Body=tar_of({"train.py": script}))
        process(sagemaker, "cut-off")
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName="cut-off",
            HyperParameterTuningJobConfig={
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
                "ParameterRanges": {"IntegerParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "2"}]},
            },
            TrainingJobDefinition={
                "StaticHyperParameters": {
                    "sagemaker_program": "train.py",
                    "sagemaker_submit_directory": f"s3://{BUCKET}/code.tar.gz",
                },
                "AlgorithmSpecification": {
                    "TrainingImage": TRAINING_IMAGE,
                    "TrainingInputMode": "File",
                    "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9]+)"}],
                },
                "RoleArn": ROLE,
                "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/tuned"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            },
        )
        values = {"HyperParameterTuningJobName": "cut-off"}

        def trial() -> dict[str, Any] | None:
            listed = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(**values)["TrainingJobSummaries"]
            return listed[0] if listed and "FinalHyperParameterTuningJobObjectiveMetric" in listed[0] else None

        before = wait_until(trial)
    with EmbeddedAws.start(tmp_path / "two", state=state) as embedded:
        sagemaker = embedded.client("sagemaker")
        job = sagemaker.describe_processing_job(ProcessingJobName="cut-off")
        tuning = sagemaker.describe_hyper_parameter_tuning_job(**values)
        (after,) = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(**values)["TrainingJobSummaries"]
    assert (job["ProcessingJobStatus"], tuning["HyperParameterTuningJobStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"].startswith(RESTARTED)
    assert tuning["FailureReason"].startswith(RESTARTED)
    assert after["TunedHyperParameters"] == before["TunedHyperParameters"]
    assert after["TrainingJobStatus"] == "Failed"
