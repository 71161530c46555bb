"""Labels, quality, bias, attributions: the joins against a plain dictionary, the figures against other code."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from training.monitoring import attribution, bias, facets, scores, truth
from training.monitoring.bias import Counts
from training.monitoring.errors import DamageError, MonitoringError
from training.monitoring.outcome import Outcome
from training.monitoring.sources import Source
from training.monitoring.truth import Truth

if TYPE_CHECKING:
    from pathlib import Path

    from training.monitoring.columns import Value


def ground_truth(key: str, label: str) -> bytes:
    document = {
        "groundTruthData": {"data": label, "encoding": "CSV"},
        "eventMetadata": {"eventId": key},
        "eventVersion": "0",
    }
    return json.dumps(document).encode() + b"\n"


def file(content: bytes) -> Source:
    def chunks() -> Iterator[bytes]:
        yield content

    return Source("labels.jsonl", "1", chunks)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 8), st.integers(0, 1), st.sampled_from(["x", "y"])),
        max_size=40,
    )
)
def test_labels_meet_predictions_in_any_order(events: list[tuple[bool, int, int, str]]) -> None:
    store = Truth()
    predicted: dict[tuple[str, int], str] = {}
    labels: dict[tuple[str, int], str] = {}
    for is_label, number, row, value in events:
        key = (f"id-{number}", row)
        if is_label:
            store.label([(*key, value)])
            labels[key] = value
        else:
            store.predict([(*key, {"predicted": value})])
            predicted.setdefault(key, value)

    expected = sorted((key[0], predicted[key], labels[key]) for key in predicted.keys() & labels.keys())
    assert sorted((key, value["predicted"], label) for key, value, label in store.joined()) == expected
    found = store.summary()
    assert (found["joined"], found["predictions"]) == (len(expected), len(predicted))
    assert found["labels_waiting"] == len(labels.keys() - predicted.keys())
    seen = found["labels"] + found["labels_repeated"] + found["labels_corrected"]
    assert seen == sum(event[0] for event in events)


def test_a_label_may_come_runs_later_and_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "truth.sqlite"

    def run(predictions: list[str], labels: list[tuple[str, str]], keep: bool = True) -> list[str]:
        with Truth(path) as store:
            store.predict((key, 0, {"predicted": "a"}) for key in predictions)
            store.read([file(b"".join(ground_truth(*label) for label in labels))])
            found = sorted(key for key, _, _ in store.joined(only_new=True))
            if keep:
                store.keep()
            return found

    assert run(["1", "2", "3"], [("1", "a")]) == ["1"]
    assert run(["4"], [("2", "a"), ("1", "a"), ("9", "b")], keep=False) == ["2"]
    assert run(["4"], [("2", "a"), ("1", "a"), ("9", "b")]) == ["2"]
    assert run(["9"], [("4", "b")]) == ["4", "9"]
    assert run([], []) == []
    (tmp_path / "other").write_text("no database at all, but long enough to look at" * 10)
    with pytest.raises(MonitoringError, match="store of labels"):
        Truth(tmp_path / "other")


def test_what_waits_too_long_is_forgotten_and_odd_ids_are_no_harm(tmp_path: Path) -> None:
    for now, key in ((0, "old"), (truth.KEPT_SECONDS - 1, "half a \ud800 character"), (truth.KEPT_SECONDS + 1, "new")):
        with Truth(tmp_path / "truth.sqlite", now) as store:
            store.predict([(key, 0, {"predicted": "a"})])
            store.label([(key, 0, "\udfff")])
            store.keep()

    with Truth(tmp_path / "truth.sqlite", truth.KEPT_SECONDS + 2) as store:
        assert store.summary()["joined"] == 2


def test_damaged_labels_are_counted_with_their_line() -> None:
    store = Truth()
    content = ground_truth("1", "a") + b"{\n[]\n" + ground_truth("2", "b")[:-9]
    store.read([file(content)])

    assert [place["line"] for place in store.damage.places] == [2, 3, 4]
    assert store.summary()["labels_waiting"] == 1
    assert truth.parse(ground_truth("3", "a\nb")) == [("3", 0, "a"), ("3", 1, "b")]
    for wrong in (b"", b'{"groundTruthData": {"data": "1", "encoding": "JSON"}, "eventMetadata": {"eventId": "1"}}'):
        with pytest.raises(DamageError):
            truth.parse(wrong)


classes = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(classes, classes), min_size=1, max_size=40))
def test_accuracy_and_f1_are_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    labels, predicted = ([pair[side] for pair in pairs] for side in (0, 1))

    found = scores.classification(labels, predicted)

    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    names = sorted({*labels, *predicted})
    matrix = [[found["confusion"][row][column] for column in names] for row in names]
    assert matrix == [[pairs.count((row, column)) for column in names] for row in names]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10).map(lambda tenths: tenths / 10)), min_size=1, max_size=60))
def test_the_auc_is_scikit_learns_with_ties(pairs: list[tuple[bool, float]]) -> None:
    hit, score = ([pair[side] for pair in pairs] for side in (0, 1))

    found = scores.auc(hit, score)

    if len(set(hit)) < 2:
        assert found is None
    else:
        assert found == pytest.approx(metrics.roc_auc_score(hit, score))


def test_probabilities_are_judged_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([1, 1, 1], size=300)
    names = ["a", "b", "c"]
    labels = [names[k] for k in rng.integers(3, size=300)]

    assert scores.macro_auc(labels, chances, names) == pytest.approx(
        metrics.roc_auc_score(labels, chances, multi_class="ovr", average="macro")
    )
    wanted = np.array([[label == name for name in names] for label in labels])
    assert scores.brier(labels, chances, names) == pytest.approx(((chances - wanted) ** 2).sum(axis=1).mean())
    two = np.column_stack([1 - chances[:, 0], chances[:, 0]])
    binary = ["yes" if label == "a" else "no" for label in labels]
    assert scores.brier(binary, two, ["no", "yes"]) == pytest.approx(
        metrics.brier_score_loss(np.array(binary) == "yes", two[:, 1])
    )


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_its_bins(pairs: list[tuple[bool, float]]) -> None:
    right, sure = ([pair[side] for pair in pairs] for side in (0, 1))
    total = 0.0
    for place in range(scores.ECE_BINS):
        low, high = place / scores.ECE_BINS, (place + 1) / scores.ECE_BINS
        inside = [k for k, value in enumerate(sure) if low < value * 1 <= high or (place == 0 and value == 0)]
        if inside:
            gap = sum(right[k] for k in inside) / len(inside) - sum(sure[k] for k in inside) / len(inside)
            total += len(inside) / len(sure) * abs(gap)
    # A value within rounding of an edge may fall on either side.
    if not any(abs(value * scores.ECE_BINS - round(value * scores.ECE_BINS)) < 1e-9 for value in sure):
        assert scores.calibration_error(right, sure) == pytest.approx(total)
    assert 0 <= scores.calibration_error(right, sure) <= 1


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=40))
def test_regression_is_scikit_learns(pairs: list[tuple[float, float]]) -> None:
    labels, predicted = ([pair[side] for pair in pairs] for side in (0, 1))

    found = scores.regression(labels, predicted)

    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(labels, predicted))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(labels, predicted))
    if np.var(labels) > 1e-6:
        assert found["r2"] == pytest.approx(metrics.r2_score(labels, predicted))
    with pytest.raises(MonitoringError):
        scores.regression([], [])


EXAMPLE_A, EXAMPLE_D = Counts(tp=65, fp=10, tn=20, fn=5), Counts(tp=20, fp=5, tn=18, fn=7)
"""The confusion matrices of Clarify's own examples for RD and SD."""


