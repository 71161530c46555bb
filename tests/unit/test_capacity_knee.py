"""The knee of an instance, and what follows from it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.capacity import instances, recommend, steps
from loadtest.capacity.knee import Knee, KneeError, Objective, bootstrap, find, p95_at
from loadtest.capacity.recommend import Forecast
from loadtest.capacity.steps import Step
from loadtest.errors import LoadUsageError

CAPACITY = 100.0


def step(offered: float | None, **changes: Any) -> Step:
    """One step against an M/M/1 server of 100 requests/s, unless changed."""
    rate = min(offered or CAPACITY, CAPACITY)
    left = CAPACITY - rate
    p95 = math.log(20) / left * 1000 if left > 0 else 5000.0
    facts: dict[str, Any] = {
        "offered": offered,
        "users": None,
        "rps": rate,
        "requests": round(rate * 60),
        "failures": 0,
        "p50_ms": p95 / 4,
        "p95_ms": p95,
        "p99_ms": p95 * 1.5,
        "mean_ms": p95 / 3,
        "duration_s": 60.0,
    }
    return Step(**{**facts, **changes})


STAIRS = [step(rate) for rate in (20.0, 40, 60, 80, 90, 95, 110)]


def test_latency_ends_it_where_the_objective_is_crossed() -> None:
    # given p95 = ln 20 / (100 - rate): 150 ms are reached at 80.03 requests/s
    knee = find(STAIRS, Objective(150.0))
    assert knee.reason == "latency"
    assert knee.rps == pytest.approx(CAPACITY - math.log(20) / 0.150, abs=0.5)
    # between two steps too
    knee = find(STAIRS, Objective(200.0))
    assert knee.rps == pytest.approx(CAPACITY - math.log(20) / 0.200, abs=1.0)


def test_an_instance_that_does_not_keep_up_is_at_its_knee() -> None:
    knee = find(STAIRS, Objective())
    assert (knee.reason, knee.rps, knee.reached) == ("flat", CAPACITY, True)


def test_waiting_users_end_it_where_more_of_them_bring_nothing() -> None:
    # given users who wait for their answers, and a throughput that stops growing at 95/s
    rates = {1: 40.0, 2: 75.0, 4: 92.0, 8: 95.0, 16: 95.5}
    stairs = [step(None, users=users, rps=rps, requests=1000, p95_ms=30.0) for users, rps in rates.items()]
    knee = find(stairs, Objective(1000.0))
    assert (knee.reason, knee.rps) == ("flat", 92.0)


def test_a_short_step_with_few_arrivals_is_not_taken_for_saturation() -> None:
    # given 200 arrivals expected in ten seconds, of which chance brought 180
    early = step(20.0, rps=18.0, requests=180, duration_s=10.0)
    assert find([early, *STAIRS[1:]], Objective(150.0)).reason == "latency"
    # over ten minutes that is no chance
    with pytest.raises(KneeError):
        find([step(20.0, rps=18.0, requests=10_800, duration_s=600.0), *STAIRS[1:]], Objective(150.0))


def test_a_backlog_from_before_a_step_is_no_throughput() -> None:
    # given an instance that answers within the step what was sent in the one before, too
    late = step(120.0, rps=300.0, requests=18_000, p95_ms=5000.0)
    assert late.goodput == 120.0
    knee = find([*STAIRS[:4], late], Objective(150.0))
    assert STAIRS[3].rps <= knee.rps <= 120.0


def test_failures_end_it() -> None:
    broken = [*STAIRS[:2], step(60.0, failures=100)]
    assert find(broken, Objective(500.0)).reason == "failures"
    assert find(broken, Objective(500.0)).rps == 40.0
    # failed requests are no throughput
    assert find([step(60.0, failures=360)], Objective(500.0, failures=0.2)).rps == pytest.approx(54.0)


def test_a_test_that_ends_too_early_gives_a_lower_bound() -> None:
    knee = find(STAIRS[:3], Objective(500.0))
    assert (knee.reason, knee.rps, knee.reached) == ("not reached", 60.0, False)


@pytest.mark.parametrize(
    ("first", "objective", "said"),
    [
        (step(20.0), Objective(1.0), "p95 is"),
        (step(20.0, failures=600), Objective(100.0), "600 of 1,200 requests failed"),
        (step(20.0, requests=0, rps=0.0), Objective(100.0), "requests failed"),
        (step(20.0, p95_ms=None), Objective(100.0), "not measured"),
        (step(20.0, rps=10.0), Objective(1000.0), "only 10 requests/s"),
    ],
)
def test_nothing_is_made_up_when_the_least_load_is_too_much(first: Step, objective: Objective, said: str) -> None:
    with pytest.raises(KneeError, match=said):
        find([first, *STAIRS[1:]], objective)


def sampled(rate: float, rng: np.random.Generator, seconds: int = 40) -> Step:
    counts = rng.poisson(rate, seconds)
    p95 = step(rate).p95_ms or 0.0
    noise = p95 * rng.lognormal(0, 0.15, seconds)
    return step(rate, seconds=tuple(zip(counts.astype(float).tolist(), noise.tolist(), strict=True)))


def test_the_interval_holds_the_knee_and_narrows_with_more_seconds() -> None:
    rng = np.random.default_rng(3)
    short, long = (
        bootstrap([sampled(rate, rng, seconds) for rate in (20.0, 50, 70, 80, 90)], Objective(150.0), seed=1)
        for seconds in (12, 200)
    )
    truth = CAPACITY - math.log(20) / 0.150
    for knee in (short, long):
        assert knee.low is not None
        assert knee.high is not None
        assert knee.low <= truth <= knee.high
    assert width(long) < width(short)


def width(knee: Knee) -> float:
    return (knee.high or 0.0) - (knee.low or 0.0)


def test_the_interval_comes_from_the_histogram_when_no_seconds_were_kept() -> None:
    rng = np.random.default_rng(3)

    def histogram(rate: float) -> tuple[tuple[float, int], ...]:
        times = np.round(rng.exponential(1 / (CAPACITY - rate), 3000) * 1000, 1)
        values, counts = np.unique(times, return_counts=True)
        return tuple(zip(values.tolist(), counts.tolist(), strict=True))

    stairs = [step(rate, histogram=histogram(rate)) for rate in (20.0, 60, 80, 90)]
    knee = bootstrap(stairs, Objective(150.0))
    assert knee.low is not None
    assert knee.low < CAPACITY - math.log(20) / 0.150 < (knee.high or 0.0)
    assert width(knee) < 10
    # and there is none where nothing was kept
    assert bootstrap(STAIRS, Objective(150.0)).low is None


@given(st.lists(st.floats(1, 99), min_size=1, max_size=8, unique=True), st.floats(35, 5000))
def test_the_knee_never_exceeds_what_was_answered(rates: list[float], objective: float) -> None:
    stairs = [step(rate) for rate in sorted(rates)]
    try:
        knee = find(stairs, Objective(objective))
    except KneeError:
        assert (stairs[0].p95_ms or 0.0) > objective
        return
    assert knee.rps <= max(one.rps for one in stairs)
    assert knee.rps >= stairs[0].rps


def shared(*counts: tuple[int, ...], **more: Any) -> steps.Result:
    """Steps of rising load, each with the instances that every second of it saw."""
    rows = [step(40.0 * (index + 1), instances=count) for index, count in enumerate(counts)]
    return steps.Result("endpoint", "e", tuple(rows), **more)


def test_each_step_is_shared_by_the_instances_that_served_it() -> None:
    found, notes = instances.each(shared((1, 1), (2, 2), (4, 4)))
    assert [one.offered for one in found] == [30.0, 40.0, 40.0]
    assert notes == []
    # a person knows better
    assert [one.offered for one in instances.each(shared((1, 1), (2, 2)), 4)[0]] == [10.0, 20.0]
    # nothing recorded: one instance, and that is said
    found, notes = instances.each(shared((), ()))
    assert [one.offered for one in found] == [40.0, 80.0]
    assert "taken as one instance's" in notes[0]
    assert [one.offered for one in instances.each(shared((), (), instances=2))[0]] == [20.0, 40.0]


def test_a_step_in_which_instances_came_or_went_tells_nothing() -> None:
    found, notes = instances.each(shared((2, 2), (2, 4), (4, 4)))
    assert [one.offered for one in found] == [20.0, 30.0]
    assert "left out the step of 80 requests/s: it began with 2 instances and ended with 4" in notes[0]
    with pytest.raises(KneeError, match="within every step"):
        instances.each(shared((2, 3), (3, 4)))
    with pytest.raises(LoadUsageError, match="instances"):
        instances.each(shared((1,)), 0)


@given(st.integers(1, 8))
def test_the_knee_of_one_does_not_depend_on_how_many_shared_the_load(count: int) -> None:
    alone = find(STAIRS, Objective(150.0))
    many = [
        step(None if one.offered is None else one.offered * count, rps=one.rps * count, p95_ms=one.p95_ms,
             requests=one.requests * count, instances=(count,) * 5)
        for one in STAIRS
    ]  # fmt: skip
    assert find(instances.each(steps.Result("endpoint", "e", tuple(many)))[0], Objective(150.0)).rps == pytest.approx(
        alone.rps
    )


def test_latency_at_a_rate_lies_between_the_steps_around_it() -> None:
    assert p95_at(STAIRS, 80.0) == pytest.approx(STAIRS[3].p95_ms)
    between = p95_at(STAIRS, 70.0)
    assert between is not None
    assert (STAIRS[2].p95_ms or 0.0) < between < (STAIRS[3].p95_ms or 0.0)
    assert p95_at(STAIRS, 5.0) is None
    assert p95_at([], 5.0) is None


def test_requests_inside_follow_littles_law() -> None:
    # given 100 requests/s that take 80 ms each: 8 at once
    assert recommend.inside(100.0, 0.08) == 4
    assert recommend.inside(10.0, 0.01) == 1
    assert recommend.scaling(100.0, mean_s=0.08).inside == 4
    with pytest.raises(LoadUsageError, match="mean latency"):
        recommend.inside(10.0, 0.0)


def test_the_target_is_the_one_of_sagemakers_guide() -> None:
    assert recommend.target(40.0) == 1200
    assert recommend.target(40.0, 0.8) == 1920
    for wrong in (0.0, 1.2):
        with pytest.raises(LoadUsageError, match="safety"):
            recommend.target(40.0, wrong)
    with pytest.raises(LoadUsageError, match="max rps"):
        recommend.target(math.nan)


def test_instances_follow_the_forecast() -> None:
    # given 20 requests/s per instance at the target
    found = recommend.scaling(40.0, Forecast(50.0, 400.0))
    assert (found.target, found.least, found.most) == (1200, 3, 25)
    assert recommend.scaling(40.0, Forecast(0.0, 5.0)).least == 2
    assert recommend.scaling(40.0, Forecast(0.0, 5.0), production=False).least == 1
    assert recommend.scaling(40.0).most is None
    with pytest.raises(LoadUsageError, match="forecast"):
        Forecast(5.0, 1.0)


def test_concurrency_is_rate_times_duration_with_headroom() -> None:
    # given 100 calls/s of 200 ms at the peak, 10 in the trough
    found = recommend.concurrency(0.2, Forecast(10.0, 100.0), utilisation=0.7)
    assert found.provisioned_least == math.ceil(10 * 0.2 * 1.1)
    assert found.provisioned_most == math.ceil(100 * 0.2 * 1.1 / 0.7)
    # Poisson(20) is at most 34 in 99.9 % of the time
    assert found.reserved == pytest.approx(34 * 1.1, abs=2)


@given(st.floats(0.001, 60), st.floats(0, 1000), st.floats(0, 1000), st.floats(0.1, 0.9))
def test_concurrency_never_contradicts_itself(duration: float, trough: float, more: float, utilisation: float) -> None:
    found = recommend.concurrency(duration, Forecast(trough, trough + more + 0.01), utilisation=utilisation)
    assert 1 <= found.provisioned_least <= found.provisioned_most <= found.reserved


def test_a_result_is_read_as_the_load_test_writes_it(tmp_path: Path) -> None:
    one = {
        "kind": "endpoint",
        "target": "e",
        "users": 8,
        "seconds": 10.0,
        "requests": 100,
        "failures": 0,
        "rps": 10.0,
        "p50_ms": 5.0,
        "p95_ms": None,
        "p99_ms": 9.0,
        "samples": [{"t": 1.0, "rps": 10.0, "failures": 0, "p50_ms": 5.0, "p95_ms": None, "instances": 2}],
        "histogram": [[5.0, 100]],
        "slo": {"p95_ms": 80.0, "failures": 0.01, "checks": []},
    }
    path = tmp_path / "load.json"
    path.write_text(json.dumps(one))
    read = steps.read(path)
    assert (read.kind, read.target, read.p95_ms, read.failures) == ("endpoint", "e", 80.0, 0.01)
    assert read.steps[0].users == 8
    assert read.steps[0].seconds == ((10.0, None),)
    assert read.steps[0].instances == (2,)
    # a stairs run, in any order
    rows = [{**one, "offered_rps": rate, "samples": [0, 1]} for rate in (30, 10, 20)]
    path.write_text(
        json.dumps({"kind": "endpoint", "target": "e", "instances": 2, "steps": rows, "samples": one["samples"]})
    )
    assert [one.offered for one in steps.read(path).steps] == [10, 20, 30]
    assert steps.read(path).instances == 2
    assert steps.read(path).steps[2].seconds == ((10.0, None),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "give JSON"),
        ("[]", "give the object"),
        ("{}", "rps"),
        ('{"steps": [1]}', "steps"),
        ('{"rps": -1, "requests": 1, "failures": 0, "seconds": 1}', "0 or more"),
        ('{"steps": [{"rps": 1, "requests": 1, "failures": 0, "seconds": 1, "samples": 3}]}', "samples"),
        ('{"rps": "fast", "requests": 1, "failures": 0, "seconds": 1}', "number"),
    ],
)
def test_a_bad_result_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "load.json"
    path.write_text(text)
    with pytest.raises(LoadUsageError, match=said):
        steps.read(path)
