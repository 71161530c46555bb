"""Figures of calibration and ranking, held against scikit-learn and against what is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.lazily import Lazily
from training.learning.calibration import intervals, ranking, reliability

metrics, calibrators = Lazily("sklearn.metrics"), Lazily("sklearn.calibration")


def judged(count=500, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    positive = rng.random(count) < 0.3
    scores = np.clip(rng.normal(0.4 + 0.2 * positive, 0.2), 0, 1)
    return (np.round(scores, 1) if ties else scores), positive, np.repeat(np.arange(count // 2), 2)


# --- calibration ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["width", "mass"])
def test_the_calibration_error_is_the_mean_gap_of_the_bins(way):
    p = np.array([0.05, 0.05, 0.05, 0.05, 0.95, 0.95])
    y = np.array([0, 0, 1, 1, 1, 1])
    assert reliability.error(p, y, way) == pytest.approx((4 * 0.45 + 2 * 0.05) / 6)


def test_the_gaps_are_those_of_scikit_learns_calibration_curve():
    p, y, _ = judged()
    shares, said = calibrators.calibration_curve(y, p, n_bins=10, strategy="uniform")
    counts = np.bincount(np.minimum((p * 10).astype(int), 9), minlength=10)
    counts = counts[counts > 0]
    assert reliability.error(p, y) == pytest.approx(float((np.abs(shares - said) * counts).sum() / len(p)))


def test_one_probability_for_all_has_one_gap_however_it_is_binned():
    p, y = np.full(50, 0.2), np.arange(50) < 20
    assert reliability.error(p, y, "mass") == pytest.approx(0.2)
    assert reliability.error(p, y, "width") == pytest.approx(0.2)
    assert len(reliability.diagram(p, y)) == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_the_parts_of_the_brier_score_add_up(pairs):
    p, y = np.array([x for x, _ in pairs]), np.array([x for _, x in pairs])
    found = reliability.summary(p, y)
    parts = found["uncertainty"] + found["reliability"] - found["resolution"] + found["within_bins"]
    assert parts == pytest.approx(found["brier"], abs=1e-12)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(y, p, pos_label=True))
    assert found["ece"] >= abs(found["mean_probability"] - found["prevalence"]) - 1e-12


def test_a_forecast_of_the_base_rate_has_neither_reliability_nor_resolution():
    found = reliability.murphy(np.full(100, 0.3), np.arange(100) < 30)
    assert found["reliability"] == pytest.approx(0, abs=1e-12)
    assert found["resolution"] == pytest.approx(0, abs=1e-12)
    assert found["uncertainty"] == pytest.approx(0.21)


def test_the_log_loss_is_scikit_learns():
    p, y, _ = judged()
    p = np.clip(p, 0.01, 0.99)
    assert reliability.summary(p, y)["log_loss"] == pytest.approx(metrics.log_loss(y, p))


def test_the_diagram_holds_every_image_once_in_bins_of_like_size():
    p, y, patients = judged(1000)
    found = reliability.diagram(p, y, [str(one) for one in patients])
    assert sum(one.images for one in found) == 1000
    assert all(70 <= one.images <= 130 for one in found[1:-1])
    assert all(one.share.low <= one.share.value <= one.share.high for one in found)
    assert [one.probability for one in found] == sorted(one.probability for one in found)


# --- ranking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ties", [False, True])
def test_areas_are_scikit_learns(ties):
    scores, positive, _ = judged(ties=ties)
    assert ranking.auroc(scores, positive) == pytest.approx(metrics.roc_auc_score(positive, scores))
    assert ranking.average_precision(scores, positive) == pytest.approx(
        metrics.average_precision_score(positive, scores)
    )


def test_the_curves_are_scikit_learns():
    scores, positive, _ = judged(ties=True)
    found = ranking.curve(scores, positive)
    false_alarms, sensitivity, thresholds = metrics.roc_curve(positive, scores, drop_intermediate=False)
    assert np.allclose(found["false_alarms"], false_alarms[1:])
    assert np.allclose(found["sensitivity"], sensitivity[1:])
    assert np.allclose(found["threshold"], thresholds[1:])
    precision, _, _ = metrics.precision_recall_curve(positive, scores)
    assert np.allclose(found["precision"][::-1], precision[:-1])


def test_without_both_classes_there_is_no_area():
    assert np.isnan(ranking.auroc(np.array([0.1, 0.9]), np.array([True, True])))


def test_the_bootstraps_weights_equal_repeating_the_images():
    scores, positive, patients = judged(60, ties=True)
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(30, np.full(30, 1 / 30), size=20)
    ordered = ranking._Ordered(scores, positive)
    areas = ordered.auroc(drawn[:, patients].astype(float))
    precisions = ordered.average_precision(drawn[:, patients].astype(float))
    for row, area, precision in zip(drawn, areas, precisions, strict=True):
        taken = np.repeat(np.arange(60), row[patients])
        assert area == pytest.approx(metrics.roc_auc_score(positive[taken], scores[taken]))
        assert precision == pytest.approx(metrics.average_precision_score(positive[taken], scores[taken]))


# --- intervals ------------------------------------------------------------------------------------


def test_independent_images_get_the_interval_of_clopper_and_pearson():
    hits = np.arange(40) < 30
    # Images of different patients: the design effect is n / (n - 1), and at least one.
    found = intervals.proportion(hits, np.arange(40))
    exact = stats.binomtest(30, 40).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == (pytest.approx(exact.low, abs=0.005), pytest.approx(exact.high, abs=0.005))
    assert found.value == 0.75


def test_copies_of_a_patients_image_do_not_narrow_the_interval():
    hits = np.arange(40) < 30
    once, thrice = (intervals.proportion(np.tile(hits, k), np.tile(np.arange(40), k)) for k in (1, 3))
    assert (thrice.low, thrice.high) == (pytest.approx(once.low, abs=1e-9), pytest.approx(once.high, abs=1e-9))


def test_all_or_none_count_a_patient_once():
    found = intervals.proportion(np.ones(30, bool), np.repeat(np.arange(10), 3))
    assert found.high == 1.0
    assert found.low == pytest.approx(stats.binomtest(10, 10).proportion_ci(0.95, "exact").low)
    assert intervals.proportion(np.zeros(0, bool), np.zeros(0)).record() == {
        "value": None,
        "low": None,
        "high": None,
        "count": 0,
    }


def test_nineteen_of_twenty_intervals_hold_the_truth():
    """Coverage over patients with three images each that agree more often than chance has it."""
    rng = np.random.default_rng(3)
    group, held = np.repeat(np.arange(60), 3), {"share": 0, "mean": 0}
    for run in range(100):
        own = rng.beta(1.6, 0.4, 60)  # mean 0.8, patients differ
        hits = rng.random(180) < own[group]
        found = intervals.proportion(hits, group)
        held["share"] += found.low <= 0.8 <= found.high
        drawn = intervals.bootstrap(lambda w, hits=hits: (w * hits).sum(1) / w.sum(1), group, repeats=100, seed=run)
        held["mean"] += drawn.low <= 0.8 <= drawn.high
    assert held["share"] >= 91
    assert held["mean"] >= 87


def test_the_bootstrap_draws_whole_patients():
    seen = []

    def keep(weights):
        seen.append(weights)
        return weights.sum(1)

    intervals.bootstrap(keep, np.array(["a", "a", "b"]), repeats=50)
    assert (seen[1][:, 0] == seen[1][:, 1]).all()
    assert (seen[1][:, 0] + seen[1][:, 2] == 2).all()