def test_bias_metrics_give_what_clarifys_pages_give() -> None:
    found = bias.of_predictions(EXAMPLE_A, EXAMPLE_D)
    assert found["RD"] == pytest.approx(65 / 70 - 20 / 27)
    assert found["SD"] == pytest.approx(0.1159, abs=1e-4)
    treatment = bias.of_predictions(Counts(50, 6, 36, 8), Counts(23, 2, 20, 5))["TE"]
    assert treatment == pytest.approx(2.5 - 8 / 6)
    # 100 of a, 60 accepted by the model, 70 by the labels; 50 of d, 30 and 20: DCAcc = 70/60 - 20/30
    assert bias.of_predictions(Counts(60, 0, 30, 10), Counts(20, 10, 20, 0))["DCAcc"] == pytest.approx(0.5)
    # rejected: 60 and 30 by the model, 50 and 40 by the labels: DCR = 40/30 - 50/60
    assert bias.of_predictions(Counts(40, 0, 50, 10), Counts(10, 10, 30, 0))["DCR"] == pytest.approx(0.5)
    assert bias.of_predictions(Counts(35, 35, 0, 0), Counts(40, 60, 0, 0))["DAR"] == pytest.approx(0.1)
    assert bias.of_predictions(Counts(0, 0, 80, 20), Counts(0, 0, 40, 10))["DRR"] == pytest.approx(0)
    assert bias.of_predictions(Counts(60, 10, 10, 20), Counts(40, 10, 10, 40))["AD"] == pytest.approx(0.2)
    assert bias.of_predictions(Counts(6, 0, 4, 0), Counts(5, 0, 5, 0))["DI"] == pytest.approx(0.5 / 0.6)
    assert bias.kl(np.array([0.2, 0.8]), np.array([0.7, 0.3])) == pytest.approx(0.53, abs=0.005)
    # 60 % of the rejected and 50 % of the accepted are of d: DD = 0.1
    assert bias.conditional_disparity({"": (Counts(50, 0, 40, 0), Counts(50, 0, 60, 0))}, False) == pytest.approx(0.1)


