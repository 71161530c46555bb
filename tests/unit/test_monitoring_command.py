"""The command line: from training rows and capture files to a report, violations and metrics."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import boto3
import cv2
import jsonschema
import numpy as np
import pytest
from botocore.exceptions import ClientError

from training.monitoring import command, emf
from training.monitoring.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(8)

METRICS: dict[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["CloudWatchMetrics", "Timestamp"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Dimensions", "Metrics", "Namespace"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "items": {"type": "string"}, "maxItems": 30},
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {"Name": {"type": "string"}, "Unit": {"enum": ["Count", "None"]}},
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
"""The published schema, as far as it is used."""


def check_metrics(lines: list[str]) -> None:
    for line in lines:
        document = json.loads(line)
        jsonschema.validate(document, METRICS)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            named = {name for group in directive["Dimensions"] for name in group}
            assert all(isinstance(document[name], str) for name in named)
            assert all(isinstance(document[metric["Name"]], int | float) for metric in directive["Metrics"])


def training(path: Path, count: int = 1_000) -> None:
    lines = ["age,income,city,label"]
    for _ in range(count):
        lines.append(f"{RNG.integers(18, 80)},{RNG.normal():.3f},{RNG.choice(['Rome', 'Oslo'])},{RNG.integers(2)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def capture(key: str, data: str, answer: str = "0.8", hour: int = 13, kind: str = "text/csv") -> dict[str, Any]:
    encoding = "CSV" if kind == "text/csv" else "BASE64"
    return {
        "captureData": {
            "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding},
            "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": answer, "encoding": "CSV"},
        },
        "eventMetadata": {"eventId": f"event-{key}", "inferenceId": key, "inferenceTime": f"2026-11-21T{hour}:00:00Z"},
        "eventVersion": "0",
    }


def write(path: Path, documents: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")


def requests(count: int, income: float = 0.0) -> list[dict[str, Any]]:
    return [
        capture(
            str(number),
            f"{RNG.integers(18, 80)},{RNG.normal(income):.3f},{RNG.choice(['Rome', 'Oslo'])}\n",
            "0.8" if number % 2 else "0.3",
        )
        for number in range(count)
    ]


def labels(path: Path, keys: list[str], value: str = "1") -> None:
    write(
        path,
        [
            {
                "groundTruthData": {"data": value, "encoding": "CSV"},
                "eventMetadata": {"eventId": key},
                "eventVersion": "0",
            }
            for key in keys
        ],
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    training(tmp_path / "train.csv")
    rows = ["--rows", str(tmp_path / "train.csv"), "--drop", "label"]
    assert main(["baseline", *rows, "--out", str(tmp_path / "baseline")]) == 0
    return tmp_path


def analyze(place: Path, *more: str, captures: str | None = None) -> tuple[int, dict[str, Any]]:
    out = place / "report"
    where = ["--captures", captures or str(place / "captures"), "--baseline", str(place / "baseline")]
    code = main(["analyze", *where, "--out", str(out), "--endpoint", "wine", *more])
    path = out / "report.json"
    return code, json.loads(path.read_text()) if path.exists() else {}


def test_requests_like_training_raise_no_alarm(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place / "captures/13/a.jsonl", requests(400))

    code, report = analyze(place, "--fail-on-alarm")

    assert code == 0
    assert (report["alarms"], report["rows"], report["capture"]["records"]) == ([], 400, 400)
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["records"], said["alarms"]) == (400, 0)
    assert json.loads((place / "report/constraint_violations.json").read_text()) == {"violations": []}


def test_drift_and_damage_are_reported_everywhere(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(place / "captures/13/a.jsonl", [*requests(400, income=1), capture("odd", "1,2,3,4")])
    with (place / "captures/13/a.jsonl").open("a") as file:
        file.write("rubbish\n" + json.dumps(capture("0", "a,b"))[:50])

    code, report = analyze(place, "--fail-on-alarm")

    assert code == 3
    assert {(alarm["feature"], alarm["kind"]) for alarm in report["alarms"]} == {
        ("income", "baseline_drift_check"),
        ("dataset", "extra_column_check"),
    }
    assert report["capture"]["damaged"]["count"] == 2
    found = json.loads((place / "report/constraint_violations.json").read_text())["violations"]
    assert {entry["feature_name"] for entry in found} == {"income", "dataset"}
    assert all(set(entry) == {"feature_name", "constraint_check_type", "description"} for entry in found)
    assert "alarm: income" in capsys.readouterr().err
    lines = (place / "report/metrics.jsonl").read_text().splitlines()
    check_metrics(lines)
    whole, *features = (json.loads(line) for line in lines)
    assert (whole["Endpoint"], whole["DriftAlarms"], whole["DamagedLineCount"]) == ("wine", 1, 2)
    assert {line["Feature"]: line["DriftAlarms"] for line in features} == {"age": 0, "income": 1, "city": 0}


def test_labels_bring_quality_and_bias_over_several_runs(place: Path) -> None:
    write(place / "captures/13/a.jsonl", requests(300))
    labels(place / "labels/13/a.jsonl", [str(number) for number in range(0, 300, 2)], "0")
    how = ["--labels", str(place / "labels"), "--probabilities", "0=1", "--other", "0"]
    more = [*how, "--facet", "age>=50", "--group", "city", "--state", str(place / "state")]

    _, first = analyze(place, *more)
    labels(place / "labels/14/b.jsonl", [str(number) for number in range(1, 300, 2)] + ["0"], "0")
    _, second = analyze(place, *more)
    _, third = analyze(place, *more)

    assert first["model_quality"]["accuracy"] == 1
    assert first["model_quality"]["rows"] == second["model_quality"]["rows"] == 150
    assert first["model_quality"]["brier"] == pytest.approx(0.09)
    assert first["bias"]["rows"]["favoured"] + first["bias"]["rows"]["other"] == 150
    assert second["model_quality"]["accuracy"] == 0
    assert (second["capture"]["files_read_before"], second["rows"], second["alarms"]) == (1, 0, [])
    assert second["labels"]["coverage"] == 1
    assert third["model_quality"] is None
    check_metrics((place / "report/metrics.jsonl").read_text().splitlines())


def test_regression_and_attributions(place: Path) -> None:
    write(place / "captures/a.jsonl", requests(50))
    labels(place / "labels/a.jsonl", [str(number) for number in range(50)], "0.5")
    (place / "before.json").write_text('{"age": 0.7, "income": 0.5, "city": 0.05}')
    (place / "now.json").write_text('{"age": 0.1, "income": 0.2, "city": 0.7}')
    scores = ["--attributions", str(place / "before.json"), str(place / "now.json")]

    _, report = analyze(place, "--labels", str(place / "labels"), "--task", "regression", *scores)

    assert report["model_quality"]["mae"] == pytest.approx(0.25)
    assert report["attribution"]["ndcg"] == pytest.approx(0.69, abs=0.01)
    assert [alarm["kind"] for alarm in report["alarms"]] == ["feature_attribution_drift_check"]


def test_answers_can_drift_too(place: Path) -> None:
    lines = (json.dumps({"age": int(RNG.integers(90)), "output.0": round(float(RNG.random()), 3)}) for _ in range(500))
    (place / "rows.jsonl").write_text("\n".join(lines))
    assert main(["baseline", "--rows", str(place / "rows.jsonl"), "--out", str(place / "baseline")]) == 0
    write(place / "captures/a.jsonl", [capture(str(k), str(RNG.integers(90)), f"{0.9:.2f}") for k in range(200)])

    _, report = analyze(place)

    assert [alarm["feature"] for alarm in report["alarms"] if "drift" in alarm["kind"]] == ["output.0"]


def test_pictures_have_a_baseline_as_well(tmp_path: Path) -> None:
    def picture(light: int) -> bytes:
        pixels = RNG.integers(0, light, (16, 16, 3), dtype=np.uint8)
        return cv2.imencode(".png", pixels)[1].tobytes()

    (tmp_path / "train").mkdir()
    for number in range(80):
        (tmp_path / f"train/{number}.png").write_bytes(picture(256))
    pictures = ["--images", str(tmp_path / "train")]
    assert main(["baseline", *pictures, "--out", str(tmp_path / "baseline")]) == 0
    documents = [capture(str(k), base64.b64encode(picture(120)).decode(), "a", kind="image/png") for k in range(60)]
    write(tmp_path / "captures/a.jsonl", [*documents, capture("bad", "AAAA", "a", kind="image/png")])

    _, report = analyze(tmp_path)

    assert report["capture"]["damaged"]["reasons"] == {"the payload is no picture": 1}
    assert {"brightness", "contrast"} <= {alarm["feature"] for alarm in report["alarms"]}


def test_a_bucket_is_read_as_a_folder_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(json.dumps(document) + "\n" for document in requests(60)).encode()

    class Client:
        def get_paginator(self, _: str) -> Client:
            return self

        def paginate(self, **request: str) -> list[dict[str, Any]]:
            key = "capture/wine/main/2026/11/21/13/a.jsonl"
            return [{"Contents": [{"Key": key, "ETag": "1"}]} if key.startswith(request["Prefix"]) else {}]

        def get_object(self, **_: str) -> dict[str, Any]:
            return {"Body": __import__("io").BytesIO(lines)}

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Client())
    window = ["--start", "2026-11-21T13:00:00Z", "--end", "2026-11-21T14:00:00Z"]

    _, report = analyze(place, *window, captures="s3://some-bucket/capture/wine/main/")

    assert report["capture"]["records"] == 60
    assert report["window"]["start"] == "2026-11-21 13:00:00+00:00"


def test_a_bucket_without_the_right_to_read_is_an_error(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Client:
        def get_paginator(self, _: str) -> Client:
            return self

        def paginate(self, **_: str) -> list[dict[str, Any]]:
            return [{"Contents": [{"Key": f"{number}.jsonl", "ETag": "1"} for number in range(3)]}]

        def get_object(self, **_: str) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "kms:Decrypt"}}, "GetObject")

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Client())

    assert analyze(place, captures="s3://some-bucket/") == (1, {})
    assert "none of 3 files could be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--start", "2026-11-21T13:00:00Z"], "--start and --end"),
        (["--start", "soon", "--end", "later"], "write it like"),
        (["--facet", "height>=1"], "known: age, income, city"),
        (["--facet", "age>=1", "--group", "height"], "known: age, income, city"),
        (["--group", "city"], "give one"),
        (["--alpha", "2"], "between 0 and 1"),
        (["--probabilities", "0"], "COLUMN=CLASS"),
        (["--attributions", "nowhere", "nowhere"], "no JSON object"),
        (["--captures", "nowhere"], "neither a folder nor a file"),
        (["--captures", "s3://Bad_Bucket/"], "s3://bucket/prefix/"),
        (["--baseline", "nowhere"], "cannot be read"),
    ],
)
def test_wrong_arguments_are_named(
    place: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    (place / "captures").mkdir()
    code, report = analyze(place, *more)
    assert code == 2
    assert report == {}
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "more", "message"),
    [
        ("a.csv", "a,a\n1,2\n", [], "different name for every column"),
        ("a.csv", "a,b\n1\n", [], "line 2"),
        ("a.csv", "a,b\n", [], "at least one row"),
        ("a.csv", "a,b\n1,2\n", ["--drop", "c"], "known: a, b"),
        ("a.csv", "a,b\n1,2\n", ["--categorical", "c"], "known: a, b"),
        ("a.jsonl", "", [], "holds no row"),
        ("a.jsonl", '{"a": 1}\n[1]\n', [], "line 2"),
        ("a.jsonl", '{"a": 1}\n{\n', [], "line 2"),
        ("a.csv", "a,b\n1,2\n", ["--images", "nowhere"], "either --rows or --images"),
    ],
)
def test_training_rows_that_cannot_be_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, more: list[str], message: str
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["baseline", "--rows", str(tmp_path / name), "--out", str(tmp_path / "out"), *more]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_that_are_none_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["baseline", "--images", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(more) == 2
    (tmp_path / "a.png").write_bytes(b"none")
    assert main(more) == 2
    assert "a.png" in capsys.readouterr().err
    assert main(["baseline", "--rows", str(tmp_path / "none.csv"), "--out", "out"]) == 1


def test_a_run_that_fails_forgets_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place / "captures/a.jsonl", requests(40))
    state = ["--state", str(place / "state")]

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(command, "_write", full)
        assert analyze(place, *state)[0] == 1

    assert analyze(place, *state)[1]["rows"] == 40
    assert analyze(place, *state)[1]["rows"] == 0


def test_metrics_are_split_and_unknown_ones_left_out() -> None:
    figures: dict[str, float | None] = {f"M{k}": k for k in range(150)}
    found = list(emf.lines({**figures, "none": None, "nan": float("nan")}, {"Endpoint": "e"}, 1))
    check_metrics(found)
    assert [len(json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for line in found] == [100, 50]
