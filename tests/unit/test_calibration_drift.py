"""Drift of calibration: the tests, their false alarms and power, and the command from captures to a report."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from scipy import special

from tests.lazily import Lazily
from training.monitoring import calibration, calibration_command
from training.monitoring import calibration_simulation as simulation
from training.monitoring.__main__ import main
from training.monitoring.errors import MonitoringError

linear = Lazily("sklearn.linear_model")
RNG = np.random.default_rng(11)


def made(count=400, seed=1):
    rng = np.random.default_rng(seed)
    said = simulation.scores(rng, count)
    return said, simulation.labels(rng, said, simulation.DRIFTS["none"])


# --- the line -------------------------------------------------------------------------------------


def test_coxs_line_is_the_maximum_likelihood_but_for_its_weak_prior():
    said, true = made(4000)
    (intercept, slope), _ = calibration.recalibration(said, true)
    exact = linear.LogisticRegression(C=1e9).fit(special.logit(said)[:, None], true)
    assert intercept == pytest.approx(exact.intercept_[0], abs=0.01)
    assert slope == pytest.approx(exact.coef_[0, 0], abs=0.01)
    assert (intercept, slope) == (pytest.approx(0, abs=0.25), pytest.approx(1, abs=0.15))


def test_its_errors_are_those_of_repeated_samples():
    found = [calibration.recalibration(*made(300, seed)) for seed in range(150)]
    lines = np.array([line for line, _ in found])
    claimed = np.array([np.sqrt(np.diag(covariance)) for _, covariance in found])
    assert np.median(claimed, axis=0) == pytest.approx(lines.std(axis=0), rel=0.3)


def test_images_in_groups_widen_it_and_copies_add_nothing():
    said, true = made(300)
    _, once = calibration.recalibration(said, true)
    _, thrice = calibration.recalibration(np.tile(said, 3), np.tile(true, 3), np.tile(np.arange(300), 3))
    assert thrice == pytest.approx(once, rel=0.1)


def test_labels_that_scores_part_completely_still_have_a_line():
    said = np.concatenate([np.full(30, 0.2), np.full(30, 0.8)])
    (intercept, slope), covariance = calibration.recalibration(said, said > 0.5)
    assert np.isfinite([intercept, slope, *covariance.ravel()]).all()
    assert slope > 1.5


def test_certain_probabilities_are_no_infinite_logits():
    said = np.array([0.0, 1.0, 0.5, 0.2] * 20)
    (intercept, slope), _ = calibration.recalibration(said, np.array([False, True, True, False] * 20))
    assert np.isfinite([intercept, slope]).all()


# --- the tests ------------------------------------------------------------------------------------


def test_without_drift_it_is_quiet_and_with_drift_it_speaks():
    assert simulation.alarms(8, 150, 360).hits <= 1
    for name in ("too sure: slope 0.6", "twice as many ill: intercept 0.7"):
        assert simulation.alarms(2, 1000, 2000, name, alpha=0.05).hits == 2, name


@pytest.mark.slow
@pytest.mark.parametrize(("count", "known"), [(100, 360), (500, 360), (500, 2000)])
def test_false_alarms_are_as_rare_as_stated(count, known):
    rate = simulation.alarms(400, count, known, alpha=0.05, seed=count + known)
    assert rate.interval[0] <= 0.05, str(rate)


@pytest.mark.slow
@pytest.mark.parametrize("count", [100, 1000])
def test_false_alarms_without_labels_are_as_rare_as_stated(count):
    rate = simulation.unlabelled(600, count, 360, alpha=0.05, seed=count)
    assert rate.interval[0] <= 0.05, str(rate)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("too sure: slope 0.6", 0.7),
        ("half as many ill: intercept -0.7", 0.35),
        ("twice as many ill: intercept 0.7", 0.6),
        ("wrong in the middle only", 0.25),
    ],
)
def test_drift_of_a_thousand_labels_is_found(name, least):
    rate = simulation.alarms(60, 1000, 1000, name)
    assert rate.share >= least, f"{name}: {rate}"


def test_scores_that_move_are_seen_without_labels():
    assert simulation.unlabelled(20, 300, 360).hits <= 1
    assert simulation.unlabelled(10, 300, 360, shift=1.5).hits >= 9


def test_the_report_says_what_changed():
    known = calibration.baseline(*made(800), simulation.BAND, "pneumonia")
    said, _ = made(1500, seed=2)
    true = simulation.labels(RNG, said, simulation.DRIFTS["half as many ill: intercept -0.7"])
    found = calibration.with_labels(known, said, true, alpha=0.005)
    assert "cox" in found["alarms"]
    assert found["intercept"] == pytest.approx(-0.7, abs=0.3)
    assert found["prevalence"] < found["mean_probability"]
    assert {test["name"] for test in found["tests"]} == {"cox", "ece", "brier"}


def test_few_labels_are_no_evidence():
    known = calibration.baseline(*made(200), simulation.BAND, "pneumonia")
    found = calibration.with_labels(known, np.full(20, 0.9), np.zeros(20, bool), alpha=0.05)
    assert (found["alarms"], found["too_few"]) == ([], True)
    assert calibration.without_labels(known, np.array([]), alpha=0.05)["alarms"] == []


def test_one_score_per_patient_is_kept_and_no_name():
    said, true = made(300)
    known = calibration.baseline(said, true, simulation.BAND, "ill", [f"person{k // 3}" for k in range(300)])
    assert len(known["scores"]) == 100
    assert "person" not in json.dumps(known)


def test_the_simulated_labels_are_the_same_for_the_same_seed():
    known = calibration.baseline(*made(200), simulation.BAND, "ill")
    found = [calibration.with_labels(known, *made(100, 5), alpha=0.01, seed=4) for _ in range(2)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "damage", [{"line": {}}, {"line": {"intercept": 0, "slope": 1, "covariance": [[-1, 0], [0, 1]]}}]
)
def test_a_damaged_baseline_is_named(damage):
    known = calibration.baseline(*made(200), simulation.BAND, "ill") | damage
    with pytest.raises(MonitoringError, match="line"):
        calibration.with_labels(known, *made(100), alpha=0.05)
    with pytest.raises(MonitoringError, match="scores"):
        calibration.without_labels(known | {"scores": None}, np.ones(40) / 2, alpha=0.05)


# --- the command ----------------------------------------------------------------------------------


def write(folder, said, true, *, ids=True, odd=()):
    """Capture and ground truth files of an endpoint that answers as ours do."""
    captures, labels = folder / "captures", folder / "labels"
    captures.mkdir(parents=True), labels.mkdir()
    lines = []
    for number, probability in enumerate(said):
        ranked = [
            {"label": "pneumonia", "index": 1, "probability": float(probability)},
            {"label": "normal", "index": 0, "probability": 1 - float(probability)},
        ]
        decision = {"verdict": "abstain", "probability": float(probability), "threshold": 0.1}
        answer = json.dumps(
            {"predictions": ranked, "decision": decision, "model": {"name": "pneumonia", "version": "1"}}
        )
        image = {"observedContentType": "image/png", "mode": "INPUT", "data": "aGk=", "encoding": "BASE64"}
        data = base64.b64encode(answer.encode()).decode()
        output = {"observedContentType": "application/json", "mode": "OUTPUT", "data": data, "encoding": "BASE64"}
        meta = {"eventId": f"event-{number}", "inferenceTime": "2026-11-21T10:00:00Z"}
        meta |= {"inferenceId": f"image-{number}"} if ids else {}
        captured = {"endpointInput": image, "endpointOutput": output}
        lines.append(json.dumps({"captureData": captured, "eventMetadata": meta, "eventVersion": "0"}))
    (captures / "one.jsonl").write_text("\n".join([*lines, *odd]) + "\n")
    truth = [
        json.dumps(
            {
                "groundTruthData": {"data": "pneumonia" if ill else "normal", "encoding": "CSV"},
                "eventMetadata": {"eventId": f"image-{number}" if ids else f"event-{number}"},
                "eventVersion": "0",
            }
        )
        for number, ill in enumerate(true)
    ]
    (labels / "one.jsonl").write_text("\n".join(truth) + "\n")
    return captures, labels


@pytest.fixture
def known(tmp_path):
    path = tmp_path / "calibration_baseline.json"
    path.write_text(json.dumps(calibration.baseline(*made(600), simulation.BAND, "pneumonia")))
    return path


def test_captures_and_labels_become_a_report_metrics_and_an_alarm(tmp_path, known, capsys):
    said, _ = made(700, seed=3)
    true = simulation.labels(np.random.default_rng(1), said, lambda logit: 0.5 * logit - 1)
    captures, labels = write(tmp_path, said, true)
    command = ["calibration", "--captures", str(captures), "--labels", str(labels), "--baseline", str(known)]
    assert main([*command, "--out", str(tmp_path / "out"), "--fail-on-alarm"]) == 3
    report = json.loads((tmp_path / "out" / calibration_command.REPORT).read_text())
    assert (report["rows"], report["joined"]) == (700, 700)
    assert "cox" in report["alarms"]
    assert "alarm: cox" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "out" / "metrics.jsonl").read_text())
    assert metrics["CalibrationAlarms"] == len(report["alarms"])
    assert metrics["CalibrationSlope"] == pytest.approx(0.5, abs=0.2)
    assert 0 < metrics["AbstainShare"] < 1


def test_labels_may_come_later_by_event_id_and_without_any(tmp_path, known):
    said, true = made(200, seed=4)
    captures, labels = write(tmp_path, said, true, ids=False)
    command = ["calibration", "--captures", str(captures), "--baseline", str(known), "--state", str(tmp_path / "state")]
    assert main([*command, "--out", str(tmp_path / "first")]) == 0
    first = json.loads((tmp_path / "first" / "calibration.json").read_text())
    assert (first["rows"], first["joined"], first["calibration"]["too_few"]) == (200, 0, True)
    assert main([*command, "--labels", str(labels), "--out", str(tmp_path / "second")]) == 0
    second = json.loads((tmp_path / "second" / "calibration.json").read_text())
    assert (second["rows"], second["joined"]) == (0, 200)
    assert second["calibration"]["labels"] == 200


def test_damaged_lines_and_foreign_answers_are_counted(tmp_path, known):
    said, true = made(50, seed=5)
    odd = ["no json", json.dumps({"captureData": {}, "eventMetadata": {"eventId": "x"}, "eventVersion": "0"})]
    captures, labels = write(tmp_path, said, true, odd=odd)
    other = captures / "other.jsonl"
    other.write_text((captures / "one.jsonl").read_text().splitlines()[0].replace("event-0", "event-x"))
    text = other.read_text()
    foreign = base64.b64encode(json.dumps({"predictions": [{"label": "cat", "probability": 1.0}]}).encode()).decode()
    document = json.loads(text)
    document["captureData"]["endpointOutput"]["data"] = foreign
    other.write_text(json.dumps(document) + "\n")
    command = ["calibration", "--captures", str(captures), "--labels", str(labels), "--baseline", str(known)]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert report["rows"] == 50
    assert report["capture"]["damaged"]["count"] >= 2


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [("--baseline", "none.json", "cannot be read"), ("--baseline", "other.json", "no calibration baseline")],
)
def test_a_wrong_baseline_is_explained(tmp_path, capsys, option, value, reason):
    (tmp_path / "other.json").write_text("{}")
    captures, _ = write(tmp_path, [0.5], [True])
    arguments = [
        "calibration",
        "--captures",
        str(captures),
        option,
        str(tmp_path / value),
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(arguments) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_chance_of_false_alarms_that_is_none_is_refused(tmp_path, known, capsys):
    captures, _ = write(tmp_path, [0.5], [True])
    arguments = ["calibration", "--captures", str(captures), "--baseline", str(known), "--out", str(tmp_path / "o")]
    assert main([*arguments, "--alpha", "1.5"]) == 2
    assert "--alpha" in capsys.readouterr().err
