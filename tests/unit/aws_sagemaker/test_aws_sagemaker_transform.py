"""Transform jobs ask a model's own server for every record and keep what succeeded."""

from __future__ import annotations

import gzip
import itertools
import json
from typing import Any

import pytest
from aws_sagemaker_server import BUCKET, SERVING_IMAGE, Server, wait_until
from botocore.exceptions import ClientError
from test_aws_sagemaker_endpoint import model

GROUP = "/aws/sagemaker/TransformJobs"
_numbers = itertools.count(1)


@pytest.fixture(scope="module", name="name")
def model_name(aws: Server) -> str:
    return model(aws, "batch")


def start(server: Server, name: str, data: dict[str, Any] | None = None, /, **changes: Any) -> str:
    """Create a job over ``in/<job>/`` and return its name; ``data`` are its objects."""
    job = f"transform-{next(_numbers)}"
    for key, body in (data or {}).items():
        server.put(f"in/{job}/{key}", body)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/{job}/"}}
    request = {
        "TransformJobName": job,
        "ModelName": name,
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", **changes.pop("TransformInput", {})},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out/{job}", **changes.pop("TransformOutput", {})},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **changes,
    }
    server.sagemaker.create_transform_job(**request)
    return job


def described(server: Server, job: str) -> dict[str, Any]:
    return server.sagemaker.describe_transform_job(TransformJobName=job)


def ended(server: Server, job: str) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        found = described(server, job)
        return found if found["TransformJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    return wait_until(done)


def completed(server: Server, job: str) -> None:
    found = ended(server, job)
    assert found["TransformJobStatus"] == "Completed", (found.get("FailureReason"), data_log(server, job))


def out(server: Server, job: str, key: str) -> bytes:
    return server.s3.get_object(Bucket=BUCKET, Key=f"out/{job}/{key}.out")["Body"].read()


def lines(server: Server, job: str, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out(server, job, key).splitlines()]


def listed(server: Server, job: str) -> list[str]:
    found = server.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"out/{job}/").get("Contents", [])
    return [one["Key"].removeprefix(f"out/{job}/") for one in found]


def data_log(server: Server, job: str) -> list[str]:
    streams = server.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
    stream = next(one["logStreamName"] for one in streams if one["logStreamName"].endswith("/data-log"))
    events = server.logs.get_log_events(logGroupName=GROUP, logStreamName=stream)["events"]
    return [event["message"] for event in events]


BY_LINE = {"TransformInput": {"SplitType": "Line"}, "TransformOutput": {"AssembleWith": "Line"}}


