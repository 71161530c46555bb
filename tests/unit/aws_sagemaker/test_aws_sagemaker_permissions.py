"""Jobs and endpoints where policies are enforced: what their role lacks is their failure."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from aws_sagemaker_server import ACCOUNT, BUCKET, REGION, SERVING_IMAGE, TRAINING_IMAGE, Server
from botocore.exceptions import ClientError
from test_aws_sagemaker_endpoint import config, endpoint
from test_aws_sagemaker_training import ended

_numbers = itertools.count()

DATA = {"Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": "*"}
REGISTRY = {"Action": "ecr:GetAuthorizationToken", "Resource": "*"}
IMAGE = {
    "Action": ["ecr:Batch*", "ecr:GetDownloadUrlForLayer"],
    "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/slipway-test/*",
}
LOGS = {"Action": ["logs:Create*", "logs:Describe*", "logs:Put*"], "Resource": "*"}
METRICS = {"Action": "cloudwatch:PutMetricData", "Resource": "*"}
INTERFACES = {"Action": ["ec2:*NetworkInterface*", "ec2:Describe*"], "Resource": "*"}
ALL = (DATA, REGISTRY, IMAGE, LOGS, METRICS)


@pytest.fixture(scope="module")
def aws(enforcing: Server) -> Server:
    return enforcing


def role(server: Server, *statements: dict[str, Any], source: str = "*") -> str:
    iam, name = server.client("iam"), f"role-{next(_numbers)}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{source}"},
        },
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(allowed))
    return arn


def train(server: Server, role_arn: str, **more: Any) -> str:
    code = server.put_tar("code/sourcedir.tar.gz", {"train.py": "print('loss=1')\n"})
    name = f"job-{next(_numbers)}"
    server.sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=role_arn,
        AlgorithmSpecification={
            "TrainingImage": TRAINING_IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9]+)"}],
        },
        HyperParameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": code},
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/artifacts"},
        ResourceConfig={
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
            **more.pop("ResourceConfig", {}),
        },
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        **more,
    )
    return name


def test_a_job_with_what_it_needs_runs_and_is_written_down(aws: Server) -> None:
    allowed = role(aws, *ALL, source="training-job/*")
    name = train(aws, allowed)
    job = ended(aws, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "loss=1" in aws.log_lines("/aws/sagemaker/TrainingJobs", name)
    uses = [json.loads(line) for line in (aws.root / "aws" / "uses.jsonl").read_text().splitlines()]
    mine = {(use["action"], use["via"]) for use in uses if use["role"] == allowed}
    assert {("ecr:BatchGetImage", "service"), ("s3:PutObject", "call"), ("cloudwatch:PutMetricData", "service")} <= mine


@pytest.mark.parametrize(
    ("statements", "more", "action"),
    [
        ((DATA, IMAGE, LOGS), {}, "ecr:GetAuthorizationToken"),
        ((DATA, REGISTRY, LOGS), {}, "ecr:BatchCheckLayerAvailability"),
        ((REGISTRY, IMAGE, LOGS), {}, "s3:GetObject"),
        (ALL, {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "ec2:CreateNetworkInterface"),
        (ALL, {"ResourceConfig": {"VolumeKmsKeyId": "KEY"}}, "kms:CreateGrant"),
    ],
)
def test_what_a_job_lacks_fails_it(
    aws: Server, statements: tuple[dict[str, Any], ...], more: dict[str, Any], action: str
) -> None:
    if "ResourceConfig" in more:
        more = {"ResourceConfig": {"VolumeKmsKeyId": aws.client("kms").create_key()["KeyMetadata"]["Arn"]}}
    job = ended(aws, train(aws, role(aws, *statements), **more))
    assert job["TrainingJobStatus"] == "Failed"
    assert action in job["FailureReason"] or "HeadObject" in job["FailureReason"]


def test_a_job_that_may_not_log_runs_silently(aws: Server) -> None:
    name = train(aws, role(aws, DATA, REGISTRY, IMAGE))
    job = ended(aws, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = aws.logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/TrainingJobs")["logGroups"]
    lines = aws.log_lines("/aws/sagemaker/TrainingJobs", name) if found else []
    assert lines == []


def test_a_role_for_other_jobs_cannot_be_assumed(aws: Server) -> None:
    with pytest.raises(ClientError, match="Could not assume role"):
        train(aws, role(aws, *ALL, source="training-job/other-*"))


@pytest.mark.parametrize(("statements", "status"), [(ALL, "InService"), ((DATA, REGISTRY, LOGS), "Failed")])
def test_an_endpoint_pulls_its_image_with_the_role(
    aws: Server, statements: tuple[dict[str, Any], ...], status: str
) -> None:
    name = f"endpoint-{next(_numbers)}"
    data = aws.put_tar(f"models/{name}.tar.gz", {"model.json": "{}"})
    aws.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role(aws, *statements),
        PrimaryContainer={"Image": SERVING_IMAGE, "ModelDataUrl": data},
    )
    answer = endpoint(aws, name, config(aws, name))
    assert answer["EndpointStatus"] == status, answer.get("FailureReason")
    assert status == "InService" or "ecr:BatchCheckLayerAvailability" in answer["FailureReason"]
    aws.sagemaker.delete_endpoint(EndpointName=name)


def test_an_endpoint_in_a_vpc_needs_interfaces(aws: Server) -> None:
    name = f"endpoint-{next(_numbers)}"
    data = aws.put_tar(f"models/{name}.tar.gz", {"model.json": "{}"})
    vpc = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    for allowed, status in ((ALL, "Failed"), ((*ALL, INTERFACES), "InService")):
        of = f"{name}-{status.lower()}"
        aws.sagemaker.create_model(
            ModelName=of,
            ExecutionRoleArn=role(aws, *allowed),
            PrimaryContainer={"Image": SERVING_IMAGE, "ModelDataUrl": data},
            VpcConfig=vpc,
        )
        answer = endpoint(aws, of, config(aws, of))
        assert answer["EndpointStatus"] == status, answer.get("FailureReason")
        aws.sagemaker.delete_endpoint(EndpointName=of)
