"""What API calls need, against AWS's own pages (the Service Authorization Reference and each service's)."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.aws.iam.document import read_policy
from rehearsal.aws.iam.errors import PolicyEvaluationError, UnmappedCallError
from rehearsal.aws.iam.evaluate import Policies, evaluate
from rehearsal.aws.iam.mapping import checks
from rehearsal.aws.iam.reference import has_key, reference
from rehearsal.aws.iam.request import Request, principal
from rehearsal.aws.iam.request_keys import PARAMETERS, filled
from rehearsal.aws.iam.resources import Scope
from tests.unit.iam.iam_cases import load

SCOPE = Scope("123456789012", "eu-west-1")
ROLE = "arn:aws:iam::123456789012:role/ml/job"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/k"

CALLS = load("calls.yaml")


@pytest.mark.parametrize(("service", "operation", "parameters", "wanted"), CALLS, ids=lambda value: str(value)[:40])
def test_a_call_needs(service: str, operation: str, parameters: dict[str, Any], wanted: list[str]) -> None:
    found = checks(service, operation, parameters, SCOPE, lambda *_: (KEY, {}))
    assert sorted(f"{check.action} {check.resource}" for check in found) == sorted(wanted)


@pytest.mark.parametrize(
    ("service", "operation"), [("s3", "WriteGetObjectResponse"), ("sqs", "Nothing"), ("glue", "GetJob")]
)
def test_an_unmapped_call_is_an_error(service: str, operation: str) -> None:
    with pytest.raises(UnmappedCallError, match=operation):
        checks(service, operation, {}, SCOPE)


def test_a_call_that_names_no_resource_is_an_error() -> None:
    with pytest.raises(UnmappedCallError, match="names a"):
        checks("sqs", "SendMessage", {"MessageBody": "m"}, SCOPE)


def test_a_training_job_fills_the_condition_keys_that_deny_statements_ask_for() -> None:
    request = {
        "TrainingJobName": "j",
        "RoleArn": ROLE,
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": False,
        "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": KEY},
        "OutputDataConfig": {"KmsKeyId": KEY, "S3OutputPath": "s3://b/"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "Tags": [{"Key": "team", "Value": "blue"}],
    }
    context = checks("sagemaker", "CreateTrainingJob", request, SCOPE)[0].context
    assert context == {
        "sagemaker:NetworkIsolation": "true",
        "sagemaker:InterContainerTrafficEncryption": "false",
        "sagemaker:VpcSubnets": ["subnet-1", "subnet-2"],
        "sagemaker:VpcSecurityGroupIds": ["sg-1"],
        "sagemaker:InstanceTypes": ["ml.m5.large"],
        "sagemaker:VolumeKmsKey": KEY,
        "sagemaker:OutputKmsKey": KEY,
        "sagemaker:MaxRuntimeInSeconds": "60",
        "aws:RequestTag/team": "blue",
        "aws:TagKeys": ["team"],
    }


def test_passed_roles_say_to_whom() -> None:
    found = checks("lambda", "CreateFunction", {"FunctionName": "f", "Role": ROLE}, SCOPE)
    assert found[-1].context == {"iam:PassedToService": "lambda.amazonaws.com"}


def test_a_key_behind_s3_is_used_through_s3() -> None:
    found = checks(
        "s3",
        "GetObject",
        {"Bucket": "b", "Key": "k"},
        SCOPE,
        lambda *_: (KEY, {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::b"}),
    )
    assert found[-1].context["kms:ViaService"] == "s3.eu-west-1.amazonaws.com"
    assert found[-1].context["kms:EncryptionContext:aws:s3:arn"] == "arn:aws:s3:::b"


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("sagemaker:VpcSubnets", True),
        ("SageMaker:vpcsubnets", True),
        ("aws:PrincipalTag/team", True),
        ("kms:EncryptionContext:aws:s3:arn", True),
        ("token.actions.githubusercontent.com:sub", True),
        ("aws:PrincipalOrgID", True),
        ("aws:UserAgent", False),
        ("s3:TlsVersion", False),
        ("kms:KeySpec", False),
        ("sagemaker:RootAccess", False),
    ],
)
def test_keys_that_nothing_fills_are_known(key: str, known: bool) -> None:
    assert filled(key) == known


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_policy_on_a_key_that_nothing_fills_decides_nothing(effect: str) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    old = {**everything, "Effect": effect, "Condition": {"StringEquals": {"s3:TlsVersion": "1.1"}}}
    policy = read_policy("identity", "p", {"Version": "2012-10-17", "Statement": [everything, old]})
    request = Request(
        principal(f"{ROLE.replace('iam::', 'sts::').replace('role/ml', 'assumed-role')}/s"),
        "s3:GetObject",
        "arn:aws:s3:::b/k",
        {},
        "123456789012",
        filled,
    )
    with pytest.raises(PolicyEvaluationError, match="nothing here fills"):
        evaluate(request, Policies((policy,)))


def test_a_parameter_fills_a_key_only_for_the_actions_that_have_it() -> None:
    alarm = checks("cloudwatch", "PutMetricAlarm", {"AlarmName": "a", "Namespace": "n"}, SCOPE)
    metric = checks("cloudwatch", "PutMetricData", {"Namespace": "n"}, SCOPE)
    assert [check.context for check in (*alarm, *metric)] == [{}, {"cloudwatch:namespace": "n"}]


@pytest.mark.parametrize("key", sorted({key for keys in PARAMETERS.values() for key in keys}))
def test_keys_that_parameters_fill_are_listed_for_some_action(key: str) -> None:
    assert any(has_key(f"{prefix}:{name}", key) for prefix, row in reference().items() for name in row["actions"])
    assert not has_key("sts:GetCallerIdentity", key)
