"""What a load test sends when: arrivals, levels, and the command line that describes them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import arrivals, options, run, shapes
from loadtest.capacity.knee import Objective
from loadtest.capacity.steps import Step
from loadtest.errors import LoadUsageError
from loadtest.generator import ROOT
from loadtest.plan import MAX_USERS, Plan
from loadtest.shapes import Stairs
from loadtest.simulation.trace import Trace


def step(load: float, rps: float, p95_ms: float | None, failures: int = 0, *, rate: bool = False) -> Step:
    requests = int(rps * 100)
    offered, users = (load, None) if rate else (None, load)
    return Step(offered, users, rps, requests, failures, None, p95_ms, None, None, 100.0)


@pytest.mark.parametrize("process", ["poisson", "constant"])
@given(rate=st.floats(0.1, 100), seconds=st.floats(0.5, 12), of=st.integers(1, 7))
def test_the_shares_of_all_workers_are_the_whole_whatever_their_number(process, rate, seconds, of) -> None:
    whole = list(arrivals.draw(process, rate, seconds, (1, 2)))
    shares = [list(arrivals.share(iter(whole), index, of)) for index in range(of)]
    assert sorted(time for share in shares for time in share) == whole == sorted(whole)
    assert all(0 <= time < seconds for time in whole)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_constant_arrivals_come_at_equal_distances() -> None:
    assert list(arrivals.draw("constant", 4, 1, ())) == [0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_have_exponential_gaps_and_come_back_with_their_seed() -> None:
    times = np.array(list(arrivals.draw("poisson", 50, 400, (3,))))
    gaps = np.diff(times)
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert gaps.mean() == pytest.approx(0.02, rel=0.03)
    # An exponential's standard deviation is its mean, and it forgets: neighbours do not correlate.
    assert gaps.std() == pytest.approx(0.02, rel=0.05)
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 0.03
    assert list(arrivals.draw("poisson", 50, 400, (3,))) == times.tolist()
    assert list(arrivals.draw("poisson", 50, 400, (4,))) != times.tolist()


def test_the_queue_of_poisson_arrivals_is_the_one_of_pollaczek_and_khinchine() -> None:
    service, rate = 0.01, 80.0
    free, waits = 0.0, []
    for time in arrivals.draw("poisson", rate, 2000, (1,)):
        waits.append(max(0.0, free - time))
        free = max(time, free) + service
    load = rate * service
    assert np.mean(waits) == pytest.approx(load * service / (2 * (1 - load)), rel=0.1)


def test_recorded_requests_are_due_when_they_were_and_rates_are_drawn() -> None:
    single = Trace(1.0, np.array([2.0]), np.array([0.25, 0.75]))
    assert list(arrivals.recorded(single, (1,))) == [0.25, 0.75]
    rates = Trace(2.0, np.array([100.0, 0.0, 300.0]))
    times = np.array(list(arrivals.recorded(rates, (1,))))
    assert np.all(np.diff(times) >= 0)
    assert not np.any((times >= 2) & (times < 4))
    assert np.sum(times < 2) == pytest.approx(200, abs=60)
    assert np.sum(times >= 4) == pytest.approx(600, abs=100)


@pytest.mark.parametrize(
    ("done", "flat", "why"),
    [
        ([step(2, 100, 20)], "stop", None),
        ([step(2, 100, 20), step(4, 195, 21)], "stop", None),
        ([step(2, 100, 20), step(4, 105, 38)], "stop", "flat"),
        ([step(2, 100, 20), step(4, 105, 38)], "continue", None),
        ([step(2, 100, 20), step(4, 105, 38), step(6, 106, 81)], "continue", "slo"),
        ([step(2, 100, 81)], "stop", "slo"),
        ([step(2, 100, 20, failures=200)], "stop", "failures"),
        ([step(2, 0, None)], "stop", "failures"),
        ([step(50, 50, 20, rate=True), step(100, 80, 60, rate=True)], "stop", "flat"),
        ([step(50, 50, 20, rate=True), step(100, 99, 60, rate=True)], "stop", None),
    ],
)
def test_stairs_end_at_flat_throughput_or_a_broken_objective(done, flat, why) -> None:
    assert shapes.reached(done, Stairs(Objective(80, 0.01), flat)) == why


def test_the_highest_good_step_speaks_for_stairs_and_the_lowest_when_none_is_good() -> None:
    rules = Stairs(Objective(80, 0.01))
    good = [step(2, 100, 20), step(4, 190, 30)]
    assert shapes.best([*good, step(6, 250, 90), step(5, 220, 85)], rules) == good[1]
    assert shapes.best([step(4, 190, 95), step(2, 100, 90)], rules).load == 2
    endless = Stairs(Objective(80, 0.01), "continue")
    flat = [*good, step(6, 191, 60)]
    assert shapes.best([*flat, step(8, 191, 120)], endless) == flat[-1]


def test_a_close_look_lies_between_the_two_highest_levels() -> None:
    assert shapes.between([10, 30, 20], 3, whole=False) == [22.5, 25, 27.5]
    assert shapes.between([2, 4], 3, whole=True) == [3]
    assert shapes.between([4], 1, whole=True) == [2]
    assert shapes.between([1], 2, whole=True) == []


def test_stairs_add_as_many_users_with_each_step() -> None:
    shape = shapes.stairs(3, 4, 20, 2, Stairs())
    assert [level.amount for level in shape.levels] == [3, 6, 9, 12]
    assert {(level.seconds, level.settle_s) for level in shape.levels} == {(20, 2)}


@pytest.mark.parametrize(
    "shape",
    [
        shapes.steady(4, 9),
        shapes.spike(2, 9, 5, 3),
        shapes.soak(2, 60),
        shapes.stairs(2, 3, 5, 1, Stairs(Objective(9))),
    ],
)
def test_a_plan_crosses_a_process_border_unchanged(shape, tmp_path: Path) -> None:
    plan = Plan("endpoint", "e", tmp_path, shape, batch=(1, 8), trace=tmp_path / "t.csv", workers=3)
    assert Plan.read(plan.document()) == plan


def test_a_digest_tells_what_is_sent_and_not_where_it_lies(tmp_path: Path) -> None:
    plan = Plan("endpoint", "e", tmp_path, shapes.steady(4, 9))
    elsewhere = Plan("endpoint", "e", tmp_path / "other", shapes.steady(4, 9))
    assert plan.digest([b"a", b"b"]) == elsewhere.digest([b"a", b"b"])
    assert plan.digest([b"a", b"b"]) != plan.digest([b"ab"])
    assert plan.digest([b"a"]) != Plan("endpoint", "e", tmp_path, shapes.steady(5, 9)).digest([b"a"])


ENDPOINT = ["--endpoint", "e", "--images", "."]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--endpoint", "e", "--images", "nowhere"], "images"),
        (["--endpoint", "e"], "images"),
        (["--function", "f"], "events"),
        (["--workflow", "w"], "events"),
        (["--endpoint", " ", "--images", "."], "target"),
        ([], "--endpoint"),
        ([*ENDPOINT, "--users", "0"], "users"),
        ([*ENDPOINT, "--users", str(MAX_USERS + 1)], "users"),
        ([*ENDPOINT, "--users", "2", "--rate", "3"], "rate"),
        ([*ENDPOINT, "--rate", "0"], "load"),
        ([*ENDPOINT, "--rate", "nan"], "load"),
        ([*ENDPOINT, "--seconds", "0"], "seconds"),
        ([*ENDPOINT, "--seconds", "nan"], "seconds"),
        ([*ENDPOINT, "--warmup", "-1"], "warmup"),
        ([*ENDPOINT, "--workers", "65"], "workers"),
        ([*ENDPOINT, "--timeout", "0"], "timeout_s"),
        ([*ENDPOINT, "--max-in-flight", "0"], "max_in_flight"),
        ([*ENDPOINT, "--slo-failures", "2"], "failures"),
        ([*ENDPOINT, "--batch", "1,x"], "batch"),
        (["--function", "f", "--events", ".", "--batch", "2"], "batch"),
        ([*ENDPOINT, "--shape", "stairs", "--steps", "0"], "steps"),
        ([*ENDPOINT, "--shape", "stairs", "--steps", "9999999999"], "steps"),
        ([*ENDPOINT, "--shape", "stairs", "--refine", "-1"], "refine"),
        ([*ENDPOINT, "--shape", "spike", "--users", "4", "--peak", "4"], "peak"),
        ([*ENDPOINT, "--shape", "replay"], "trace"),
        ([*ENDPOINT, "--shape", "replay", "--trace", "nowhere.csv"], "trace"),
        ([*ENDPOINT, "--shape", "replay", "--trace", "t.csv", "--users", "2"], "shape"),
        ([*ENDPOINT, "--master", "10.0.0.1:5557"], "workers"),
        ([*ENDPOINT, "--master", "10.0.0.1", "--workers", "2"], "master"),
        ([*ENDPOINT, "--worker-of", "10.0.0.1:port"], "worker-of"),
        (["--endpoint", "e", "--images", "loadtest"], "images"),
        (["--function", "f", "--events", "README.md"], "events"),
    ],
)
def test_bad_usage_exits_two_and_names_the_field(
    arguments: list[str], field: str, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as stop:
        run.main([*arguments, "--out", str(tmp_path)])
    assert stop.value.code == 2
    assert field in capsys.readouterr().err


def test_a_missing_region_and_missing_credentials_are_bad_usage(tmp_path: Path, capsys, monkeypatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    events = tmp_path / "events.jsonl"
    events.write_text("{}\n")
    command = ["--function", "f", "--events", str(events), "--out", str(tmp_path)]
    for region, field in ((None, "region"), ("eu-west-1", "credentials")):
        if region:
            monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        with pytest.raises(SystemExit) as stop:
            run.main(command)
        assert stop.value.code == 2
        assert field in capsys.readouterr().err


def test_options_become_the_plan_that_they_describe(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("time,rate\n0,10\n60,20\n")
    common = ["--endpoint", "e", "--images", str(tmp_path), "--out", "out"]
    parsed = options.plan(options.parser().parse_args([*common, "--shape", "replay", "--trace", str(trace)]))
    assert (parsed.arrivals, parsed.shape.name, parsed.shape.most) == ("recorded", "replay", 15)
    parsed = options.plan(options.parser().parse_args([*common, "--rate", "30", "--arrivals", "constant"]))
    assert (parsed.arrivals, parsed.shape.most) == ("constant", 30)
    parsed = options.plan(options.parser().parse_args([*common, "--shape", "spike", "--batch", "1,8"]))
    assert [level.amount for level in parsed.shape.levels] == [8, 32, 8]
    assert (parsed.arrivals, parsed.batch) == ("closed", (1, 8))
    with pytest.raises(LoadUsageError, match="scale"):
        options.plan(options.parser().parse_args([*common, "--shape", "replay", "--trace", str(trace), "--scale", "0"]))
    assert math.isclose(parsed.shape.longest_s, 2 * 12 + 10)
