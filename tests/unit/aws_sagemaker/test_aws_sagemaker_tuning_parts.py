"""Ranges and their scales, proposals, and the rules that end trials early."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.aws.sagemaker.tuning import propose, ranges, stopping
from rehearsal.aws.sagemaker.tuning.ranges import Range


def one(low: str, high: str, scaling: str = "Auto", member: str = "ContinuousParameterRanges") -> Range:
    (found,) = ranges.read({member: [{"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}]})
    return found


@pytest.mark.parametrize(
    ("low", "high", "scaling", "middle"),
    [
        ("0", "10", "Linear", 5.0),
        ("0.0001", "1", "Logarithmic", 0.01),
        ("0.0001", "1", "Auto", 0.01),
        ("1", "5", "Auto", 3.0),
        ("0.9", "0.999", "ReverseLogarithmic", 0.99),
    ],
)
def test_a_scale_stretches_the_range(low: str, high: str, scaling: str, middle: float) -> None:
    of = one(low, high, scaling)
    assert float(ranges.text(of, 0.5)) == pytest.approx(middle)
    assert (float(ranges.text(of, 0.0)), float(ranges.text(of, 1.0))) == pytest.approx((float(low), float(high)))


@given(st.integers(-50, 50), st.integers(0, 60), st.floats(0, 1))
def test_integers_stay_whole_and_inside(low: int, width: int, place: float) -> None:
    of = one(str(low), str(low + width), "Linear", "IntegerParameterRanges")
    assert low <= int(ranges.text(of, place)) <= low + width


@given(st.floats(0, 1), st.sampled_from(["Linear", "Logarithmic"]))
def test_a_value_lies_where_it_came_from(place: float, scaling: str) -> None:
    of = one("0.001", "10", scaling)
    assert ranges.place(of, ranges.text(of, place)) == pytest.approx(place, abs=1e-9)


def test_every_integer_is_equally_likely() -> None:
    of = one("1", "4", "Linear", "IntegerParameterRanges")
    drawn = [ranges.text(of, (n + 0.5) / 1000) for n in range(1000)]
    assert {value: drawn.count(value) for value in "1234"} == dict.fromkeys("1234", 250)


@pytest.mark.parametrize(
    ("low", "high", "scaling", "member", "message"),
    [
        ("0", "1", "Logarithmic", "ContinuousParameterRanges", "needs a MinValue above 0: 0"),
        ("0.5", "1", "ReverseLogarithmic", "ContinuousParameterRanges", "within 0 <= x < 1: 0.5 to 1"),
        ("a", "1", "Linear", "ContinuousParameterRanges", "MinValue that is no continuous number: 'a'"),
        ("0", "nan", "Linear", "ContinuousParameterRanges", "MaxValue that is no continuous number: 'nan'"),
        ("1.5", "2", "Linear", "IntegerParameterRanges", "MinValue that is no integer number: '1.5'"),
    ],
)
def test_a_range_that_cannot_be_is_named(low: str, high: str, scaling: str, member: str, message: str) -> None:
    with pytest.raises(ValueError, match="range x") as error:
        one(low, high, scaling, member)
    assert message in str(error.value)


def test_a_name_and_a_category_are_given_once() -> None:
    twice = {"Name": "x", "Values": ["a", "a"]}
    with pytest.raises(ValueError, match="the same value twice"):
        ranges.read({"CategoricalParameterRanges": [twice]})
    values: dict[str, Any] = {"Name": "x", "Values": ["a"]}
    with pytest.raises(ValueError, match="more than one range"):
        ranges.read({"CategoricalParameterRanges": [values, values]})


def test_the_model_beats_chance() -> None:
    """On a smooth function of two numbers and a category, the median of seeds comes nearer with the model."""
    space = (one("0.0001", "1"), one("0", "1", "Linear"), Range("c", "categorical", values=("bad", "good")))
    space = (space[0], Range("y", "continuous", 0.0, 1.0), space[2])

    def loss(values: dict[str, str]) -> float:
        off = (math.log10(float(values["x"])) + 3) ** 2 + 4 * (float(values["y"]) - 0.2) ** 2
        return off + (values["c"] == "bad")

    def best(seed: int, modelled: bool) -> float:
        tried: list[propose.Tried] = []
        for number in range(1, 13):
            choose = propose.bayesian(space, tried, seed, number) if modelled else propose.drawn(space, seed, number)
            tried.append(propose.Tried(choose, loss(choose)))
        return min(score for _, score in tried if score is not None)

    assert np.median([best(s, True) for s in range(3)]) < 0.5 * np.median([best(s, False) for s in range(3)])


def test_trials_at_the_same_time_look_in_different_places() -> None:
    space = (one("0", "1", "Linear"),)
    tried = [propose.Tried({"x": str(x)}, (x - 0.4) ** 2) for x in (0.1, 0.5, 0.9)]
    first = propose.bayesian(space, tried, 1, 4)
    second = propose.bayesian(space, [*tried, propose.Tried(first, None)], 1, 5)
    assert abs(float(first["x"]) - float(second["x"])) > 0.02


def test_the_median_rule_is_the_documented_one() -> None:
    previous = [[4.0, 2.0, 1.0], [6.0, 4.0, 2.0], [8.0]]
    # running averages up to the second epoch: 3 and 5; the third trial ended before
    assert not stopping.worse_than_median([9.0, 4.0], previous)
    assert stopping.worse_than_median([1.0, 4.1], previous)
    assert not stopping.worse_than_median([9.0], [])


def test_brackets_and_rungs() -> None:
    assert [stopping.rungs(s, 1, 27) for s in range(4)] == [[1, 3, 9], [3, 9], [9], []]
    assert stopping.rungs(0, 5, 5) == []
    drawn = [stopping.bracket(1, n, 1, 27) for n in range(2000)]
    assert [drawn.count(s) for s in range(4)] == sorted((drawn.count(s) for s in range(4)), reverse=True)
    assert set(drawn) == {0, 1, 2, 3}


def test_a_third_goes_on_at_a_rung() -> None:
    rivals = [[1.0], [2.0], [3.0], [4.0], [6.0]]
    assert not stopping.falls_behind([1.5], rivals, [1, 3])
    assert stopping.falls_behind([2.5], rivals, [1, 3])
    # too few to compare with, or not there yet
    assert not stopping.falls_behind([9.0], rivals[:1], [1, 3])
    assert not stopping.falls_behind([9.0], rivals, [3])
