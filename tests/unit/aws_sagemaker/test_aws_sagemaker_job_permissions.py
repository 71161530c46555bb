"""Tuning, processing and transform jobs where policies are enforced: who may create them, and what their role needs."""

from __future__ import annotations

import itertools
import json
from typing import Any

import boto3
import pytest
from aws_sagemaker_server import ACCOUNT, BUCKET, REGION, SERVING_IMAGE, TRAINING_IMAGE, Server, wait_until
from botocore.config import Config
from botocore.exceptions import ClientError
from test_aws_sagemaker_permissions import ALL, DATA, IMAGE, INTERFACES, LOGS, REGISTRY, role

_numbers = itertools.count()

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
GUARDED = ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateProcessingJob"]


@pytest.fixture(scope="module")
def aws(enforcing: Server) -> Server:
    return enforcing


@pytest.fixture(scope="module")
def operator(aws: Server) -> Any:
    """A client of somebody who may create jobs with the whole envelope only."""
    iam = aws.client("iam")
    iam.create_user(UserName="operator")
    deny: list[dict[str, Any]] = [
        {"Null": {"sagemaker:VpcSubnets": "true"}},
        {"BoolIfExists": {"sagemaker:NetworkIsolation": "false"}},
        {"Null": {"sagemaker:NetworkIsolation": "true"}},
        {"ForAnyValue:StringNotEquals": {"sagemaker:InstanceTypes": ["ml.m5.large"]}},
    ]
    statements = [
        {"Effect": "Allow", "Action": ["sagemaker:*", "iam:PassRole"], "Resource": "*"},
        *({"Effect": "Deny", "Action": GUARDED, "Resource": "*", "Condition": one} for one in deny),
        {
            "Effect": "Deny",
            "Action": [*GUARDED, "sagemaker:CreateTransformJob"],
            "Resource": "*",
            "Condition": {"StringNotEqualsIfExists": {"sagemaker:VolumeKmsKey": KEY}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="operator", PolicyName="inline", PolicyDocument=policy)
    issued = iam.create_access_key(UserName="operator")["AccessKey"]
    return boto3.client(
        "sagemaker",
        region_name=REGION,
        endpoint_url=aws.endpoint,
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def tuning(server: Server, role_arn: str, **changes: Any) -> dict[str, Any]:
    code = server.put_tar("code/t/sourcedir.tar.gz", {"train.py": "print('loss=1')\n"})
    definition = {
        "StaticHyperParameters": {"sagemaker_program": "train.py", "sagemaker_submit_directory": code},
        "AlgorithmSpecification": {
            "TrainingImage": TRAINING_IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9]+)"}],
        },
        "RoleArn": role_arn,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/tuned"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }
    return {
        "HyperParameterTuningJobName": f"tuning-{next(_numbers)}",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"IntegerParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "2"}]},
        },
        "TrainingJobDefinition": {name: value for name, value in definition.items() if value is not None},
    }


def processing(role_arn: str, network: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1, **cluster}
    return {
        "ProcessingJobName": f"processing-{next(_numbers)}",
        "RoleArn": role_arn,
        "AppSpecification": {"ImageUri": TRAINING_IMAGE, "ContainerEntrypoint": ["python3", "-c", "print('done')"]},
        "ProcessingResources": {"ClusterConfig": resources},
        **({"NetworkConfig": network} if network else {}),
    }


ENVELOPE = {
    "VpcConfig": VPC,
    "EnableNetworkIsolation": True,
    "ResourceConfig": {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 1,
        "VolumeKmsKeyId": KEY,
    },
}
FLEXIBLE = {
    "ResourceConfig": None,
    "HyperParameterTuningResourceConfig": {
        "InstanceConfigs": [{"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}]
    },
}


@pytest.mark.parametrize(
    "lacking",
    [
        {"VpcConfig": None},
        {"EnableNetworkIsolation": False},
        {"EnableNetworkIsolation": None},
        {"ResourceConfig": {**ENVELOPE["ResourceConfig"], "InstanceType": "ml.p3.2xlarge"}},
        {"ResourceConfig": {**ENVELOPE["ResourceConfig"], "VolumeKmsKeyId": KEY.replace("1", "2")}},
        FLEXIBLE,
    ],
)
def test_a_tuning_job_without_the_envelope_is_denied(aws: Server, operator: Any, lacking: dict[str, Any]) -> None:
    who = role(aws, *ALL)
    with pytest.raises(ClientError, match=r"CreateHyperParameterTuningJob .*explicit deny") as error:
        operator.create_hyper_parameter_tuning_job(**tuning(aws, who, **{**ENVELOPE, **lacking}))
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("network", "cluster"),
    [
        (None, {}),
        ({"VpcConfig": VPC}, {}),
        ({"VpcConfig": VPC, "EnableNetworkIsolation": True}, {"InstanceType": "ml.p3.2xlarge"}),
        ({"VpcConfig": VPC, "EnableNetworkIsolation": True}, {"VolumeKmsKeyId": KEY.replace("1", "2")}),
    ],
)
def test_a_processing_job_without_the_envelope_is_denied(
    aws: Server, operator: Any, network: dict[str, Any] | None, cluster: dict[str, Any]
) -> None:
    who = role(aws, *ALL)
    with pytest.raises(ClientError, match=r"CreateProcessingJob .*explicit deny"):
        operator.create_processing_job(**processing(who, network, **{"VolumeKmsKeyId": KEY, **cluster}))


def test_jobs_with_the_envelope_may_be_created(aws: Server, operator: Any) -> None:
    who = role(aws, *ALL)
    operator.create_hyper_parameter_tuning_job(**tuning(aws, who, **ENVELOPE))
    whole = {"VpcConfig": VPC, "EnableNetworkIsolation": True}
    operator.create_processing_job(**processing(who, whole, VolumeKmsKeyId=KEY))


def test_a_role_that_may_not_be_passed_is_denied(aws: Server, operator: Any) -> None:
    who = role(aws, *ALL)
    name = who.rsplit("/", 1)[-1]
    policy = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": who}
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    aws.client("iam").put_user_policy(UserName="operator", PolicyName=name, PolicyDocument=document)
    for create, request in (
        (operator.create_hyper_parameter_tuning_job, tuning(aws, who, **ENVELOPE)),
        (
            operator.create_processing_job,
            processing(who, {"VpcConfig": VPC, "EnableNetworkIsolation": True}, VolumeKmsKeyId=KEY),
        ),
    ):
        with pytest.raises(ClientError, match="iam:PassRole"):
            create(**request)


@pytest.mark.slow
def test_trials_act_as_the_role_and_fail_without_its_rights(aws: Server) -> None:
    for statements, status in ((ALL, "Completed"), ((REGISTRY, IMAGE, LOGS), "Failed")):
        request = tuning(aws, role(aws, *statements, source="training-job/*"))
        aws.sagemaker.create_hyper_parameter_tuning_job(**request)
        name = request["HyperParameterTuningJobName"]

        def done(name: str = name) -> dict[str, Any] | None:
            job = aws.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            return job if job["HyperParameterTuningJobStatus"] in {"Completed", "Failed"} else None

        job = wait_until(done)
        assert job["HyperParameterTuningJobStatus"] == status, job.get("FailureReason")
    assert "All training jobs failed" in job["FailureReason"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statements", "network", "reason"),
    [
        ((DATA, REGISTRY, IMAGE, LOGS), None, ""),
        ((DATA, IMAGE, LOGS), None, "ecr:GetAuthorizationToken"),
        ((DATA, REGISTRY, LOGS), None, "ecr:BatchCheckLayerAvailability"),
        ((DATA, REGISTRY, IMAGE, LOGS), {"VpcConfig": VPC}, "ec2:CreateNetworkInterface"),
        ((DATA, REGISTRY, IMAGE, LOGS, INTERFACES), {"VpcConfig": VPC}, ""),
    ],
)
def test_what_a_processing_job_lacks_fails_it(
    aws: Server, statements: tuple[dict[str, Any], ...], network: dict[str, Any] | None, reason: str
) -> None:
    request = processing(role(aws, *statements, source="processing-job/*"), network)
    aws.sagemaker.create_processing_job(**request)

    def done() -> dict[str, Any] | None:
        job = aws.sagemaker.describe_processing_job(ProcessingJobName=request["ProcessingJobName"])
        return job if job["ProcessingJobStatus"] in {"Completed", "Failed"} else None

    job = wait_until(done)
    assert job["ProcessingJobStatus"] == ("Failed" if reason else "Completed"), job.get("FailureReason")
    assert reason in job.get("FailureReason", "")


@pytest.mark.slow
def test_a_transform_job_reads_and_writes_with_the_models_role(aws: Server, operator: Any) -> None:
    data = aws.put_tar("models/batch.tar.gz", {"model.json": "{}"})
    aws.put("in/t/a.csv", b"1")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/t/"}}
    reads = {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    for statements, status in (
        ((DATA, REGISTRY, IMAGE, LOGS), "Completed"),
        ((reads, REGISTRY, IMAGE, LOGS), "Failed"),
    ):
        name = f"transform-{next(_numbers)}"
        aws.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role(aws, *statements),
            PrimaryContainer={"Image": SERVING_IMAGE, "ModelDataUrl": data},
        )
        request = {
            "TransformJobName": name,
            "ModelName": name,
            "TransformInput": {"DataSource": source},
            "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out/{name}"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        aws.sagemaker.create_transform_job(**request)

        def done(name: str = name) -> dict[str, Any] | None:
            job = aws.sagemaker.describe_transform_job(TransformJobName=name)
            return job if job["TransformJobStatus"] in {"Completed", "Failed"} else None

        job = wait_until(done)
        assert job["TransformJobStatus"] == status, job.get("FailureReason")
    assert "s3:PutObject" in job["FailureReason"] or "AccessDenied" in job["FailureReason"]
    request["TransformResources"] = {**request["TransformResources"], "VolumeKmsKeyId": KEY.replace("1", "2")}
    with pytest.raises(ClientError, match=r"CreateTransformJob .*explicit deny"):
        operator.create_transform_job(**request)
