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


def lungs(verdict: str, ill: float, **changes: Any) -> dict[str, Any]:
    """The answer of a model that decides itself, far below the confidence that others are held to."""
    shares = sorted({"well": 1 - ill, "ill": ill}.items(), key=lambda pair: -pair[1])
    predictions = [{"label": label, "index": k, "probability": share} for k, (label, share) in enumerate(shares)]
    decision = {"verdict": verdict, "positive": "ill", "probability": ill, "threshold": 0.3} | changes
    return {"image": {"key": "k"}, "predictions": predictions, "decision": decision, "model": {}}


@pytest.fixture
def decided(monkeypatch):
    def decide(event: dict[str, Any], low: str = "review") -> dict[str, Any]:
        monkeypatch.setenv("CONFIDENCE_THRESHOLD", "0.93")
        monkeypatch.setenv("LOW_CONFIDENCE", low)
        return support.load("filter_predictions").handle(event, CONTEXT)

    return decide


@pytest.mark.parametrize("low", ["review", "raise"])
@pytest.mark.parametrize(
    ("verdict", "ill", "label"),
    [("positive", 0.35, "ill"), ("positive", 0.99, "ill"), ("negative", 0.05, "well"), ("negative", 0.6, "well")],
)
def test_what_the_model_decides_is_accepted_whatever_the_probability(decided, low, verdict, ill, label):
    found = decided(lungs(verdict, ill), low)
    assert (found["status"], found["label"]) == ("classified", label)
    assert (found["probability"], found["threshold"]) == (ill, 0.3)


@pytest.mark.parametrize("ill", [0.05, 0.3, 0.999])
def test_where_the_model_abstains_a_person_looks_whatever_the_probability(decided, ill):
    found = decided(lungs("abstain", ill))
    assert (found["status"], found["probability"]) == ("for_review", ill)
    assert found["label"] == ("ill" if ill > 0.5 else "well")
    with pytest.raises(errors.LowConfidence, match="the model abstains"):
        decided(lungs("abstain", ill), "raise")


def test_without_a_decision_the_threshold_decides(decided):
    event = lungs("positive", 0.99)
    assert decided({**event, "decision": None})["threshold"] == 0.93
    assert decided({**event, "decision": None, "predictions": event["predictions"][1:]})["status"] == "for_review"


@pytest.mark.parametrize("positive", [{}, {"positive": ""}, {"positive": None}])
def test_a_decision_about_a_class_that_is_not_named_goes_by_its_verdict(decided, positive):
    event = lungs("negative", 0.1)
    event["decision"] = {name: value for name, value in event["decision"].items() if name != "positive"} | positive
    assert decided(event)["label"] == "negative"


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        ("yes", "decision"),
        ({}, "decision.verdict"),
        ({"verdict": "maybe", "probability": 0.1, "threshold": 0.1}, "decision.verdict"),
        ({"verdict": "positive", "threshold": 0.1}, "decision.probability"),
        ({"verdict": "positive", "probability": 1.1, "threshold": 0.1}, "decision.probability"),
        ({"verdict": "positive", "probability": 0.1, "threshold": None}, "decision.threshold"),
        ({"verdict": "positive", "probability": 0.1, "threshold": float("nan")}, "decision.threshold"),
    ],
)
def test_a_malformed_decision_is_named(decided, decision, field):
    with pytest.raises(errors.InvalidEvent) as refused:
        decided({**lungs("positive", 0.5), "decision": decision})
    assert refused.value.field == field
