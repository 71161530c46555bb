"""The model registry: versions, approval, and the way from a package to an endpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_sagemaker_server import ROLE, SERVING_IMAGE, Server
from botocore.exceptions import ClientError
from test_aws_sagemaker_endpoint import config, endpoint, said

if TYPE_CHECKING:
    from collections.abc import Iterator


def register(server: Server, group: str, **more: Any) -> str:
    data = server.put_tar("models/registered.tar.gz", {"model.json": json.dumps({"name": "registered"})})
    request = {
        "ModelPackageGroupName": group,
        "InferenceSpecification": {
            "Containers": [{"Image": SERVING_IMAGE, "ModelDataUrl": data, "Environment": {"GREETING": "packed"}}],
            "SupportedContentTypes": ["image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.c7g.large"],
        },
        "CustomerMetadataProperties": {"source": "synthetic"},
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/metrics.json"}}
        },
        **more,
    }
    return server.sagemaker.create_model_package(**request)["ModelPackageArn"]


@pytest.fixture
def group(aws: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.node.name.replace("_", "-").split("[")[0][:60].rstrip("-")
    aws.sagemaker.create_model_package_group(
        ModelPackageGroupName=name, ModelPackageGroupDescription="tests", Tags=[{"Key": "team", "Value": "ml"}]
    )
    yield name
    listed = aws.sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]
    for package in listed:
        aws.sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    aws.sagemaker.delete_model_package_group(ModelPackageGroupName=name)


def test_a_package_is_described_as_it_was_registered(aws: Server, group: str) -> None:
    arn = register(aws, group, Tags=[{"Key": "a", "Value": "b"}])
    described = aws.sagemaker.describe_model_package(ModelPackageName=arn)
    assert arn.endswith(f":model-package/{group}/1")
    assert (described["ModelPackageGroupName"], described["ModelPackageVersion"]) == (group, 1)
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["CustomerMetadataProperties"] == {"source": "synthetic"}
    assert described["InferenceSpecification"]["Containers"][0]["Image"] == SERVING_IMAGE
    assert described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://b/metrics.json"
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_approval_keeps_what_it_does_not_name(aws: Server, group: str) -> None:
    arn = register(aws, group)
    aws.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks good"
    )
    aws.sagemaker.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties={"reviewer": "ann"},
        CustomerMetadataPropertiesToRemove=["source"],
    )
    described = aws.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "looks good"
    assert described["CustomerMetadataProperties"] == {"reviewer": "ann"}


def test_a_version_is_never_given_twice(aws: Server, group: str) -> None:
    register(aws, group)
    aws.sagemaker.delete_model_package(ModelPackageName=register(aws, group))
    assert register(aws, group).endswith("/3")


def test_versions_are_listed_by_approval_and_order(aws: Server, group: str) -> None:
    first, second = register(aws, group), register(aws, group, ModelApprovalStatus="Approved")
    listed = aws.sagemaker.list_model_packages(ModelPackageGroupName=group, SortOrder="Descending")
    assert [package["ModelPackageArn"] for package in listed["ModelPackageSummaryList"]] == [second, first]
    approved = aws.sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [package["ModelPackageArn"] for package in approved["ModelPackageSummaryList"]] == [second]


def test_a_group_with_versions_stays(aws: Server, group: str) -> None:
    register(aws, group)
    with pytest.raises(ClientError) as error:
        aws.sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    assert error.value.response["Error"]["Code"] == "ConflictException"


def test_a_group_has_tags_and_a_policy(aws: Server, group: str) -> None:
    described = aws.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert described["ModelPackageGroupDescription"] == "tests"
    arn = described["ModelPackageGroupArn"]
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "platform"}])
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "platform"}]
    aws.sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy='{"Statement": []}')
    policy = aws.sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
    assert policy == '{"Statement": []}'
    aws.sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="Cannot find Model Package Group Policy"):
        aws.sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)


def test_only_an_approved_package_is_deployed(aws: Server, group: str) -> None:
    # given a model made from a package that waits for approval
    arn = register(aws, group)
    aws.sagemaker.create_model(ModelName="packaged", ExecutionRoleArn=ROLE, Containers=[{"ModelPackageName": arn}])
    name = config(aws, "packaged")
    with pytest.raises(ClientError, match="approve it before it is deployed"):
        aws.sagemaker.create_endpoint(EndpointName="packaged", EndpointConfigName=name)
    # when it is approved
    aws.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    # then it serves, with the package's image, data and environment
    assert endpoint(aws, "packaged", name)["EndpointStatus"] == "InService"
    answer = said(aws, "packaged")
    assert (answer["model"], answer["env"]["GREETING"]) == ("registered", "packed")
    assert aws.sagemaker.describe_model(ModelName="packaged")["Containers"][0]["ModelPackageName"] == arn
    aws.sagemaker.delete_endpoint(EndpointName="packaged")


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("describe_model_package_group", {"ModelPackageGroupName": "none"}, "does not exist."),
        ("describe_model_package", {"ModelPackageName": "none"}, "does not exist."),
        ("create_model_package", {"ModelPackageGroupName": "none"}, "does not exist."),
        ("create_model_package", {}, "either ModelPackageName or ModelPackageGroupName"),
        ("create_model_package_group", {"ModelPackageGroupName": "no_good"}, "regular expression pattern"),
    ],
)
def test_bad_requests_are_refused(aws: Server, operation: str, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        getattr(aws.sagemaker, operation)(**request_)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert message in error.value.response["Error"]["Message"]
