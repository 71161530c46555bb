"""Drift: distances and tests against other implementations, corrections against their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lazily import Lazily
from training.monitoring import drift, formulas
from training.monitoring.columns import Numbers, Texts
from training.monitoring.drift import Limits
from training.monitoring.errors import MonitoringError
from training.monitoring.sketch import Sketch

integrate, stats = Lazily("scipy.integrate"), Lazily("scipy.stats")
samples = st.lists(st.one_of(st.floats(-5, 5), st.integers(-3, 3).map(float)), min_size=1, max_size=60)


def sketch(values: list[float]) -> Sketch:
    found = Sketch()
    found.update(values)
    return found


def numbers(values: object) -> Numbers:
    column = Numbers()
    column.add_floats(np.asarray(values, dtype=float))
    return column


def texts(**counts: int) -> Texts:
    column = Texts()
    for name, count in counts.items():
        column.add([name] * count)
    return column


@given(samples, samples)
def test_the_ks_distance_is_scipys(one: list[float], other: list[float]) -> None:
    assert formulas.ks_distance(sketch(one), sketch(other)) == pytest.approx(stats.ks_2samp(one, other).statistic)
    assert formulas.ks_distance(sketch(one), sketch(one)) == 0


@pytest.mark.parametrize("distance", [0.02, 0.05, 0.1, 0.2, 0.5])
def test_the_ks_p_value_is_kolmogorovs_series_and_near_the_exact_one(distance: float) -> None:
    rows, others = 400, 300
    root = math.sqrt(rows * others / (rows + others))
    t = (root + 0.12 + 0.11 / root) * distance
    series = 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * t * t) for k in range(1, 200))

    assert formulas.ks_p_value(distance, rows, others) == pytest.approx(min(series, 1.0), rel=1e-9)

    rng = np.random.default_rng(3)
    one, other = rng.normal(size=rows), rng.normal(distance * 2, size=others)
    exact = stats.ks_2samp(one, other, method="exact")
    assert formulas.ks_p_value(exact.statistic, rows, others) == pytest.approx(exact.pvalue, rel=0.15, abs=1e-12)


@pytest.mark.parametrize(("rows", "others"), [(40, 60), (142, 500), (900, 300)])
def test_the_cramer_von_mises_test_is_scipys(rows: int, others: int) -> None:
    rng = np.random.default_rng(6)
    for shift in (0.0, 0.2, 0.5, 1.0):
        one, other = rng.normal(size=rows), rng.normal(shift, size=others)
        found = stats.cramervonmises_2samp(one, other, method="asymptotic")

        statistic = formulas.cvm_statistic(sketch(list(one)), sketch(list(other)))

        # The middle of the jumps instead of their upper ends: a difference below one step.
        assert statistic == pytest.approx(found.statistic, abs=2 / (rows + others))
        assert formulas.cvm_p_value(found.statistic, rows, others) == pytest.approx(found.pvalue, abs=1e-7)


@pytest.mark.parametrize("x", [0.02, 0.1, 0.46, 1.2, 3.0, 4.5])
def test_the_cramer_von_mises_p_value_is_smirnovs_integral(x: float) -> None:
    """The sum over k of (-1)^(k-1) / pi times the integral, from ((2k-1) pi)^2 to (2k pi)^2, of f(y) dy.

    f(y) = sqrt(-sqrt(y) / sin(sqrt(y))) exp(-xy/2) / y.
    """

    def part(k: int) -> float:
        # y = ((2k - 1/2 + sin(u) / 2) pi)^2 takes the poles at both ends away.
        def inner(u: float) -> float:
            root = (2 * k - 0.5 + math.sin(u) / 2) * math.pi
            scale = math.sqrt(-root / math.sin(root)) * math.exp(-x * root**2 / 2) / root**2
            return scale * 2 * root * math.pi * math.cos(u) / 2

        return float(integrate.quad(inner, -math.pi / 2, math.pi / 2, epsabs=1e-15, limit=200)[0])

    expected = sum((-1) ** (k - 1) * part(k) for k in range(1, 12)) / math.pi
    many = 10**9  # rows: the correction for their number vanishes
    assert formulas.cvm_p_value(x, many, many) == pytest.approx(expected, rel=1e-4, abs=1e-13)


@given(samples, samples)
def test_the_cramer_von_mises_statistic_is_that_of_its_definition(one: list[float], other: list[float]) -> None:
    def middle(values: list[float], at: float) -> float:
        return (sum(v < at for v in values) + sum(v <= at for v in values)) / (2 * len(values))

    m, n = len(one), len(other)
    total = sum((middle(one, at) - middle(other, at)) ** 2 for at in one + other)

    assert formulas.cvm_statistic(sketch(one), sketch(other)) == pytest.approx(m * n / (m + n) ** 2 * total, abs=1e-12)


@pytest.mark.parametrize("values", [2, 3, 10, 1000])
def test_ties_bring_no_false_alarms(values: int) -> None:
    rng = np.random.default_rng(values)
    chances = []
    for _ in range(250):
        one, other = rng.integers(values, size=150), rng.integers(values, size=400)
        statistic = formulas.cvm_statistic(sketch(one.tolist()), sketch(other.tolist()))
        chances.append(formulas.cvm_p_value(statistic, 150, 400))

    assert np.mean(np.array(chances) < 0.05) <= 0.09
    assert np.mean(np.array(chances) < 0.01) <= 0.03


counts = st.lists(st.integers(0, 500), min_size=2, max_size=8)


@given(st.data())
def test_the_chi_square_test_is_scipys(data: st.DataObject) -> None:
    width = data.draw(st.integers(2, 6))
    rows = [data.draw(st.lists(st.integers(1, 400), min_size=width, max_size=width)) for _ in range(2)]
    table = np.array(rows, dtype=float)

    statistic, p_value = formulas.chi_square(table)

    other = stats.chi2_contingency(table, correction=False)
    assert statistic == pytest.approx(other.statistic)
    assert p_value == pytest.approx(other.pvalue)
    assert formulas.l_infinity(table) == pytest.approx(
        max(abs(a / sum(rows[0]) - b / sum(rows[1])) for a, b in zip(*rows, strict=True))
    )


def test_a_chi_square_test_of_nothing_finds_nothing() -> None:
    assert formulas.chi_square(np.array([[3.0, 0.0], [5.0, 0.0]])) == (0.0, 1.0)
    assert formulas.chi_square(np.array([[0.0, 0.0], [5.0, 1.0]])) == (0.0, 1.0)
    assert formulas.l_infinity(np.zeros((2, 3))) == 0


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=12))
def test_pooling_keeps_all_counts_and_leaves_no_rare_category(pairs: list[tuple[int, int]]) -> None:
    table = np.array(pairs, dtype=float).T
    pooled = formulas.pool(table)

    assert pooled.sum(axis=1).tolist() == table.sum(axis=1).tolist()
    if pooled.shape[1] > 1:
        expected = np.outer(pooled.sum(axis=1), pooled.sum(axis=0)) / pooled.sum()
        assert expected.min() >= 5


@given(counts, st.data())
def test_the_psi_is_the_symmetric_divergence(before: list[int], data: st.DataObject) -> None:
    now = data.draw(st.lists(st.integers(0, 500), min_size=len(before), max_size=len(before)))
    p, q = ([(count + 0.5) / (sum(side) + 0.5 * len(side)) for count in side] for side in (before, now))

    found = formulas.psi(before, now)

    assert found == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-12)
    assert found >= 0
    assert formulas.psi(before, before) == 0


def test_the_psi_of_a_normal_shift_is_its_square() -> None:
    rng = np.random.default_rng(0)
    before, now = sketch(list(rng.normal(size=100_000))), sketch(list(rng.normal(0.5, size=100_000)))

    assert formulas.numeric_psi(before, now, bins=200) == pytest.approx(0.25, abs=0.02)
    assert formulas.numeric_psi(before, now) == pytest.approx(0.24, abs=0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_corrections_are_those_of_their_definitions(p_values: list[float]) -> None:
    assert formulas.adjust(p_values, "benjamini-hochberg") == pytest.approx(stats.false_discovery_control(p_values))
    assert formulas.adjust(p_values, "none") == p_values
    # Holm closes Bonferroni: a hypothesis falls when every set of hypotheses with it falls.
    everyone = range(len(p_values))
    closed = [
        max(
            min(1.0, len(group) * min(p_values[k] for k in group))
            for size in range(1, len(p_values) + 1)
            for group in itertools.combinations(everyone, size)
            if place in group
        )
        for place in everyone
    ]
    assert formulas.adjust(p_values, "holm") == pytest.approx(closed)


def test_a_shift_is_found_in_its_column_only() -> None:
    rng = np.random.default_rng(1)
    before = {f"f{k}": numbers(rng.normal(size=2_000)) for k in range(13)}
    now = {name: numbers(rng.normal(0.5 if name == "f7" else 0, size=500)) for name in before}

    found = drift.compare(before, now)

    assert [one.feature for one in found if one.alarm] == ["f7"]
    assert [one.feature for one in found] == list(before)


def test_a_difference_too_small_to_matter_is_no_alarm_however_sure() -> None:
    rng = np.random.default_rng(2)
    before, now = {"f": numbers(rng.normal(size=50_000))}, {"f": numbers(rng.normal(0.1, size=50_000))}

    (found,) = drift.compare(before, now)
    (strict,) = drift.compare(before, now, Limits(numeric=0.01))

    assert found.adjusted is not None
    assert found.adjusted < 1e-6
    assert not found.alarm
    assert strict.alarm


def test_categories_drift_too_and_new_ones_count() -> None:
    before = {"same": texts(a=500, b=300, c=200), "new": texts(a=500, b=500), "rare": texts(a=990, b=10)}
    now = {"same": texts(a=260, b=140, c=100), "new": texts(a=250, b=150, z=100), "rare": texts(a=495, b=4, c=1)}

    found = {one.feature: one for one in drift.compare(before, now)}

    assert [name for name, one in found.items() if one.alarm] == ["new"]
    assert found["new"].distance == pytest.approx(0.2)
    assert found["new"].rows == 500


def test_too_few_rows_say_nothing() -> None:
    before = {"n": numbers(range(1_000)), "t": texts(a=500, b=500)}
    found = drift.compare(before, {"n": numbers([5_000.0] * 29), "t": texts(z=29)})
    assert [(one.p_value, one.adjusted, one.alarm) for one in found] == [(None, None, False)] * 2
    empty = drift.compare(before, {"n": numbers([]), "t": texts()})
    assert [one.distance for one in empty] == [0, 0]


def test_columns_of_other_types_are_not_compared() -> None:
    with pytest.raises(MonitoringError, match="another type"):
        drift.compare({"a": numbers([1.0])}, {"a": texts(b=1)})


def test_the_error_of_a_sketch_is_not_taken_for_drift() -> None:
    rng = np.random.default_rng(4)
    before, now = numbers(rng.normal(size=2_000)), Numbers()
    now.sketch = Sketch(k=16)
    now.add_floats(rng.normal(size=200_000))

    assert now.sketch.error > 0.1
    for test in ("ks", "cramer-von-mises"):
        found = drift.numbers("f", before, now, test)
        assert found.test == test
        assert found.p_value is not None
        assert found.p_value > 0.5


def test_rare_categories_bring_no_false_alarms() -> None:
    rng = np.random.default_rng(11)
    shares = np.array([0.5, 0.3, 0.15, *[0.05 / 20] * 20])
    chances = []
    for _ in range(300):
        one, other = (rng.multinomial(rows, shares) for rows in (142, 500))
        chances.append(formulas.chi_square(formulas.pool(np.array([one, other], dtype=float)))[1])

    assert np.mean(np.array(chances) < 0.05) <= 0.09
    assert np.mean(np.array(chances) < 0.01) <= 0.03


def test_streams_far_longer_than_their_sketches_are_quiet_without_drift() -> None:
    rng = np.random.default_rng(12)
    before = {f"f{k}": numbers(rng.normal(size=100_000)) for k in range(5)}
    now = {name: numbers(rng.normal(size=100_000)) for name in before}

    for test in ("ks", "cramer-von-mises"):
        assert not any(found.alarm for found in drift.compare(before, now, Limits(test=test, numeric=0.0)))
