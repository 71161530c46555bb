"""Thresholds, bands and what they mean; the map inside the exported model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tests.lazily import Lazily
from training.errors import TrainingError
from training.learning.calibration import maps, operating
from training.learning.calibration.operating import Goal, Rule

onnxruntime, torch = Lazily("onnxruntime"), Lazily("torch")
served, exporting = Lazily("training.learning.calibration.served"), Lazily("training.learning.export")


def drawn(count=600, seed=0, apart=2.2):
    """Calibrated probabilities (the truth is drawn from them), one patient per image."""
    rng = np.random.default_rng(seed)
    p = special.expit(rng.normal(-1.2, apart, count))
    return p, rng.random(count) < p, [f"p{k}" for k in range(count)]


# --- threshold ------------------------------------------------------------------------------------


def test_the_threshold_is_the_highest_that_finds_the_share():
    p, y, who = drawn()
    cut = operating.threshold(p, y, who, Goal(0.9))
    assert (p[y] >= cut).mean() >= 0.9
    higher = np.sort(p[y])[np.searchsorted(np.sort(p[y]), cut) + 1]
    assert (p[y] >= higher).mean() < 0.9
    assert cut not in p  # half way between two images, so that rounding moves none across


def test_confidence_lowers_the_threshold():
    p, y, who = drawn()
    cuts = [operating.threshold(p, y, who, Goal(0.9, confidence=c)) for c in (0.5, 0.8, 0.95)]
    assert cuts[0] > cuts[1] > cuts[2]


def test_a_confident_threshold_keeps_its_word_on_new_patients():
    """In about nine of ten worlds the true sensitivity reaches the goal; with the share as found, in about half."""
    rng = np.random.default_rng(5)
    kept = {0.5: 0, 0.9: 0}
    world = special.expit(rng.normal(1.5, 1.5, 20_000))  # scores of the ill, all there are
    for _ in range(80):
        p = rng.choice(world, 60)
        for confidence in kept:
            cut = operating.threshold(p, np.ones(60, bool), np.arange(60), Goal(0.9, confidence=confidence))
            kept[confidence] += (world >= cut).mean() >= 0.9
    assert 24 <= kept[0.5] <= 60
    assert kept[0.9] >= 66


def test_too_few_ill_patients_are_named():
    p, y, _ = drawn(40)
    with pytest.raises(TrainingError, match=r"target_sensitivity = 0\.95: .* asks for 59 ill patients .* there are 1;"):
        operating.threshold(p, y, ["same"] * 40, Goal(0.95, confidence=0.95))


# --- band -----------------------------------------------------------------------------------------


def test_the_band_keeps_the_goals_and_is_the_smallest_that_does():
    p, y, who = drawn()
    goal = Goal(0.95, specificity=0.95)
    at = operating.threshold(p, y, who, goal)
    low, high = operating.band(p, y, who, goal, at)
    decided = operating.judge(p, y, who, Rule(at, (low, high)))["decided"]
    assert low <= at <= high
    assert decided["sensitivity"]["value"] >= 0.95
    assert decided["specificity"]["value"] >= 0.95
    abstained = ((p >= low) & (p < high)).mean()
    for a in np.quantile(p, np.linspace(0, 1, 40)):
        for b in np.quantile(p, np.linspace(0, 1, 40)):
            if a <= at <= b and ((p >= a) & (p < b)).mean() < abstained - 1e-9:
                verdicts = Rule(at, (a, b)).verdicts(p)
                ill, well = y & (verdicts >= 0), ~y & (verdicts >= 0)
                kept = ill.any() and (verdicts[ill] == 1).mean() >= 0.95 and (verdicts[well] == 0).mean() >= 0.95
                assert not kept


def test_a_good_model_needs_no_band():
    p = np.concatenate([np.linspace(0.01, 0.2, 50), np.linspace(0.8, 0.99, 50)])
    goal = Goal(0.9, specificity=0.9)
    at = operating.threshold(p, p > 0.5, range(100), goal)
    assert operating.band(p, p > 0.5, range(100), goal, at) == (at, at)


def test_the_ppv_is_meant_at_the_stated_prevalence():
    p, y, who = drawn(2000)
    goal = Goal(0.8, ppv=0.8, prevalence=0.02)
    at = operating.threshold(p, y, who, goal)
    band = operating.band(p, y, who, goal, at)
    (row,) = operating.at_prevalences(operating.judge(p, y, who, Rule(at, band)), [0.02])
    assert row["ppv"] >= 0.8
    assert band[1] > operating.band(p, y, who, Goal(0.8, ppv=0.8, prevalence=0.3), at)[1]


def test_a_goal_out_of_reach_is_named():
    rng = np.random.default_rng(1)
    p, y = rng.random(200), rng.random(200) < 0.3
    goal = Goal(0.99, specificity=0.99, confidence=0.9)
    with pytest.raises(TrainingError, match=r"out of reach|asks for"):
        operating.band(p, y, [str(k) for k in range(200)], goal, 0.3)


def test_the_band_of_costs_is_chows_rule_and_costs_least():
    low, high = operating.band_of_costs(missed=20, alarm=4, undecided=1)
    assert (low, high) == (1 / 20, 1 - 1 / 4)
    p, y, _ = drawn(20_000, seed=3)

    def cost(a, b):
        verdicts = Rule(a, (a, b)).verdicts(p)
        return (20 * (y & (verdicts == 0)) + 4 * (~y & (verdicts == 1)) + (verdicts == -1)).mean()

    assert cost(low, high) <= min(cost(a, b) for a in (0.02, 0.1, 0.2) for b in (0.5, 0.65, 0.85, 0.95)) + 1e-3


def test_where_abstaining_never_pays_the_band_is_empty():
    assert operating.band_of_costs(missed=1, alarm=1, undecided=10) == (0.5, 0.5)
    with pytest.raises(TrainingError, match="cost_alarm = 0"):
        operating.band_of_costs(1, 0, 1)


# --- what a rule means ----------------------------------------------------------------------------


def test_the_verdicts_are_counted_by_class():
    p, y = np.array([0.1, 0.3, 0.5, 0.9, 0.2, 0.7]), np.array([0, 0, 1, 1, 1, 0], bool)
    found = operating.judge(p, y, list("abcdef"), Rule(0.4, (0.25, 0.6)))
    assert found["confusion"] == [[1, 1, 1], [1, 1, 1]]
    assert found["abstained"]["value"] == pytest.approx(1 / 3)
    assert found["at_threshold"]["sensitivity"]["value"] == pytest.approx(2 / 3)
    assert found["decided"]["ppv"]["value"] == 0.5


def test_prior_shift_is_bayes_rule():
    p, y, who = drawn(4000)
    found = operating.judge(p, y, who, Rule(0.4, (0.4, 0.4)))
    own = y.mean()
    at_own, rare = operating.at_prevalences(found, [float(own), 0.01])
    assert at_own["ppv"] == pytest.approx(found["decided"]["ppv"]["value"])
    assert at_own["npv"] == pytest.approx(found["decided"]["npv"]["value"])
    sensitivity, specificity = (found["at_threshold"][name]["value"] for name in ("sensitivity", "specificity"))
    assert rare["ppv"] == pytest.approx(operating.predictive(sensitivity, specificity, 0.01)[0])


def test_net_benefit_of_treating_all_is_the_prevalence_at_no_cost():
    p, y, _ = drawn()
    found = operating.net_benefit(p, y, np.array([1e-9, 0.2]))
    assert found["all"][0] == pytest.approx(y.mean())
    assert found["model"][1] > found["all"][1]
    assert (found["none"] == 0).all()


# --- in the exported model ------------------------------------------------------------------------


def line():
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))


@pytest.mark.parametrize("kind", maps.KINDS)
def test_the_exported_model_says_what_the_map_says(tmp_path, kind):
    rng = np.random.default_rng(2)
    margins = rng.normal(0, 3, 4000)
    found = maps.fit(kind, margins, rng.random(4000) < special.expit(0.4 * margins - 1) ** 2)
    network, images = line(), torch.randn(512, 1, 2, 2) * 6
    exporting.export(served.Served(network, found), tmp_path / "model.onnx", images)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    said, scores = session.run(["probabilities", "scores"], {"images": images.numpy()})
    assert said.sum(1) == pytest.approx(np.ones(512), abs=1e-6)
    expected = found((scores[:, 1] - scores[:, 0]).astype(float))
    assert said[:, 1] == pytest.approx(expected, abs=2e-5)
    assert np.ptp(expected) > 0.5


def test_a_level_isotonic_map_can_be_exported(tmp_path):
    margins = np.linspace(3, -3, 120)
    found = maps.fit("isotonic", margins, margins < 0)  # ranks the wrong way round: one step for all
    exporting.export(served.Served(line(), found), tmp_path / "model.onnx", torch.randn(4, 1, 2, 2))
    assert found(np.array([-9.0, 9.0])) == pytest.approx([0.5, 0.5])
