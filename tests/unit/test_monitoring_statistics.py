"""Sketches, columns, tables and baselines, each against what all the data at once would say."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.monitoring import baseline, columns, quality
from training.monitoring.baseline import Baseline
from training.monitoring.columns import Numbers, Texts, Types
from training.monitoring.errors import MonitoringError
from training.monitoring.seen import Distinct, Seen, digest
from training.monitoring.sketch import Sketch
from training.monitoring.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from training.monitoring.table import Row

finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.lists(finite, max_size=40), max_size=10))
def test_a_sketch_is_exact_while_it_holds_everything(parts: list[list[float]]) -> None:
    sketch = Sketch()
    for part in parts:
        sketch.update(part)
    values = np.array([value for part in parts for value in part])

    assert sketch.count == values.size
    assert sketch.error == 0
    if values.size:
        points = np.concatenate([values, values + 0.5])
        assert np.allclose(sketch.ranks(points), [(values <= point).mean() for point in points])
        shares = np.linspace(0, 1, 21)
        smallest = [min(v for v in values if (values <= v).mean() >= share - 1e-9) for share in shares]
        assert sketch.quantiles(shares).tolist() == smallest


def test_a_sketch_keeps_to_its_error_in_little_memory() -> None:
    worst = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = rng.permutation(60_000).astype(float)
        sketch = Sketch(k=256, seed=seed)
        for part in np.split(values, 10):
            sketch.update(part)
        assert sketch.count == 60_000
        assert sum(level.size for level in sketch.levels) < 256 / (1 - 0.64) + 50
        points = np.arange(0, 60_000, 50.0)
        worst.append(np.abs(sketch.ranks(points) - (points + 1) / 60_000).max() / sketch.error)

    assert np.mean(np.array(worst) < 1) >= 0.95


def test_a_sketch_survives_its_document() -> None:
    sketch = Sketch(k=64)
    sketch.update(np.random.default_rng(0).normal(size=5_000))

    again = Sketch.of(json.loads(json.dumps(sketch.document())))

    points = np.linspace(-3, 3, 50)
    assert again.count == sketch.count == 5_000
    assert again.error == sketch.error > 0
    assert np.array_equal(again.ranks(points), sketch.ranks(points))
    with pytest.raises(MonitoringError):
        Sketch(k=2)


@given(st.lists(st.lists(st.integers(0, 30), max_size=20), max_size=20))
def test_seen_is_a_set(parts: list[list[int]]) -> None:
    seen, known = Seen(), set[int]()
    for part in parts:
        expected = []
        for number in part:
            expected.append(number not in known)
            known.add(number)
        assert seen.add([digest(str(number)) for number in part]).tolist() == expected
    assert len(seen) == len(known)


def test_distinct_is_exact_at_first_and_close_later() -> None:
    distinct = Distinct()
    distinct.update(str(number % 900) for number in range(2_000))
    assert distinct.estimate() == 900
    distinct.update(str(number) for number in range(30_000))
    assert abs(distinct.estimate() / 30_000 - 1) < 0.1


@given(st.lists(st.lists(finite, max_size=20), min_size=1, max_size=8))
def test_moments_are_those_of_all_values_together(parts: list[list[float]]) -> None:
    column = Numbers()
    for part in parts:
        column.add(part)
    values = np.array([value for part in parts for value in part])

    assert column.count == column.present == values.size
    if values.size:
        assert column.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-6)
        assert column.deviation == pytest.approx(values.std(), rel=1e-6, abs=1e-3)
        assert (column.low, column.high) == (values.min(), values.max())
        assert column.total == pytest.approx(values.sum(), abs=1e-3)


@given(st.lists(st.floats(), max_size=20), st.lists(st.floats(), min_size=1, max_size=20))
def test_no_number_however_great_breaks_the_statistics(values: list[float], more: list[float]) -> None:
    table = Table({"a": "Fractional"})
    table.add([[value] for value in values])
    table.add_lines([repr(value) for value in more])

    json.dumps(baseline.statistics(table), allow_nan=False)
    column = table.columns["a"]
    assert column.present + column.missing == len(values) + len(more)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1.5", 1.5),
        (" -2 ", -2.0),
        ("1e3", 1000.0),
        (True, 1.0),
        (7, 7.0),
        ("", math.nan),
        (None, math.nan),
        ("NaN", math.nan),
        (math.nan, math.nan),
        ("null", math.nan),
        ("abc", None),
        ("1_000", None),
        ("inf", None),
        (math.inf, None),
        (10**400, None),
        ("1e300", None),
    ],
)
def test_what_a_cell_holds(value: columns.Value, number: float | None) -> None:
    found = columns.as_number(value)
    assert found == number or (found is not None and number is not None and math.isnan(found) and math.isnan(number))


def test_types_are_inferred_from_most_of_the_values() -> None:
    def infer(*values: columns.Value) -> str:
        types = Types()
        types.add(values)
        return types.infer()

    assert infer("1", "2", "", None) == "Integral"
    assert infer("1", "2.5", "nan") == "Fractional"
    assert infer("a", "1") == "String"
    assert infer(True, False) == "String"
    assert infer(*range(50), "a") == "Integral"
    assert infer(None, "") == "Unknown"


def test_texts_are_counted_up_to_a_limit_and_estimated_beyond() -> None:
    column = Texts()
    column.add(["a", "b", "a", "", None, 3])
    assert (column.present, column.missing) == (4, 2)
    assert column.counts == {"a": 2, "b": 1, "3": 1}

    column.add(["somebody's words, " * 10])
    assert (column.other, len(column.counts), column.distinct) == (1, 3, 4)
    column.add([f"text {number}" for number in range(5_000)])
    assert len(column.counts) == columns.CATEGORIES
    assert column.present == column.counts.total() + column.other == 5_005
    assert abs(column.distinct / 5_003 - 1) < 0.1


ROWS = st.lists(
    st.lists(st.sampled_from(["1", "2.5", "-3e2", "", "nan", "abc", "inf", "1_0", "+4"]), min_size=1, max_size=4),
    max_size=20,
)


@given(ROWS)
def test_the_quick_way_counts_what_the_slow_way_counts(rows: list[list[str]]) -> None:
    kinds: dict[str, columns.Kind] = {"a": "Fractional", "b": "Fractional"}
    quick, slow = Table(kinds), Table(kinds)
    for row in rows:
        quick.add_lines([",".join(row)])
    quick.add_lines([])
    slow.add([list[columns.Value](row) for row in rows])

    assert (quick.rows, quick.short, quick.long, quick.repeated) == (slow.rows, slow.short, slow.long, slow.repeated)
    for name in kinds:
        one, other = quick.columns[name], slow.columns[name]
        assert isinstance(one, Numbers)
        assert isinstance(other, Numbers)
        assert (one.present, one.missing, one.mistyped) == (other.present, other.missing, other.mistyped)
        assert one.total == pytest.approx(other.total)
    clean = [row for row in rows if len(row) == 2]
    batch = Table(kinds)
    batch.add_lines([",".join(row) for row in clean])
    assert batch.rows == len(clean)


def training(count: int = 400) -> list[Row]:
    rng = np.random.default_rng(5)
    return [
        {
            "age": int(rng.integers(18, 80)),
            "income": float(rng.normal(0, 2)),
            "city": str(rng.choice(["Rome", "Oslo", "Bern"])),
            "season": int(rng.integers(1, 5)),
            "note": None if number % 4 else f"note {number}",
        }
        for number in range(count)
    ]


def made(rows: list[Row] | None = None) -> Baseline:
    everything = training() if rows is None else rows
    return baseline.make(lambda: [everything[:150], everything[150:]], list(training(1)[0]), ["season"])


NUMBER = {"type": "number"}
COMMON = {
    "type": "object",
    "required": ["num_present", "num_missing"],
    "properties": {"num_present": NUMBER, "num_missing": NUMBER},
}
BUCKET = {
    "type": "object",
    "required": ["lower_bound", "upper_bound", "count"],
    "additionalProperties": False,
    "properties": dict.fromkeys(("lower_bound", "upper_bound", "count"), NUMBER),
}
KLL = {
    "type": "object",
    "required": ["buckets", "sketch"],
    "properties": {
        "buckets": {"type": "array", "items": BUCKET, "minItems": 10, "maxItems": 10},
        "sketch": {
            "type": "object",
            "required": ["parameters", "data"],
            "properties": {
                "parameters": {"required": ["c", "k"], "properties": {"c": NUMBER, "k": NUMBER}},
                "data": {"type": "array", "items": {"type": "array", "items": NUMBER}},
            },
        },
    },
}
STATISTICS: dict[str, Any] = {
    "type": "object",
    "required": ["version", "dataset", "features"],
    "properties": {
        "version": {"const": 0},
        "dataset": {"required": ["item_count"], "properties": {"item_count": NUMBER}},
        "features": {
            "type": "array",
            "items": {
                "required": ["name", "inferred_type"],
                "properties": {
                    "inferred_type": {"enum": ["Integral", "Fractional", "String", "Unknown"]},
                    "numerical_statistics": {
                        "required": ["common", "mean", "sum", "std_dev", "min", "max", "distribution"],
                        "properties": {"common": COMMON, "distribution": {"properties": {"kll": KLL}}},
                    },
                    "string_statistics": {
                        "required": ["common", "distinct_count", "distribution"],
                        "properties": {"common": COMMON},
                    },
                },
                "oneOf": [{"required": ["numerical_statistics"]}, {"required": ["string_statistics"]}],
            },
        },
    },
}
"""The published schema, https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html."""


def test_a_baseline_has_the_published_formats_and_the_right_figures(tmp_path: Path) -> None:
    rows = training()
    found = made(rows)
    found.save(tmp_path)
    statistics, constraints = (json.loads((tmp_path / n).read_text()) for n in ("statistics.json", "constraints.json"))

    jsonschema.validate(statistics, STATISTICS)
    by_name = {feature["name"]: feature for feature in statistics["features"]}
    ages = np.array([row["age"] for row in rows if isinstance(row, dict)], dtype=float)
    numeric = by_name["age"]["numerical_statistics"]
    assert (numeric["mean"], numeric["std_dev"]) == (pytest.approx(ages.mean()), pytest.approx(ages.std()))
    counts, edges = np.histogram(ages, bins=10)
    assert [bucket["count"] for bucket in numeric["distribution"]["kll"]["buckets"]] == counts.tolist()
    assert numeric["distribution"]["kll"]["buckets"][3]["lower_bound"] == pytest.approx(edges[3])
    assert by_name["season"]["inferred_type"] == by_name["city"]["inferred_type"] == "String"
    limits = {feature["name"]: feature for feature in constraints["features"]}
    assert limits["age"]["num_constraints"]["is_non_negative"] is True
    assert limits["income"]["num_constraints"]["is_non_negative"] is False
    assert limits["city"]["string_constraints"]["domains"] == ["Bern", "Oslo", "Rome"]
    assert limits["note"]["completeness"] == 0.25
    assert "string_constraints" not in limits["note"]
    assert constraints["monitoring_config"]["distribution_constraints"]["comparison_threshold"] == 0.1
    assert Baseline.load(tmp_path) == found


def test_a_restored_column_compares_like_the_one_it_was() -> None:
    for feature in made().statistics["features"]:
        column = baseline.restore(json.loads(json.dumps(feature)))
        if isinstance(column, Numbers):
            assert column.count == column.sketch.count == 400
            assert column.deviation == pytest.approx(feature["numerical_statistics"]["std_dev"])
        else:
            assert column.counts.total() + column.other == column.present


def test_a_baseline_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MonitoringError, match="at least one row"):
        made([])
    with pytest.raises(MonitoringError, match="do not have 5 values"):
        made([[1, 2]])
    with pytest.raises(MonitoringError, match="are no columns"):
        baseline.make(list, ["a"], ["b"])
    with pytest.raises(MonitoringError, match="cannot be read"):
        Baseline.load(tmp_path)
    made().save(tmp_path)
    constraints = json.loads((tmp_path / "constraints.json").read_text())
    constraints["features"].pop()
    (tmp_path / "constraints.json").write_text(json.dumps(constraints))
    with pytest.raises(MonitoringError, match="same features"):
        Baseline.load(tmp_path)
    (tmp_path / "constraints.json").write_text("{}")
    with pytest.raises(MonitoringError, match="format"):
        Baseline.load(tmp_path)
    with pytest.raises(MonitoringError, match="cannot be used"):
        baseline.restore({"name": "a", "numerical_statistics": {}})


def violations(rows: list[Row], like: Baseline | None = None) -> set[tuple[str, str]]:
    like = like or made()
    table = Table(like.kinds)
    table.add(rows)
    return {(found["feature_name"], found["constraint_check_type"]) for found in quality.check(table, like)}


def test_rows_like_those_of_training_violate_nothing() -> None:
    assert violations(training(300)) == set()
    assert violations([]) == set()


def test_every_kind_of_violation_is_found() -> None:
    def changed(**values: columns.Value) -> list[Row]:
        return [{**row, **values} for row in training(300) if isinstance(row, dict)]

    assert violations(changed(age="old")) == {("age", "data_type_check")}
    assert violations(changed(age=30.5)) == {("age", "data_type_check")}
    assert violations(changed(income=1)) == set()
    assert violations(changed(season="1")) == set()
    assert violations(changed(season=9)) == {("season", "categorical_values_check")}
    assert violations(changed(income=None)) == {("income", "completeness_check")}
    assert violations(changed(city="Paris")) == {("city", "categorical_values_check")}
    assert violations(changed(age=-1)) == {("age", "range_check")}
    assert violations(changed(income=1e9)) == {("income", "range_check")}
    assert violations(changed(surprise=1)) == {("surprise", "extra_column_check")}
    lacking = changed()
    for row in lacking:
        assert isinstance(row, dict)
        del row["age"]
    assert violations(lacking) == {("age", "missing_column_check"), ("age", "completeness_check")}
    assert ("dataset", "missing_column_check") in violations([[1, 2]])
    assert ("dataset", "extra_column_check") in violations([list(range(9))])
    assert ("dataset", "duplicate_check") in violations(training(40) * 10)


def test_the_constraints_say_what_is_checked() -> None:
    like = made()
    paris: list[Row] = [{**row, "city": "Paris"} for row in training(300) if isinstance(row, dict)]
    like.constraints["features"][2]["monitoringConfigOverrides"] = {"domain_content_threshold": 1.0}
    assert violations(paris, like) == set()
    like = Baseline(like.statistics, {**like.constraints, "monitoring_config": {"evaluate_constraints": "Disabled"}})
    assert violations([[1]], like) == set()
