"""``.sync`` tasks follow a SageMaker job to its end, fail with it, and stop it when they are stopped."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from tests.unit.aws_core.conftest import eventually

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-test-core/training:1"
SCRIPTS = {
    "good.py": "import os, pathlib\npathlib.Path(os.environ['SM_MODEL_DIR'], 'm').write_text('x')\nprint('trained')\n",
    "bad.py": "raise SystemExit('the data is bad')\n",
    "long.py": "import time\nprint('begun', flush=True)\ntime.sleep(300)\n",
}


@pytest.fixture(scope="module")
def bucket(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="core-jobs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in SCRIPTS.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    s3.put_object(Bucket="core-jobs", Key="code/sourcedir.tar.gz", Body=buffer.getvalue())
    return "core-jobs"


@pytest.fixture
def machine(client, role, name, bucket):
    def make(script, **options):
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": {
                "TrainingJobName.$": "$.job",
                "RoleArn": role,
                "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                "HyperParameters": {
                    "sagemaker_program": script,
                    "sagemaker_submit_directory": f"s3://{bucket}/code/sourcedir.tar.gz",
                },
                "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/artifacts"},
                "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
                "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            },
            "End": True,
            **options,
        }
        definition = json.dumps({"StartAt": "Train", "States": {"Train": task}})
        answer = client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=role)
        return answer["stateMachineArn"]

    yield make
    client("stepfunctions").delete_state_machine(
        stateMachineArn=f"arn:aws:states:eu-west-1:123456789012:stateMachine:{name}"
    )


def start(client, machine, job):
    answer = client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps({"job": job}))
    return answer["executionArn"]


def ended(client, execution):
    def look():
        answer = client("stepfunctions").describe_execution(executionArn=execution)
        return answer if answer["status"] != "RUNNING" else None

    return eventually(look, 60)


def status(client, job):
    return client("sagemaker").describe_training_job(TrainingJobName=job)["TrainingJobStatus"]


def test_a_job_is_followed_to_its_end(client, machine, name):
    arn = machine("good.py")
    answer = ended(client, start(client, arn, name))
    assert answer["status"] == "SUCCEEDED", answer
    output = json.loads(answer["output"])
    assert output["TrainingJobStatus"] == "Completed"
    assert output["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")
    assert isinstance(output["CreationTime"], int)
    again = ended(client, start(client, arn, name))
    assert (again["status"], again["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
    assert "ResourceInUse" in again["cause"]


def test_a_failing_job_fails_the_task(client, machine, name):
    answer = ended(client, start(client, machine("bad.py"), name))
    assert (answer["status"], answer["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(answer["cause"])["TrainingJobStatus"] == "Failed"


def test_stopping_the_execution_stops_the_job(client, machine, name):
    execution = start(client, machine("long.py"), name)

    def begun():
        found = client("sagemaker").list_training_jobs(NameContains=name)["TrainingJobSummaries"]
        return found and found[0]["TrainingJobStatus"] == "InProgress"

    eventually(begun)
    client("stepfunctions").stop_execution(executionArn=execution, error="Enough")
    assert ended(client, execution)["status"] == "ABORTED"
    assert eventually(lambda: status(client, name) == "Stopped", 30)


def test_a_task_that_takes_too_long_stops_its_job(client, machine, name):
    answer = ended(client, start(client, machine("long.py", TimeoutSeconds=3), name))
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")
    assert eventually(lambda: status(client, name) == "Stopped", 30)