outcomes = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.sampled_from("gh")), max_size=60)


def share(rows: list[Any], of: list[Any]) -> float | None:
    return len(rows) / len(of) if of else None


def minus(one: float | None, other: float | None) -> Any:
    return None if one is None or other is None else pytest.approx(one - other)


@given(outcomes)
def test_bias_metrics_are_those_of_counting_rows(rows: list[tuple[bool, bool, bool, str]]) -> None:
    """Each row: is it of the favoured group, its label, its prediction, its subgroup."""
    a, d = ([row for row in rows if row[0] == side] for side in (True, False))
    if not a or not d:
        with pytest.raises(MonitoringError):
            bias.of_labels(["1"] * len(a), ["1"] * len(d), "1")
        return
    sides = [Counts.of(*(np.array([row[k] for row in part], dtype=bool) for k in (1, 2))) for part in (a, d)]
    found = bias.of_predictions(*sides)

    def rate(part: list[Any], hit: Any, among: Any) -> float | None:
        return share([r for r in part if among(r) and hit(r)], [r for r in part if among(r)])

    label, said = (lambda r: r[1]), (lambda r: r[2])
    wrong, refused = (lambda r: not r[1]), (lambda r: not r[2])
    everyone = bool
    assert found["DPPL"] == minus(rate(a, said, everyone), rate(d, said, everyone))
    assert found["RD"] == minus(rate(a, said, label), rate(d, said, label))
    assert found["SD"] == minus(rate(d, refused, wrong), rate(a, refused, wrong))
    assert found["DAR"] == minus(rate(a, label, said), rate(d, label, said))
    assert found["DRR"] == minus(rate(d, wrong, refused), rate(a, wrong, refused))
    same = lambda r: r[1] == r[2]  # noqa: E731
    assert found["AD"] == minus(rate(a, same, everyone), rate(d, same, everyone))
    benefits = [row[2] - row[1] + 1 for row in rows]
    mean = sum(benefits) / len(benefits)
    spread = None if mean == 0 else sum((b / mean) ** 2 - 1 for b in benefits) / (2 * len(benefits))
    assert found["GE"] == (None if spread is None else pytest.approx(spread, abs=1e-12))
    labels = bias.of_labels(*([str(int(r[1])) for r in part] for part in (a, d)), "1")
    p, q = (sum(r[1] for r in part) / len(part) for part in (a, d))
    assert labels["CI"] == pytest.approx((len(a) - len(d)) / len(rows))
    assert labels["DPL"] == pytest.approx(p - q)
    assert [labels["TVD"], labels["KS"]] == pytest.approx([abs(p - q)] * 2)
    assert labels["LP"] == pytest.approx(math.sqrt(2) * abs(p - q))
    middle = (p + q) / 2
    parts = [(p, middle), (q, middle), (1 - p, 1 - middle), (1 - q, 1 - middle)]
    js = sum(side * math.log(side / mid) / 2 for side, mid in parts if side)
    assert labels["JS"] == pytest.approx(js, abs=1e-12)
    expected = 0.0
    for name in "gh":
        group = [row for row in rows if row[3] == name]
        yes, no = ([row for row in group if row[2] == accepted] for accepted in (True, False))
        of_d = [(share([row for row in part if not row[0]], part) or 0) for part in (no, yes)]
        expected += len(group) / len(rows) * (of_d[0] - of_d[1])
    store = Outcome("classification")
    store.add(
        (str(k), {"predicted": str(int(row[2])), "favoured": row[0], "group": row[3]}, str(int(row[1])))
        for k, row in enumerate(rows)
    )
    whole = store.bias(facets.Facet("sex"), "1")
    assert whole is not None
    assert whole["metrics"]["CDDPL"] == pytest.approx(expected)
    assert whole["metrics"]["RD"] == found["RD"]
    assert set(whole["metrics"]) == set(bias.FORMULAS)


