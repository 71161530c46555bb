"""Maps from log-odds to probabilities, and the choice among them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from tests.lazily import Lazily
from training.errors import TrainingError
from training.learning.calibration import choice, maps

calibrators, frozen, isotonic, linear, judged = (
    Lazily(f"sklearn.{name}") for name in ("calibration", "frozen", "isotonic", "linear_model", "metrics")
)


def drawn(count, seed, truth=special.expit, spread=2.0):
    """Margins, and labels that come true with the probability `truth(margin)`; two images per patient."""
    rng = np.random.default_rng(seed)
    margins = np.repeat(rng.normal(0, spread, count // 2), 2) + rng.normal(0, 0.3, count)
    patients = [f"p{k // 2}" for k in range(count)]
    return margins, rng.random(count) < truth(margins), patients


def skewed(x):
    """As a network says it that was trained with weighted classes, and is too sure: slope 0.5, moved by 1.5."""
    return special.expit(0.5 * x - 1.5)


def test_no_map_is_the_softmax_of_the_scores():
    margins, positive, _ = drawn(100, 1)
    assert np.allclose(maps.fit("none", margins, positive)(margins), special.expit(margins))


def test_temperature_is_the_minimum_of_the_log_loss():
    margins, positive, _ = drawn(2000, 2, lambda x: special.expit(x / 3))
    found = maps.fit("temperature", margins, positive)
    assert 1 / found.slope == pytest.approx(3, rel=0.15)
    best = judged.log_loss(positive, found(margins))
    for other in (0.97, 1.03):
        assert best < judged.log_loss(positive, special.expit(margins * found.slope * other))


def test_platt_equals_scikit_learns_sigmoid():
    margins, positive, _ = drawn(600, 3, skewed)
    model = linear.LogisticRegression(C=1e9).fit(margins[:, None], positive)
    theirs = calibrators.CalibratedClassifierCV(frozen.FrozenEstimator(model), method="sigmoid", ensemble=False)
    theirs.fit(margins[:, None], positive)
    # Theirs works on the model's decision function, ours on that function's values.
    odds = model.decision_function(margins[:, None])
    ours = maps.fit("platt", odds, positive)
    assert np.allclose(ours(odds), theirs.predict_proba(margins[:, None])[:, 1], atol=1e-4)


def test_platt_finds_slope_and_intercept():
    margins, positive, _ = drawn(20_000, 4, skewed)
    found = maps.fit("platt", margins, positive)
    assert (found.slope, found.intercept) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1.5, abs=0.05))


def test_isotonic_has_scikit_learns_values_at_its_knots():
    margins, positive, _ = drawn(1000, 5, lambda x: 0.2 + 0.6 * (x > 0))
    found = maps.fit("isotonic", margins, positive)
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip").fit(margins, positive)
    far = [k for k in range(1, len(found.knots) - 1) if np.diff(found.knots)[k - 1 : k + 1].min() > 2 * maps.GAP]
    assert len(far) > 5
    for k in far:
        assert found.values[k] == pytest.approx(theirs.predict([found.knots[k]])[0], abs=1e-9)


@pytest.mark.parametrize("kind", ["temperature", "platt"])
def test_separable_classes_stay_finite(kind):
    margins = np.concatenate([np.linspace(-3, -1, 30), np.linspace(1, 3, 30)])
    found = maps.fit(kind, margins, margins > 0)
    assert np.isfinite(found(margins)).all()
    assert 0 < found.slope <= maps.SLOPES[1] * 1.001


@given(st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=4, max_size=60), st.sampled_from(maps.KINDS))
def test_every_map_is_monotone_and_a_probability(pairs, kind):
    margins, positive = np.array([x for x, _ in pairs]), np.array([y for _, y in pairs])
    if positive.all() or not positive.any():
        return
    try:
        found = maps.fit(kind, margins, positive, fewest=1)
    except TrainingError:
        assert kind == "platt"  # ranks the wrong way round
        return
    said = found(np.linspace(-40, 40, 997))
    assert (np.diff(said) >= -1e-12).all()
    assert (said >= 0).all()
    assert (said <= 1).all()
    assert kind != "isotonic" or (np.diff(found.knots) >= maps.GAP - 1e-9).all()
    assert kind != "isotonic" or (min(found.values) > 0 and max(found.values) < 1)


def test_what_cannot_be_learnt_from_is_refused_with_its_reason():
    margins, positive, _ = drawn(200, 6)
    with pytest.raises(TrainingError, match="NaN"):
        maps.fit("platt", np.where(np.arange(200) == 3, np.nan, margins), positive)
    with pytest.raises(TrainingError, match=r"calibration = 0: images of the validation set are negative, at least 10"):
        maps.fit("temperature", margins, np.ones(200, bool))
    with pytest.raises(TrainingError, match=r"calibration = 9: .* positive"):
        maps.fit("temperature", margins, np.arange(200) < 9)
    with pytest.raises(TrainingError, match="at least 50"):
        maps.fit("isotonic", margins, np.arange(200) < 20)
    with pytest.raises(TrainingError, match="no better than chance"):
        maps.fit("platt", -margins, positive)
    with pytest.raises(TrainingError, match="choose one of none, temperature"):
        maps.fit("beta", margins, positive)
    with pytest.raises(TrainingError, match="one per label"):
        maps.fit("none", margins, positive[:-1])


# --- the choice -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        (special.expit, "none"),
        (lambda x: special.expit(x / 4), "temperature"),
        (skewed, "platt"),
        (lambda x: 0.1 + 0.8 * (x > 1.0), "isotonic"),
    ],
)
def test_the_simplest_map_that_fits_is_chosen(truth, expected):
    margins, positive, patients = drawn(4000, 7, truth)
    found = choice.choose(margins, positive, patients)
    assert found.map.kind == expected
    assert [one.kind for one in found.candidates] == list(maps.KINDS)
    assert found.record()["patients"] == 2000


def test_isotonic_is_not_tried_with_few_images_and_the_record_says_so():
    margins, positive, patients = drawn(90, 8)
    found = choice.choose(margins, positive, patients)
    assert found.candidates[3] == choice.Candidate("isotonic", None, None, None, None)
    with pytest.raises(TrainingError, match="at least 50"):
        choice.choose(margins, positive, patients, asked="isotonic")


def test_a_patient_never_judges_a_map_that_was_fitted_to_it():
    _, positive, patients = drawn(400, 9)
    fold = choice._folds(np.unique(patients, return_inverse=True)[1], positive, np.random.default_rng(0))
    for patient in set(patients):
        assert len({int(fold[k]) for k in range(400) if patients[k] == patient}) == 1
    sizes = np.bincount(fold)
    assert len(sizes) == choice.FOLDS
    assert sizes.max() - sizes.min() <= 2


def test_images_of_one_patient_do_not_count_as_independent_evidence():
    margins, positive, _ = drawn(300, 10, skewed)
    alone = choice.choose(margins, positive, [f"p{k}" for k in range(300)])
    alike = choice.choose(np.tile(margins, 4), np.tile(positive, 4), [f"p{k % 300}" for k in range(1200)])
    errors = [found.candidates[0].standard_error for found in (alone, alike)]
    assert errors[1] == pytest.approx(errors[0], rel=0.1)  # four copies say no more than one


def test_what_is_asked_for_is_taken_and_still_compared():
    margins, positive, patients = drawn(600, 11, skewed)
    found = choice.choose(margins, positive, patients, asked="temperature")
    assert found.map.kind == "temperature"
    losses = {one.kind: one.log_loss for one in found.candidates}
    assert losses["platt"] < losses["temperature"]
    with pytest.raises(TrainingError, match="choose auto or one of"):
        choice.choose(margins, positive, patients, asked="beta")


def test_many_images_of_one_patient_are_too_few():
    margins, positive, _ = drawn(200, 12)
    with pytest.raises(TrainingError, match=r"calibration = 1: patients .* at least 5"):
        choice.choose(margins, positive, ["p1"] * 200)


def test_equal_inputs_make_equal_choices():
    margins, positive, patients = drawn(400, 13, skewed)
    records = [choice.choose(margins, positive, patients, seed=5).record() for _ in range(2)]
    assert records[0] == records[1]
