"""The committed zips with just the grants of their function.yaml, where IAM decides every call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from functions import build
from tests.unit import functions_support as support
from tests.unit.aws_core.enforced import LOGS, aws, client, policy, role_for, root  # noqa: F401 (fixtures)
from tests.unit.lambda_functions.scripted import answer

pytestmark = pytest.mark.slow  # the rehearsal shows the same, if less of what is refused

BUCKET = "slipway-test-enforced"
ARNS = {
    "${data_bucket}": [f"arn:aws:s3:::{BUCKET}"],
    "${incoming_objects}": [f"arn:aws:s3:::{BUCKET}/in/*"],
    "${results_objects}": [f"arn:aws:s3:::{BUCKET}/results/*"],
    "${endpoint}": ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint/e"],
    "${incoming_prefixes}": ["in/*"],
}
ENVIRONMENT = {
    "ALLOWED_BUCKETS": BUCKET,
    "ENDPOINT_NAME": "e",
    "RESULTS_BUCKET": BUCKET,
    "RESULTS_PREFIX": "results",
}


@pytest.fixture
def name() -> str:
    return "enforced"


@pytest.fixture
def s3(client: Callable[[str], Any]) -> Any:  # noqa: F811 (the fixture)
    made = client("s3")
    made.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    made.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return made


def statements(function: str) -> list[dict[str, Any]]:
    spec = yaml.safe_load((support.FUNCTIONS / function / "function.yaml").read_text())
    made = []
    for given in spec["statements"]:
        one = {"Action": given["actions"], "Resource": [arn for token in given["resources"] for arn in ARNS[token]]}
        for condition in given.get("conditions", ()):
            values = [value for token in condition["values"] for value in ARNS[token]]
            one["Condition"] = {condition["test"]: {condition["variable"]: values}}
        made.append(one)
    return made


def test_each_function_can_do_its_work_with_its_grants_and_nothing_else(s3, client, role_for, scripted):  # noqa: F811
    model = scripted(answer({"predictions": [{"label": "bicycle", "index": 0, "probability": 0.99}]}))
    elsewhere = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": model.url}

    def deploy(function: str) -> Callable[[Any], tuple[Any, str | None]]:
        client("lambda").create_function(
            FunctionName=function,
            Role=role_for("lambda", *statements(function), LOGS),
            Runtime="python3.12",
            Handler="handler.handle",
            Code={"ZipFile": (build.DIST / f"{function}.zip").read_bytes()},
            Environment={"Variables": ENVIRONMENT | (elsewhere if function == "classify_image" else {})},
            Timeout=60,
        )

        def call(event: Any) -> tuple[Any, str | None]:
            answered = client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
            payload = json.load(answered["Payload"])
            return payload, payload.get("errorType") if "FunctionError" in answered else None

        return call

    serialize, classify, collect = map(deploy, ("serialize_image", "classify_image", "collect_results"))
    key = client("kms").create_key(Policy=policy(KEYS_OF_OTHERS))["KeyMetadata"]["KeyId"]
    for path in ("in/a b.png", "private/a.png"):
        s3.put_object(Bucket=BUCKET, Key=path, Body=support.png(9, 7))
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket=BUCKET, Key="in/secret.png", Body=support.png(9, 7), **encryption)

    claim, error = serialize({"bucket": BUCKET, "key": "in/a b.png"})
    assert (error, claim["image"]["width"]) == (None, 9)
    assert serialize({"bucket": BUCKET, "key": "in/none.png"})[1] == "ImageNotFound"
    assert serialize({"bucket": BUCKET, "key": "private/a.png"})[1] == "ImageUnreadable"
    assert serialize({"bucket": BUCKET, "key": "in/secret.png"})[1] == "ImageUnreadable"

    classified, error = classify(claim)
    assert (error, classified["predictions"][0]["label"]) == (None, "bicycle")
    unversioned = {"image": claim["image"] | {"version": None}}
    assert classify(unversioned)[1] == "ImageUnreadable", "the role may read versions only"

    kept = {"index": 0, "status": "failed", "image": claim["image"], "error": "E", "reason": "r"}
    given = {"bucket": BUCKET, "key": "in/a b.png"}
    execution = {"id": "arn", "name": "run-1", "started": "2030-01-01T00:00:00Z"}
    run = {"execution": execution, "finished": "2030-01-01T00:01:00Z"}
    written, error = collect({**run, "images": [given], "results": [kept]})
    assert (error, written["counts"]["failed"]) == (None, 1)
    child = {"Name": "0", "Input": json.dumps({"index": 0, "image": given}), "Output": json.dumps(kept)}
    others = {
        "Input": json.dumps({"index": 1, "image": {"bucket": BUCKET, "key": "in/secret.png"}}),
        "Status": "FAILED",
    }
    s3.put_object(Bucket=BUCKET, Key="results/map/0.json", Body=json.dumps([child]))
    s3.put_object(Bucket=BUCKET, Key="results/map/1.json", Body=json.dumps([others]))
    files = {"SUCCEEDED": [{"Key": "results/map/0.json"}], "FAILED": [{"Key": "results/map/1.json"}]}
    s3.put_object(Bucket=BUCKET, Key="results/map/manifest.json", Body=json.dumps({"ResultFiles": files}))
    source = {
        "prefix": {"bucket": BUCKET, "prefix": "in/"},
        "map": {"Bucket": BUCKET, "Key": "results/map/manifest.json"},
    }
    written, error = collect({**run, **source})
    assert (error, written["counts"]["total"]) == (None, 2)


KEYS_OF_OTHERS = {
    "Sid": "Root",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}