def test_ratios_by_zero_are_none_and_infinite_divergences_too() -> None:
    found = bias.of_predictions(Counts(0, 0, 5, 0), Counts(0, 0, 5, 0))
    assert (found["DI"], found["RD"], found["TE"], found["GE"]) == (None, None, None, 0)
    assert bias.of_predictions(Counts(0, 0, 0, 3), Counts(0, 0, 0, 3))["GE"] is None
    assert bias.of_labels(["1", "0"], ["1"], "1")["KL"] is None
    assert bias.conditional_disparity({}, True) is None


def test_the_ndcg_is_clarifys_example() -> None:
    before = {"SAT score": 0.70, "GPA": 0.50, "Class rank": 0.05}
    now = {"SAT score": 0.10, "GPA": 0.20, "Class rank": 0.70}
    assert attribution.ndcg(before, now) == pytest.approx(0.69, abs=0.005)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2))
def test_the_ndcg_is_scikit_learns(pairs: dict[str, tuple[float, float]]) -> None:
    before, now = ({name: pair[side] for name, pair in pairs.items()} for side in (0, 1))
    found = attribution.ndcg(before, now)
    assert 0 <= found <= 1 + 1e-12
    assert attribution.ndcg(before, before) == pytest.approx(1)
    if len(set(now.values())) == len(now) and max(before.values()) > 1e-9:  # it averages over ties, Clarify does not
        arrays = [[list(side.values())] for side in (before, now)]
        assert found == pytest.approx(metrics.ndcg_score(*arrays))


def test_attributions_of_other_features_are_refused() -> None:
    with pytest.raises(MonitoringError, match="same features"):
        attribution.ndcg({"a": 1.0}, {"b": 1.0})
    with pytest.raises(MonitoringError, match="absolute"):
        attribution.ndcg({"a": 1.0}, {"a": -1.0})


@pytest.mark.parametrize(
    ("rule", "row", "expected"),
    [
        ("sex=male", {"sex": "male"}, True),
        ("sex=male|other", {"sex": "female"}, False),
        ("age>=40", {"age": "40"}, True),
        ("age >= 40", {"age": 39.5}, False),
        ("age>=40", {"age": "old"}, None),
        ("age>=40", {"sex": "male"}, None),
        ("season=1", {"season": 1.0}, True),
    ],
)
def test_facets(rule: str, row: dict[str, Value], expected: bool | None) -> None:
    facet = facets.parse(rule)
    assert facet.favoured(row.get(facet.column)) is expected


@pytest.mark.parametrize("rule", ["age", "=x", "age>=old"])
def test_facets_that_are_none(rule: str) -> None:
    with pytest.raises(MonitoringError):
        facets.parse(rule)
