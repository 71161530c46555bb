"""Percentiles, buckets and the objective gate: the arithmetic every later capacity decision rests on."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import run
from loadtest.errors import LoadUsageError
from loadtest.histogram import bucket, difference, percentile
from loadtest.plan import Plan
from loadtest.shapes import steady
from loadtest.slo import Slo, judge, tired


def measured(**changes: object) -> dict[str, object]:
    return {"requests": 100, "failures": 0, "rps": 50.0, "p95_ms": 40.0, "p99_ms": 60.0, **changes}


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)],
)
def test_percentiles_of_one_to_a_hundred_are_the_ranks_themselves(share: float, expected: int) -> None:
    assert percentile({float(value): 1 for value in range(1, 101)}, share) == expected


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_percentile_covers_its_share_and_no_smaller_value_does(values: list[int], share: float) -> None:
    histogram = {float(value): values.count(value) for value in values}
    answer = percentile(histogram, share)
    assert sum(value <= answer for value in values) >= share * len(values) - 1e-9
    assert sum(value < answer for value in values) < share * len(values)


@given(st.lists(st.floats(0.1, 500), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_percentiles_are_those_of_numpy(values: list[float], share: float) -> None:
    ours = percentile(Counter(values), share)
    assert ours == np.percentile(values, 100 * share, method="inverted_cdf")


def test_an_empty_histogram_has_no_percentile_rather_than_a_fast_one() -> None:
    assert percentile({}, 0.95) is None


@pytest.mark.parametrize("share", [0, -0.1, 1.01, 95])
def test_a_share_outside_zero_to_one_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        percentile({1.0: 1}, share)


@given(st.floats(0.01, 60_000))
def test_buckets_stay_within_a_twentieth_of_a_millisecond_or_half_a_percent(value: float) -> None:
    assert math.isclose(bucket(value), value, rel_tol=0.0051, abs_tol=0.0501)


def test_the_difference_of_snapshots_is_what_came_between() -> None:
    assert difference({1.0: 5, 2.0: 3, 9.0: 1}, {1.0: 5, 2.0: 1}) == {2.0: 2, 9.0: 1}


@pytest.mark.parametrize(
    ("slo", "figures", "broken"),
    [
        (Slo(p95_ms=40), measured(), []),
        (Slo(p95_ms=39.9), measured(), ["p95_ms"]),
        (Slo(p99_ms=59), measured(), ["p99_ms"]),
        # The limits must not be mixed up: p99 may lie above the limit of p95.
        (Slo(p95_ms=50, p99_ms=70), measured(), []),
        (Slo(), measured(failures=1), ["failures"]),
        (Slo(failures=0.01), measured(failures=1), []),
        (Slo(failures=0.01), measured(failures=2), ["failures"]),
        (Slo(min_rps=50), measured(), []),
        (Slo(min_rps=50.1), measured(), ["min_rps"]),
        (Slo(p95_ms=1e9), measured(requests=0, p95_ms=None, p99_ms=None, rps=0.0), ["failures", "p95_ms"]),
        # What cannot be compared does not pass, on either side of a comparison.
        (Slo(p95_ms=1e9, min_rps=0.001), measured(p95_ms=math.nan, rps=math.nan), ["p95_ms", "min_rps"]),
        (Slo(failures=1), measured(failures=math.nan), ["failures"]),
        (Slo(), measured(offered_rps=50.0, dropped=0), []),
        (Slo(failures=1), measured(offered_rps=50.0, dropped=1), ["dropped"]),
    ],
)
def test_the_gate_names_exactly_the_broken_limits(slo: Slo, figures: dict[str, object], broken: list[str]) -> None:
    verdict = judge(figures, slo)
    assert [check.name for check in verdict.checks if not check.passed] == broken
    assert verdict.passed is (not broken)
    assert verdict.document()["passed"] is (not broken)


@pytest.mark.parametrize("name", ["p95_ms", "p99_ms"])
@given(limit=st.floats(0.1, 1e6), actual=st.floats(0.1, 1e6), other=st.floats(0.1, 1e6))
def test_each_percentile_is_held_against_its_own_limit_alone(
    name: str, limit: float, actual: float, other: float
) -> None:
    figures = measured(p95_ms=other, p99_ms=other) | {name: actual}
    assert judge(figures, Slo(**{name: limit})).passed is (actual <= limit)


FIT = {"lag_p50_ms": 0.1, "lag_p99_ms": 5.0, "cpu_share": 0.4, "p50_ms": 20.0}


@pytest.mark.parametrize(
    ("step", "word"),
    [
        (FIT, None),
        ({}, None),
        (FIT | {"lag_p99_ms": 101}, "101 ms late"),
        (FIT | {"lag_p50_ms": 4.1}, "every other time"),
        # The same lag is nothing beside a slow answer, and next to nothing is nothing beside a fast one.
        (FIT | {"lag_p50_ms": 4.1, "p50_ms": 200.0}, None),
        (FIT | {"lag_p50_ms": 1.9, "p50_ms": 2.0}, None),
        (FIT | {"cpu_share": 0.99}, "99% of a processor"),
    ],
)
def test_a_generator_that_adds_to_what_it_measures_is_told(step: dict[str, float], word: str | None) -> None:
    why = tired(step, 100)
    assert (why is None) if word is None else (why is not None and word in why)


TIRED = FIT | {"lag_p99_ms": 500.0}
ERROR = {"cause": "HTTP 500", "error": "", "count": 1}
TIMEOUT = {"cause": "timeout", "error": "", "count": 1}


@pytest.mark.parametrize(
    ("arrivals", "figures", "judged"),
    [
        ("closed", FIT, True),
        ("closed", FIT | {"p95_ms": 50.0}, True),
        # Its lag makes latency longer, so a kept objective stands, and a broken one says nothing.
        ("closed", TIRED, True),
        ("closed", TIRED | {"p95_ms": 50.0}, False),
        ("closed", TIRED | {"failures": 1, "errors": [TIMEOUT]}, False),
        # It makes no target fail.
        ("closed", TIRED | {"failures": 1, "errors": [ERROR, TIMEOUT]}, True),
        ("closed", TIRED | {"failures": 1, "errors": [ERROR | {"cause": "no answer"}]}, True),
        ("closed", TIRED | {"requests": 0}, True),
        # Arrivals were promised at times that were not kept.
        ("poisson", TIRED | {"offered_rps": 9.0}, False),
        ("poisson", FIT | {"offered_rps": 9.0, "dropped": 5}, True),
        ("poisson", FIT | {"offered_rps": 9.0, "dropped": 5, "cpu_share": 1.0}, False),
        ("poisson", FIT | {"offered_rps": 9.0, "cpu_share": 1.0}, True),
    ],
)
def test_nothing_is_judged_where_the_generator_may_be_what_was_measured(arrivals, figures, judged) -> None:
    plan = Plan("endpoint", "e", Path(), steady(4, 9), arrivals)
    result = measured(dropped=0, errors=[], stopped="finished", steps=[]) | figures
    verdict = judge(result, Slo(p95_ms=45))
    assert (run.weakness(plan, result, result, verdict) is None) is judged


def test_stairs_that_the_generator_ended_are_not_judged() -> None:
    result = measured(dropped=0, errors=[], stopped="generator", steps=[TIRED]) | FIT
    plan = Plan("endpoint", "e", Path(), steady(4, 9))
    assert "500 ms late" in run.weakness(plan, result, result, judge(result, Slo()))
    assert run.weakness(plan, result | {"steps": [FIT]}, result, judge(result, Slo()))


@pytest.mark.parametrize(
    "wrong",
    [{"p95_ms": 0}, {"p99_ms": -1}, {"p95_ms": math.nan}, {"failures": 1.5}, {"failures": -0.1}, {"min_rps": 0}],
)
def test_an_objective_that_cannot_be_meant_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(LoadUsageError, match=next(iter(wrong))):
        Slo(**wrong)
