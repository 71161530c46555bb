"""filter_predictions: the threshold, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit import functions_support as support

errors = support.common("errors")
CONTEXT = support.Context()


@pytest.fixture
def judge(monkeypatch):
    handle = support.load("filter_predictions").handle

    def decide(*probabilities: Any, threshold: str = "0.93", low: str = "review") -> dict[str, Any]:
        monkeypatch.setenv("CONFIDENCE_THRESHOLD", threshold)
        monkeypatch.setenv("LOW_CONFIDENCE", low)
        predictions = [
            {"label": f"class-{index}", "index": index, "probability": one} for index, one in enumerate(probabilities)
        ]
        return handle({"image": {"key": "k"}, "predictions": predictions, "model": {}}, CONTEXT)

    return decide


def test_the_threshold_itself_is_enough(judge):
    assert judge(0.93, 0.07)["status"] == "classified"
    assert judge(0.929999, 0.07)["status"] == "for_review"
    assert judge(1, 0, threshold="1")["status"] == "classified"


def test_the_verdict_is_added_to_what_came(judge):
    decided = judge(0.1, 0.95)
    assert decided["image"] == {"key": "k"}
    assert (decided["label"], decided["probability"], decided["threshold"]) == ("class-1", 0.95, 0.93)


def test_low_confidence_can_be_raised(judge):
    with pytest.raises(errors.LowConfidence, match=r"probability '0.5': class-0 stays below the threshold 0.93"):
        judge(0.5, 0.5, low="raise")
    assert judge(0.94, 0.06, low="raise")["status"] == "classified"


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (None, "event"),
        ({}, "predictions"),
        ({"predictions": []}, "predictions"),
        ({"predictions": "all"}, "predictions"),
        ({"predictions": [{"label": "a"}]}, "predictions[0].probability"),
        ({"predictions": [{"label": 7, "probability": 0.5}]}, "predictions[0].label"),
        ({"predictions": [{"label": "a", "probability": True}]}, "predictions[0].probability"),
        ({"predictions": [{"label": "a", "probability": 1.2}]}, "predictions.probability"),
        ({"predictions": [{"label": "a", "probability": float("nan")}]}, "predictions.probability"),
    ],
)
def test_predictions_that_are_none_are_refused_by_field(event, field):
    with pytest.raises(errors.InvalidEvent) as caught:
        support.load("filter_predictions").handle(event, CONTEXT)
    assert caught.value.field == field


@pytest.mark.parametrize("threshold", ["0", "1.01", "nan", "high", "-1"])
def test_a_threshold_that_decides_nothing_is_refused(judge, threshold):
    with pytest.raises(errors.InvalidSetting, match="CONFIDENCE_THRESHOLD"):
        judge(0.5, threshold=threshold)


def test_an_unknown_way_of_treating_low_confidence_is_refused(judge):
    with pytest.raises(errors.InvalidSetting, match="LOW_CONFIDENCE 'ignore': is not one of review, raise"):
        judge(0.5, low="ignore")
