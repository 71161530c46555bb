"""Endpoints are real server processes: they come up, answer, fail, and say why."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_sagemaker_server import BUCKET, ROLE, SERVING_IMAGE, Server, tar_of, wait_until
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count(1)


def model(server: Server, name: str, image: str = SERVING_IMAGE, /, isolated: bool = False, **does: Any) -> str:
    """Create a model whose server does what ``does`` says."""
    data = server.put_tar(f"models/{name}.tar.gz", {"model.json": json.dumps({"name": name, **does})})
    server.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": image, "ModelDataUrl": data, "Environment": {"GREETING": "hello"}},
        EnableNetworkIsolation=isolated,
    )
    return name


def config(server: Server, *models: str, count: int = 1, **more: Any) -> str:
    """Create a configuration with one variant per model, each named after its model."""
    name = f"config-{next(_numbers)}"
    variants = [
        {"VariantName": m, "ModelName": m, "InstanceType": "ml.m5.large", "InitialInstanceCount": count} for m in models
    ]
    server.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **more)
    return name


def status(server: Server, name: str) -> str:
    return server.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]


def settled(server: Server, name: str) -> dict[str, Any]:
    wait_until(lambda: status(server, name) in {"InService", "Failed"})
    return server.sagemaker.describe_endpoint(EndpointName=name)


def endpoint(server: Server, name: str, config_name: str, **more: Any) -> dict[str, Any]:
    server.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config_name, **more)
    return settled(server, name)


def invoke(server: Server, name: str, body: bytes = b"hi", **more: Any) -> dict[str, Any]:
    answer = server.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)
    return {**answer, "Body": answer["Body"].read()}


def said(server: Server, name: str, body: bytes = b"hi", **more: Any) -> dict[str, Any]:
    return json.loads(invoke(server, name, body, **more)["Body"])


@pytest.fixture(scope="module")
def served(aws: Server) -> Iterator[str]:
    model(aws, "base")
    ended = endpoint(aws, "served", config(aws, "base"), Tags=[{"Key": "team", "Value": "ml"}])
    assert ended["EndpointStatus"] == "InService", ended.get("FailureReason")
    yield "served"
    aws.sagemaker.delete_endpoint(EndpointName="served")


def test_an_endpoint_answers_from_its_own_process(aws: Server, served: str) -> None:
    answer = invoke(aws, served, b"abc", ContentType="text/plain", Accept="application/json", CustomAttributes="a=1")
    body = json.loads(answer["Body"])
    assert (body["model"], body["text"], body["type"], body["accept"]) == (
        "base",
        "abc",
        "text/plain",
        "application/json",
    )
    assert answer["InvokedProductionVariant"] == "base"
    assert answer["CustomAttributes"] == "a=1"
    assert body["env"]["GREETING"] == "hello"
    assert body["env"]["AWS_ENDPOINT_URL"] == aws.endpoint
    assert "SECRET_OF_THE_HOST" not in body["env"]


def test_bytes_go_through_untouched(aws: Server, served: str) -> None:
    image = b"\x89PNG" + bytes(range(256)) * 400
    answer = invoke(aws, served, image, ContentType="image/png")
    assert (answer["Body"], answer["ContentType"]) == (image, "image/png")


def test_describe_is_complete(aws: Server, served: str) -> None:
    described = aws.sagemaker.describe_endpoint(EndpointName=served)
    (variant,) = described["ProductionVariants"]
    assert variant["DeployedImages"][0]["SpecifiedImage"] == SERVING_IMAGE
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 1.0)
    assert aws.sagemaker.list_tags(ResourceArn=described["EndpointArn"])["Tags"] == [{"Key": "team", "Value": "ml"}]


def test_a_model_error_carries_the_containers_own_answer(aws: Server, served: str) -> None:
    with pytest.raises(aws.runtime.exceptions.ModelError) as error:
        invoke(aws, served, b"fail")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error.value.response["OriginalStatusCode"] == 500
    assert error.value.response["OriginalMessage"] == "no such thing"
    assert "Received server error (500) from primary" in error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("nobody", {}, "Endpoint nobody of account 123456789012 not found."),
        ("served", {"TargetVariant": "other"}, "Variant other not found"),
        ("served", {"Body": b"x" * 6_291_457}, "length less than or equal to 6291456"),
    ],
)
def test_what_cannot_be_invoked(aws: Server, served: str, name: str, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        aws.runtime.invoke_endpoint(**{"EndpointName": name, "Body": b"hi", **more})
    assert error.value.response["Error"]["Code"] == "ValidationError"
    assert message in error.value.response["Error"]["Message"]


def test_the_servers_log_goes_to_cloudwatch(aws: Server, served: str) -> None:
    wait_until(lambda: "serving base" in aws.log_lines(f"/aws/sagemaker/Endpoints/{served}", "base/i-"))


def test_a_server_that_dies_is_replaced(aws: Server) -> None:
    model(aws, "mortal")
    endpoint(aws, "mortal", config(aws, "mortal"))
    before = said(aws, "mortal")["pid"]
    with pytest.raises(ClientError) as error:
        invoke(aws, "mortal", b"die")
    assert (error.value.response["Error"]["Code"], error.value.response["OriginalStatusCode"]) == ("ModelError", 0)

    def again() -> int | None:
        try:
            return said(aws, "mortal")["pid"]
        except ClientError:
            return None

    assert wait_until(again) != before
    aws.sagemaker.delete_endpoint(EndpointName="mortal")


def test_latency_is_reported_in_microseconds(aws: Server, served: str) -> None:
    invoke(aws, served, b"slow")

    def slowest() -> float | None:
        dims = [{"Name": "EndpointName", "Value": served}, {"Name": "VariantName", "Value": "base"}]
        now = datetime.now(UTC)
        points = aws.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="ModelLatency",
            Dimensions=dims,
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=600,
            Statistics=["Maximum"],
        )["Datapoints"]
        found = max((point["Maximum"] for point in points), default=0.0)  # its period may have ended meanwhile
        return found if found > 100_000 else None

    assert 500_000 <= wait_until(slowest) < 5_000_000


def test_instances_share_the_requests(aws: Server) -> None:
    model(aws, "pair")
    described = endpoint(aws, "pair", config(aws, "pair", count=3))
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    # three are asked for, two run: the cap is said in the log
    assert len({said(aws, "pair")["pid"] for _ in range(6)}) == 2
    notes = aws.log_lines("/aws/sagemaker/Endpoints/pair", "pair/capacity")
    assert notes == ["slipway: 3 instances are asked for; this machine runs 2 of them"]
    aws.sagemaker.delete_endpoint(EndpointName="pair")


def test_weights_and_counts_change_in_place(aws: Server) -> None:
    model(aws, "left")
    model(aws, "right")
    endpoint(aws, "both", config(aws, "left", "right"))
    assert {said(aws, "both")["model"] for _ in range(60)} == {"left", "right"}
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="both",
        DesiredWeightsAndCapacities=[
            {"VariantName": "left", "DesiredWeight": 0.0},
            {"VariantName": "right", "DesiredInstanceCount": 2},
        ],
    )
    variants = {v["VariantName"]: v for v in settled(aws, "both")["ProductionVariants"]}
    assert (variants["left"]["CurrentWeight"], variants["right"]["CurrentInstanceCount"]) == (0.0, 2)
    assert {said(aws, "both")["model"] for _ in range(20)} == {"right"}
    assert said(aws, "both", TargetVariant="left")["model"] == "left"
    aws.sagemaker.delete_endpoint(EndpointName="both")


def test_an_isolated_model_has_no_credentials(aws: Server) -> None:
    model(aws, "alone", isolated=True)
    endpoint(aws, "alone", config(aws, "alone"))
    env = said(aws, "alone")["env"]
    assert "AWS_ACCESS_KEY_ID" not in env
    assert "AWS_ENDPOINT_URL" not in env
    assert aws.sagemaker.describe_model(ModelName="alone")["EnableNetworkIsolation"] is True
    aws.sagemaker.delete_endpoint(EndpointName="alone")


@pytest.mark.parametrize(
    ("name", "archive", "reason"),
    [
        ("corrupt", b"this is no archive", "Failed to extract model data archive"),
        ("cut", tar_of({"model.json": "{}" * 5000})[:-20], "Failed to extract model data archive"),
        ("escape", tar_of({"../../evil": "x"}), "Failed to extract model data archive"),
        ("crash", tar_of({"other.json": "{}"}), "did not pass the ping health check"),
    ],
)
def test_what_cannot_start_fails_with_its_reason(aws: Server, name: str, archive: bytes, reason: str) -> None:
    data = aws.put(f"models/{name}.tar.gz", archive)
    container = {"Image": SERVING_IMAGE, "ModelDataUrl": data}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    described = endpoint(aws, name, config(aws, name))
    assert described["EndpointStatus"] == "Failed"
    assert reason in described["FailureReason"]
    assert not list(aws.root.rglob("evil"))
    aws.sagemaker.delete_endpoint(EndpointName=name)


def test_a_failing_ping_fails_the_endpoint(aws: Server) -> None:
    model(aws, "sick", ping=500)
    described = endpoint(aws, "sick", config(aws, "sick"))
    assert described["EndpointStatus"] == "Failed"
    assert "production variant sick did not pass the ping health check" in described["FailureReason"]
    assert "ProductionVariants" not in described
    with pytest.raises(ClientError, match="not found"):
        invoke(aws, "sick")
    aws.sagemaker.delete_endpoint(EndpointName="sick")


def test_an_unknown_image_names_the_known_ones(aws: Server) -> None:
    model(aws, "unknown", "1.dkr.ecr.eu-west-1.amazonaws.com/triton:2")
    assert "that is one of: echo, serving" in endpoint(aws, "unknown", config(aws, "unknown"))["FailureReason"]
    aws.sagemaker.delete_endpoint(EndpointName="unknown")


def test_captured_requests_are_json_lines(aws: Server) -> None:
    model(aws, "captured")
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    described = endpoint(aws, "captured", config(aws, "captured", DataCaptureConfig=capture))
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"
    invoke(aws, "captured", b'{"x": 1}', ContentType="application/json", InferenceId="one")
    invoke(aws, "captured", b"\x89PNGbytes", ContentType="image/png")

    def records() -> list[dict[str, Any]]:
        found = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="capture/captured/captured/").get("Contents", [])
        lines = [
            line
            for item in found
            for line in aws.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().splitlines()
        ]
        return [json.loads(line) for line in lines] if len(lines) == 2 else []

    first, second = wait_until(records)
    assert first["captureData"]["endpointInput"] == {
        "observedContentType": "application/json",
        "mode": "INPUT",
        "data": '{"x": 1}',
        "encoding": "JSON",
    }
    assert first["captureData"]["endpointOutput"]["encoding"] == "JSON"
    assert (first["eventMetadata"]["inferenceId"], first["eventVersion"]) == ("one", "0")
    image = second["captureData"]["endpointInput"]
    assert (image["encoding"], base64.b64decode(image["data"])) == ("BASE64", b"\x89PNGbytes")
    aws.sagemaker.delete_endpoint(EndpointName="captured")


def test_what_terraform_reads_is_what_it_wrote(aws: Server) -> None:
    data = aws.put_tar("models/tf.tar.gz", {"model.json": "{}"})
    wrote = {
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": SERVING_IMAGE, "ModelDataUrl": data, "Mode": "SingleModel"},
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
        "EnableNetworkIsolation": True,
    }
    aws.sagemaker.create_model(ModelName="tf", **wrote)
    assert {k: v for k, v in aws.sagemaker.describe_model(ModelName="tf").items() if k in wrote} == wrote
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": f"s3://{BUCKET}/c",
        "KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1",
        "CaptureOptions": [{"CaptureMode": "Output"}],
    }
    name = config(aws, "tf", KmsKeyId="key/2", DataCaptureConfig=capture, Tags=[{"Key": "a", "Value": "b"}])
    described = aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert described["KmsKeyId"] == "key/2"
    assert described["DataCaptureConfig"] == capture
    assert aws.sagemaker.list_tags(ResourceArn=described["EndpointConfigArn"])["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("describe_endpoint", {"EndpointName": "none"}, "Could not find endpoint "),
        ("delete_endpoint", {"EndpointName": "none"}, "Could not find endpoint "),
        ("describe_endpoint_config", {"EndpointConfigName": "none"}, "Could not find endpoint configuration "),
        ("describe_model", {"ModelName": "none"}, "Could not find model "),
        ("create_endpoint", {"EndpointName": "x", "EndpointConfigName": "none"}, "Could not find endpoint config"),
        (
            "create_endpoint_config",
            {
                "EndpointConfigName": "x",
                "ProductionVariants": [
                    {"VariantName": "a", "ModelName": "none", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
                ],
            },
            "Could not find model",
        ),
        (
            "create_model",
            {
                "ModelName": "x",
                "ExecutionRoleArn": ROLE,
                "PrimaryContainer": {"Image": SERVING_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/missing.tar.gz"},
            },
            "Could not find model data at",
        ),
        (
            "create_model",
            {"ModelName": "x", "ExecutionRoleArn": ROLE + "x", "PrimaryContainer": {"Image": SERVING_IMAGE}},
            "Could not assume role",
        ),
    ],
)
def test_bad_requests_are_refused(aws: Server, operation: str, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        getattr(aws.sagemaker, operation)(**request_)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert message in error.value.response["Error"]["Message"]