def test_objects_are_sent_whole_unless_split(aws: Server, name: str) -> None:
    job = start(
        aws,
        name,
        {"a.csv": b"1,2\n3,4\n", "deep/b.csv": b"5,6"},
        TransformOutput={"Accept": "application/x"},
        Environment={"GREETING": "other"},
    )
    completed(aws, job)
    assert listed(aws, job) == ["a.csv.out", "deep/b.csv.out"]
    answer = json.loads(out(aws, job, "a.csv"))
    assert (answer["text"], answer["type"], answer["accept"]) == ("1,2\n3,4\n", "text/csv", "application/x")
    assert answer["env"]["GREETING"] == "other"
    assert data_log(aws, job) == [
        "[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    ]
    wait_until(lambda: "serving batch" in aws.log_lines(GROUP, f"{job}/i-"))


def test_lines_are_sent_one_by_one_and_stay_in_order(aws: Server, name: str) -> None:
    rows = [f"{n},x" for n in range(40)]
    job = start(
        aws,
        name,
        {"a.csv": "\n".join(rows).encode()},
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=4,
        **BY_LINE,
    )
    completed(aws, job)
    assert [line["text"] for line in lines(aws, job, "a.csv")] == rows


@pytest.mark.slow
def test_a_batch_holds_as_many_lines_as_fit(aws: Server, name: str) -> None:
    rows = [str(n) * 400_000 for n in range(5)]
    job = start(aws, name, {"a.csv": "\n".join(rows).encode()}, MaxPayloadInMB=1, **BY_LINE)
    completed(aws, job)
    assert [line["size"] for line in lines(aws, job, "a.csv")] == [800_001, 800_001, 400_000]


@pytest.mark.slow
def test_a_manifest_and_gzip_are_read(aws: Server, name: str) -> None:
    aws.put("pool/x/a.csv", gzip.compress(b"1,2"))
    manifest = aws.put("lists/t.json", json.dumps([{"prefix": f"s3://{BUCKET}/pool/"}, "x/a.csv"]).encode())
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": manifest}}
    job = start(aws, name, TransformInput={"DataSource": source, "CompressionType": "Gzip"})
    completed(aws, job)
    assert json.loads(out(aws, job, "x/a.csv"))["text"] == "1,2"


def test_a_record_that_fails_fails_its_object_and_the_job(aws: Server) -> None:
    # given a model that finds no fault in a good object, and another object with a record that it refuses
    picky = model(aws, "picky", status=415)
    data = {"bad.csv": b"1\nfail\n3", "good.csv": b"4\n5"}
    job = start(aws, picky, data, BatchStrategy="SingleRecord", **BY_LINE)
    found = ended(aws, job)
    # then the job has failed, and only the whole result is uploaded
    assert found["TransformJobStatus"] == "Failed"
    assert found["FailureReason"] == "ClientError: See job logs for more information"
    assert listed(aws, job) == ["good.csv.out"]
    assert data_log(aws, job)[1:] == [f"[sagemaker logs]: {BUCKET}/in/{job}/bad.csv: ClientError: 415: no such thing"]


@pytest.mark.slow
def test_a_failing_server_is_asked_again(aws: Server, name: str) -> None:
    job = start(aws, name, {"a.csv": b"fail"}, ModelClientConfig={"InvocationsMaxRetries": 1})
    assert ended(aws, job)["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_predictions_are_joined_to_what_was_filtered_for_them(aws: Server, name: str) -> None:
    rows = [{"id": n, "features": {"x": n * n}} for n in range(3)]
    job = start(
        aws,
        name,
        {"a.jsonl": "\n".join(map(json.dumps, rows)).encode()},
        TransformInput={"SplitType": "Line", "ContentType": "application/jsonlines"},
        TransformOutput={"AssembleWith": "Line", "Accept": "application/jsonlines"},
        BatchStrategy="SingleRecord",
        DataProcessing={
            "InputFilter": "$.features",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
    )
    completed(aws, job)
    made = lines(aws, job, "a.jsonl")
    assert [sorted(line) for line in made] == [["SageMakerOutput", "id"]] * 3
    assert [(line["id"], line["SageMakerOutput"]["text"]) for line in made] == [
        (n, json.dumps({"x": n * n})) for n in range(3)
    ]


def test_stop_keeps_nothing(aws: Server, name: str) -> None:
    job = start(aws, name, {f"{n}.csv": b"slow" for n in range(60)})
    wait_until(lambda: described(aws, job).get("TransformStartTime"))
    aws.sagemaker.stop_transform_job(TransformJobName=job)
    assert ended(aws, job)["TransformJobStatus"] == "Stopped"
    assert listed(aws, job) == []
    found = aws.sagemaker.list_transform_jobs(StatusEquals="Stopped")["TransformJobSummaries"]
    assert [one["TransformJobName"] for one in found] == [job]


@pytest.mark.slow
def test_a_server_that_does_not_come_up_fails_the_job(aws: Server) -> None:
    job = start(aws, model(aws, "sick-batch", ping=500), {"a.csv": b"1"})
    assert "did not pass the ping health check" in ended(aws, job)["FailureReason"]


def test_no_input_is_a_failure(aws: Server, name: str) -> None:
    assert "No S3 objects found" in ended(aws, start(aws, name))["FailureReason"]


@pytest.mark.slow
def test_an_isolated_model_stays_isolated(aws: Server) -> None:
    job = start(aws, model(aws, "alone-batch", SERVING_IMAGE, isolated=True), {"a.csv": b"1"})
    completed(aws, job)
    assert not [key for key in json.loads(out(aws, job, "a.csv"))["env"] if "KEY" in key or "TOKEN" in key]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ModelName": "nobody"}, "Could not find model"),
        ({"TransformInput": {"SplitType": "RecordIO"}}, "SplitType RecordIO is refused"),
        ({"TransformInput": {"SplitType": "TFRecord"}}, "SplitType TFRecord is refused"),
        ({"BatchStrategy": "MultiRecord"}, "needs a SplitType other than None"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "is 120 MB and must not be above 100 MB"),
        ({"DataProcessing": {"InputFilter": "$..x"}}, "InputFilter is no JSONPath expression"),
        (
            {"DataProcessing": {"JoinSource": "Input"}, "TransformInput": {"SplitType": "Line"}},
            "must equal SplitType",
        ),
        (
            {"DataProcessing": {"InputFilter": "$.x"}, "TransformInput": {"ContentType": "image/png"}},
            "needs a ContentType of text/csv",
        ),
    ],
)
def test_a_bad_request_is_refused(aws: Server, name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        start(aws, name, **changes)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert message in error.value.response["Error"]["Message"]
