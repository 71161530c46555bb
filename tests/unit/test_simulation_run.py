"""Traces, the search, the plots and the command line."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtest.errors import LoadUsageError
from loadtest.simulation import exact, inputs, plots, search, svg, trace
from loadtest.simulation.__main__ import main
from loadtest.simulation.fleet import Plan, World
from loadtest.simulation.made_up import daily
from loadtest.simulation.progress import Bar
from loadtest.simulation.search import Choice, Objective
from loadtest.simulation.service import Instance, exponential, measured

WORLD = World(Instance(exponential(0.02), workers=2))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_of_rates_holds_each_until_the_next(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "time,rate\n# quiet first\n100,2\n110,8\n130,0\n")
    read = trace.read(path)
    assert read.step_s == 10.0
    assert read.rates.tolist() == [2, 8, 8, 0, 0]
    assert read.requests == 180
    assert read.at(5.0, 4, 10.0).tolist() == [8, 8, 0, 0]
    assert read.scaled(0.5).peak == 4


def test_requests_may_carry_iso_times(tmp_path: Path) -> None:
    lines = [{"time": f"2026-03-01T10:00:{second:02d}+00:00", "bytes": 5} for second in (0, 0, 1, 4)]
    path = written(tmp_path, "t.jsonl", "\n".join(map(json.dumps, lines)) + "\n\n")
    read = trace.read(path)
    assert read.arrivals is not None
    assert read.arrivals.tolist() == [0, 0, 1, 4]
    assert read.rates.tolist() == [2, 1, 0, 0, 1]
    assert read.requests == 4


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", "", "at least two rows"),
        ("t.csv", "0,1\n", "at least two rows"),
        ("t.csv", "0,1\n1,x\n", "t.csv:2"),
        ("t.csv", "0,1\n1,-1\n", "0 or more"),
        ("t.csv", "0,1\n1\n", "two columns"),
        ("t.csv", "0,1\n0,2\n", "once"),
        ("t.csv", "5,1\n0,2\n", "sort it"),
        ("t.csv", "0,1\nnan,2\n", "finite"),
        ("t.csv", "0,1\nyesterday,2\n", "ISO 8601"),
        ("t.csv", "0,1\n1700000000000,2\n", "milliseconds"),
        ("t.jsonl", "", "at least one request"),
        ("t.jsonl", "[1]\n", "t.jsonl:1"),
        ("t.jsonl", '{"time": true}\n', "ISO 8601"),
    ],
)
def test_a_bad_trace_is_refused_where_it_is_bad(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(LoadUsageError, match=said):
        trace.read(written(tmp_path, name, text))


def test_drawn_arrivals_follow_the_rates() -> None:
    made = trace.Trace(10.0, np.array([5.0, 50.0, 0.0]))
    drawn = made.drawn(np.random.default_rng(1))
    assert np.all(np.diff(drawn) >= 0)
    assert np.histogram(drawn, [0, 10, 20, 30])[0] == pytest.approx([50, 500, 0], rel=0.2)


def test_measured_times_keep_their_shape() -> None:
    times = measured([(10.0, 90), (100.0, 10)])
    assert times.mean == pytest.approx(0.019, rel=0.02)
    assert times.scaled(0.038).mean == pytest.approx(0.038)
    with pytest.raises(LoadUsageError, match="answered"):
        measured({})


def test_the_search_finds_the_cheapest_plan_that_keeps_the_objective() -> None:
    # given a short day
    traffic = daily(120, 20, 1800)
    best, tried = search.search(traffic, WORLD, Objective(150.0))
    # then the plan keeps it, request by request where the trace allows
    assert best is not None
    assert best.outcome.keeps(150.0, 0.001)
    # and nothing that was tried keeps it for much less
    kept = [c.outcome.instance_hours for c in tried if c.outcome.keeps(150.0, 0.001)]
    assert best.outcome.instance_hours <= min(kept) * 1.05
    assert best.plan.most >= best.outcome.most_in_service
    # an objective below the service time is out of reach
    assert search.search(traffic, WORLD, Objective(5.0))[0] is None


def test_a_frontier_only_falls() -> None:
    traffic = daily(900, 50, 1200)
    choices = search.tried(traffic, search.candidates(traffic, WORLD), WORLD)
    best = search.frontier(choices)
    hours = [c.outcome.instance_hours for c in best]
    p95 = [c.outcome.p95_ms or 0.0 for c in best]
    assert len(best) >= 3
    assert hours == sorted(hours)
    assert p95 == sorted(p95, reverse=True)
    # nothing usable lies below and left of it
    for choice in choices:
        if choice.outcome.dropped_share <= 0.001 and choice.outcome.p95_ms is not None:
            point = choice.outcome.instance_hours, choice.outcome.p95_ms
            assert any(h <= point[0] and p <= point[1] / search.WORTH for h, p in zip(hours, p95, strict=True))


def test_plots_are_whole_files_that_say_in_words_what_they_show() -> None:
    traffic = daily(120, 10, 3600)
    outcome = exact.run(traffic, Plan(1, 3), WORLD)
    picture = plots.scaling(outcome, 50.0)
    root = ET.fromstring(picture)  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    label = root.attrib["aria-label"]
    assert "requests per second: arriving goes from" in label
    assert "objective 50 ms" in picture
    many = plots.frontiers({"10/s": (1000.0, [Choice(Plan(1, 3), outcome)]), "<&>": (1.0, [])})
    assert ET.fromstring(many) is not None  # noqa: S314 - our own
    with pytest.raises(ValueError, match="nothing to draw"):
        svg.chart("empty", [svg.Panel("none", [svg.Line("x", [(0, None)])], str)], "x")


@pytest.mark.parametrize(("low", "high"), [(3.0, 4.0), (1.0, 1000.0), (20.0, 90.0), (0.5, 0.6)])
def test_a_logarithmic_axis_has_a_few_round_ticks(low: float, high: float) -> None:
    ticks = svg.Axis(low, high, 0, 100, log=True).ticks(4)
    assert 2 <= len(ticks) <= 12
    assert all(low <= tick <= high for tick in ticks)


def test_progress_is_silent_for_two_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    bar = Bar(sys.stderr, "search", lambda: now[0])
    bar(0.1)
    assert capsys.readouterr().err == ""
    now[0] = 2.5
    bar(0.25)
    bar(0.26)
    bar.end()
    assert capsys.readouterr().err == "search: 25%\n"


def day(folder: Path) -> str:
    made = daily(120, 10, 900)
    rows = "".join(f"{index * 10},{rate:.3f}\n" for index, rate in enumerate(made.rates))
    return str(written(folder, "day.csv", "time,rate\n" + rows))


def result(folder: Path) -> str:
    document = {
        "kind": "endpoint",
        "target": "slipway-prod-vehicles",
        "users": 8,
        "seconds": 10,
        "requests": 4000,
        "failures": 0,
        "rps": 400.0,
        "p95_ms": 20.0,
        "histogram": [[4.0, 3000], [6.0, 900], [20.0, 100]],
    }
    return str(written(folder, "load.json", json.dumps(document)))


def test_a_trace_is_replayed_against_an_environments_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--trace", day(tmp_path), "--result", result(tmp_path), "--env", "prod", "--out", str(tmp_path / "o")]
    assert main([*arguments, "--slo-p95-ms", "100", "--price", "0.5"]) == 0
    said = capsys.readouterr().out
    assert "load.json): 400/s (2 x 5 ms)" in said
    assert "plan (prod settings): min 3, max 12, invocations target 2000" in said
    assert "objective kept" in said
    document = json.loads((tmp_path / "o" / "scaling.json").read_text())
    assert document["arrived"] == document["answered"] + document["refused"] + document["late"]
    assert (tmp_path / "o" / "scaling.svg").read_text().startswith("<svg")
    # an objective that cannot be kept
    assert main([*arguments, "--slo-p95-ms", "1"]) == 1


def test_without_a_trace_a_day_is_made_up_and_the_workloads_own_objective_counts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # given an environment, of whose instances most are to be busy at the peak
    main(["--env", "rehearsal", "--engine", "fluid", "--out", str(tmp_path)])
    said = capsys.readouterr().out
    assert "trace: a made-up day" in said
    # given a target of 1500 a minute, which is half of what an instance of two workers does
    assert "instance (of which the target of rehearsal is 0.5): 50/s (2 x 40 ms)" in said
    assert f"peak {0.8 * 4 * 1500 / 60:g}/s" in said
    assert "least routing" in said
    assert "p95 <= 100 ms" in said


def test_every_metric_that_an_environment_tracks_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prod").mkdir()
    scaling = "{min: 1, max: 4, invocations_per_instance: 900, concurrent_requests_per_model: 6}"
    endpoint = f"{{routing: RANDOM, scaling: {scaling}}}"
    written(tmp_path / "prod", "settings.yaml", f"workloads: {{vehicles: {{endpoint: {endpoint}}}}}\n")
    monkeypatch.setattr(inputs, "ENVIRONMENTS", tmp_path)
    usual = ["--trace", day(tmp_path), "--service-ms", "20", "--env", "prod"]
    main(usual)
    said = capsys.readouterr().out
    assert "invocations target 900, concurrency target 6, cooldown in 300 s out 120 s" in said
    assert "random routing" in said
    main([*usual, "--metric", "concurrency"])
    assert "max 4, concurrency target 6" in capsys.readouterr().out
    main([*usual, "--target", "70"])
    assert "max 4, invocations target 70," in capsys.readouterr().out


def test_schedules_in_the_settings_are_not_left_out_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prod").mkdir()
    scaling = '{min: 1, max: 4, invocations_per_instance: 900, schedules: {am: {schedule: "cron(0 7 * * ? *)"}}}'
    written(tmp_path / "prod", "settings.yaml", f"workloads: {{vehicles: {{endpoint: {{scaling: {scaling}}}}}}}\n")
    monkeypatch.setattr(inputs, "ENVIRONMENTS", tmp_path)
    main(["--trace", day(tmp_path), "--service-ms", "20", "--env", "prod"])
    assert "without its schedules: give them with --schedule" in capsys.readouterr().out


def test_a_trace_is_scaled_searched_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--trace", day(tmp_path), "--service-ms", "20"]
    assert main([*arguments, "--search", "--slo-p95-ms", "200"]) == 0
    assert "cheapest of" in capsys.readouterr().out
    assert main([*arguments, "--search", "--slo-p95-ms", "2"]) == 1
    assert "none of" in capsys.readouterr().err
    out = tmp_path / "f"
    assert main([*arguments, "--frontier", "100,400", "--out", str(out)]) == 0
    assert set(json.loads((out / "frontier.json").read_text())) == {"100/s", "400/s"}
    fixed = [
        *arguments,
        "--peak-rps",
        "5000",
        "--fixed",
        "--min",
        "1",
        "--max",
        "60",
        "--engine",
        "fluid",
        "--slo-p95-ms",
        "500",
    ]
    assert main([*fixed, "--schedule", "00:30=2:70"]) == 0
    assert "60 in service" in capsys.readouterr().out


def test_a_function_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--trace", day(tmp_path), "--provisioned", "2:20", "--duration-ms", "100"]
    assert main([*arguments, "--reserved", "50", "--out", str(tmp_path)]) == 0
    assert "throttled" in capsys.readouterr().out
    assert json.loads((tmp_path / "function.json").read_text())["throttled_share"] == 0
    assert main([*arguments[:2], "--provisioned", "0:0", "--duration-ms", "900", "--reserved", "5"]) == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "or --service-ms"),
        (["--result", "load.json", "--service-ms", "20"], "not both"),
        (["--service-ms", "20"], "--min and --max, or --env"),
        (["--service-ms", "20", "--min", "1", "--max", "2"], "--target"),
        (["--service-ms", "20", "--min", "1", "--max", "2", "--metric", "concurrency"], "requests inside"),
        (["--service-ms", "20", "--env", "mars"], "settings"),
        (["--service-ms", "20", "--env", "prod", "--workload", "planes"], "workload"),
        (["--service-ms", "20", "--frontier", "10"], "--out"),
        (["--service-ms", "20", "--frontier", "ten", "--out", "x"], "one to four peaks"),
        (["--service-ms", "20", "--min", "1", "--max", "2", "--fixed", "--schedule", "7am=1:2"], "HH:MM"),
        (["--service-ms", "20", "--min", "3", "--max", "2", "--fixed"], "maximum"),
        (["--service-ms", "20", "--peak-rps", "0"], "scale"),
        (["--provisioned", "5"], "MIN:MAX"),
        (["--provisioned", "5:9"], "--duration-ms"),
        (["--provisioned", "5:9", "--duration-ms", "5", "--reserved", "6"], "rising"),
    ],
)
def test_bad_usage_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[Any], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--trace", day(tmp_path), *more])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
