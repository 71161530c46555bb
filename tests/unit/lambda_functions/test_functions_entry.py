"""What all handlers share: the log line and its metrics, lean errors, short messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit import functions_support as support

errors = support.common("errors")
entries = support.common("entry")
CONTEXT = support.Context()
JUDGED = {"image": {}, "predictions": [{"label": "class-0", "probability": 0.5}]}


@pytest.fixture
def judge(monkeypatch):
    monkeypatch.setenv("CONFIDENCE_THRESHOLD", "0.93")
    return support.load("filter_predictions").handle


def test_one_json_line_per_invocation_and_no_payload_in_it(judge, capsys):
    judge(JUDGED, CONTEXT)
    (line,) = support.events_of(capsys.readouterr().out)
    assert line["message"] == "done"
    assert line["request_id"] == "request-1"
    assert line["timestamp"].endswith("Z")
    assert "class-0" not in json.dumps(line)
    with pytest.raises(errors.InvalidEvent):
        judge({}, CONTEXT)
    (line,) = support.events_of(capsys.readouterr().out)
    assert (line["level"], line["error"]) == ("WARN", "InvalidEvent")


def test_known_errors_carry_no_traceback_of_ours_and_unknown_ones_do(capsys):
    def depth(error: Exception) -> int:
        def inner(event: Any, context: Any) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            entries.entry(inner)({}, CONTEXT)
        return len(caught.traceback)

    known = depth(errors.InvalidEvent("a", 1, "b", "c"))
    assert known < depth(ZeroDivisionError("division by zero"))
    assert [line["message"] for line in support.events_of(capsys.readouterr().out)] == ["refused", "crashed"]


def test_messages_stay_short_whatever_the_value():
    error = errors.ImageNotFound("image", "s3://bucket/" + "k" * 1024, "does not exist", "Upload it first")
    assert len(str(error)) < 300
    assert str(error).endswith("Upload it first.")


def test_the_line_carries_the_invocations_metrics_as_cloudwatch_reads_them(judge, monkeypatch, capsys):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "slipway-dev-vehicles-filter-predictions")
    judge(JUDGED, CONTEXT)
    judge(JUDGED | {"predictions": [{"label": "class-0", "probability": 0.95}]}, CONTEXT)
    first, second = support.events_of(capsys.readouterr().out)
    assert (first["LowConfidence"], second["LowConfidence"]) == (1, 0)
    (directive,) = first["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Slipway/Functions",
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": "LowConfidence", "Unit": "Count"}],
    }
    assert first["FunctionName"] == "slipway-dev-vehicles-filter-predictions"
    assert first["_aws"]["Timestamp"] > 1_700_000_000_000


def test_a_failed_invocation_keeps_what_it_had_measured_and_the_next_begins_anew(capsys):
    @entries.entry
    def handle(event: Any, context: Any) -> None:
        entries.measure("Retries", 1)
        entries.measure("Retries", 1)
        raise errors.InvalidEvent("a", 1, "b", "c")

    for _ in range(2):
        with pytest.raises(errors.InvalidEvent):
            handle({}, CONTEXT)
    assert [line["Retries"] for line in support.events_of(capsys.readouterr().out)] == [2, 2]


def test_no_metric_can_be_made_up_from_data():
    with pytest.raises(KeyError):
        entries.measure("label-7", 1)
    assert len(entries.METRICS) <= 10, "CloudWatch bills each metric of each function"
