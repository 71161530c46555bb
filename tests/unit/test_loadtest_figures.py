"""Percentiles, buckets and the objective gate: the arithmetic every later capacity decision rests on."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import LoadUsageError
from loadtest.histogram import bucket, difference, percentile
from loadtest.slo import Slo, judge


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
    ],
)
def test_the_gate_names_exactly_the_broken_limits(slo: Slo, figures: dict[str, object], broken: list[str]) -> None:
    verdict = judge(figures, slo)
    assert [check.name for check in verdict.checks if not check.passed] == broken
    assert verdict.passed is (not broken)
    assert verdict.document()["passed"] is (not broken)


@pytest.mark.parametrize(
    "wrong",
    [{"p95_ms": 0}, {"p99_ms": -1}, {"p95_ms": math.nan}, {"failures": 1.5}, {"failures": -0.1}, {"min_rps": 0}],
)
def test_an_objective_that_cannot_be_meant_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(LoadUsageError, match=next(iter(wrong))):
        Slo(**wrong)


def test_our_percentiles_agree_with_locusts_own_within_one_rank() -> None:
    # In a process of its own: importing Locust replaces the standard library's sockets and threads.
    program = """
from locust.stats import calculate_response_time_percentile as theirs
from loadtest.histogram import percentile as ours
values = [3, 3, 4, 7, 7, 7, 9, 12, 15, 80, 80, 95, 120]
histogram = {value: values.count(value) for value in set(values)}
for share in (0.5, 0.75, 0.9, 0.95, 0.99, 1.0):
    rank = values.index(ours(histogram, share))
    near = values[max(0, rank - 1) : rank + values.count(values[rank]) + 1]
    assert theirs(histogram, len(values), share) in near, share
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
