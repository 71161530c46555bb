"""The comparison with an environment's settings: the table, the exit status, and the file that is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from loadtest.capacity import settings_file
from loadtest.capacity.__main__ import main
from loadtest.errors import LoadUsageError

ROOT = Path(__file__).resolve().parents[2]
SCALING = ("workloads", "vehicles", "endpoint", "scaling")

TEXT = """\
# Kept as it is.
production: true
workloads:
  vehicles:
    functions:
      classify:   # the busy one
        reserved: 200
        provisioned: {min: 5, max: 50}
      rare: {reserved: 10, on_demand: It runs once a day.}
    endpoint:
      instance_type: ml.c6i.large
      scaling:
        min: 2    # two zones
        max: 12
        # per minute
        invocations_per_instance: 2000
"""


def stairs(target: str = "slipway-prod-vehicles", kind: str = "endpoint", **more: Any) -> dict[str, Any]:
    """A server that answers up to 50/s, and whose p95 passes 100 ms between 40/s and 50/s."""
    rows = [(10, 10.0, 20.0), (20, 20.0, 25.0), (40, 40.0, 60.0), (50, 49.0, 400.0), (80, 50.0, 2000.0)]
    steps = [
        {
            "offered_rps": offered,
            "rps": rps,
            "requests": int(rps * 30),
            "failures": 0,
            "seconds": 30.0,
            "p50_ms": p95 / 2,
            "p95_ms": p95,
            "p99_ms": p95 * 2,
            "mean_ms": p95 / 2,
        }
        for offered, rps, p95 in rows
    ]
    return {"kind": kind, "target": target, "steps": steps, "slo": {"p95_ms": 100.0, "failures": 0.0}, **more}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    result, settings = tmp_path / "load.json", tmp_path / "settings.yaml"
    result.write_text(json.dumps(stairs()))
    settings.write_text(TEXT)
    return result, settings


def call(files: tuple[Path, Path], *more: str) -> int:
    result, settings = files
    return main(["--result", str(result), "--env", "prod", "--settings", str(settings), *more])


def test_settings_that_disagree_are_shown_and_fail(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # given a knee of 42.4/s, so a target of 1272 where 2000 stands
    assert call(files) == 1
    said = capsys.readouterr()
    assert "knee of one instance: 42.4 requests/s" in said.out
    row = next(line for line in said.out.splitlines() if "invocations_per_instance" in line)
    assert row.split()[1:5] == ["2,000", "1,272", "+57%", "OFF"]
    assert "min and max were not judged" in said.out
    assert "1 of 1 differ by more than 20%" in said.err
    assert files[1].read_text() == TEXT


def test_settings_within_the_tolerance_pass(files: tuple[Path, Path]) -> None:
    assert call(files, "--tolerance", "0.6") == 0
    files[1].write_text(TEXT.replace("2000", "1300"))
    assert call(files) == 0
    # a load of twice the rate on two instances is the same knee
    files[0].write_text(json.dumps(stairs(instances=2)))
    assert call(files) == 1


def test_writing_changes_the_values_and_nothing_else(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files[1].chmod(0o640)
    forecast = ["--peak-rps", "400", "--trough-rps", "100"]
    assert call(files, *forecast, "--write") == 0
    expected = TEXT.replace("2000", "1272").replace("min: 2 ", "min: 5 ").replace("max: 12\n", "max: 24\n")
    assert files[1].read_text() == expected
    assert files[1].stat().st_mode & 0o777 == 0o640
    assert [path.name for path in files[1].parent.iterdir() if ".part" in path.name] == []
    assert "make synth" in capsys.readouterr().out
    # and then they agree
    assert call(files, *forecast) == 0


def test_requests_inside_are_judged_where_they_are_tracked(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # given 42.4/s at the knee, and 30 ms on average in its last good step: 1.27 inside, of which half rounds to none
    assert call(files) == 1
    assert "concurrent_requests_per_model: 1 would also let the fleet grow" in capsys.readouterr().out
    files[1].write_text(TEXT.replace("2000", "1272\n        concurrent_requests_per_model: 64"))
    assert call(files) == 1
    row = next(line for line in capsys.readouterr().out.splitlines() if "concurrent_requests" in line)
    assert row.split()[1:3] == ["64", "1"]
    assert call(files, "--write") == 0
    assert "concurrent_requests_per_model: 1\n" in files[1].read_text()


def test_a_rehearsal_binds_nobody(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files[0].write_text(json.dumps(stairs("slipway-rehearsal-vehicles")))
    out = tmp_path / "capacity.json"
    assert call(files, "--env", "rehearsal", "--json", str(out)) == 0
    said = capsys.readouterr()
    assert "OFF" in said.out
    assert "for information only" in said.err
    document = json.loads(out.read_text())
    assert (document["binding"], document["target"], document["settings"][0]["agrees"]) == (False, 1272, False)
    # half of the knee lies between 20/s at 25 ms and 40/s at 60 ms
    assert 25 < document["p95_at_target_ms"] < 30


def test_what_was_not_measured_is_not_written(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    # given another environment's endpoint
    files[0].write_text(json.dumps(stairs(target="slipway-rehearsal-vehicles")))
    with pytest.raises(SystemExit) as ended:
        call(files, "--write")
    assert ended.value.code == 2
    assert "--measured-elsewhere" in capsys.readouterr().err
    assert files[1].read_text() == TEXT
    assert call(files, "--write", "--measured-elsewhere") == 0
    # given a test that ended before the knee
    files[1].write_text(TEXT)
    short = stairs()
    short["steps"] = short["steps"][:2]
    files[0].write_text(json.dumps(short))
    with pytest.raises(SystemExit):
        call(files, "--write")
    assert "lower bound" in capsys.readouterr().err
    assert files[1].read_text() == TEXT


def test_a_bottleneck_in_the_generator_is_no_knee(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    # given stairs that the generator ended, with a verdict that stands all the same
    files[0].write_text(json.dumps(stairs(stopped="generator")))
    assert call(files) == 1
    assert "lower bounds" in capsys.readouterr().out
    files[0].write_text(json.dumps(stairs(unfit="it used 99% of a processor")))
    with pytest.raises(SystemExit):
        call(files, "--write")
    said = capsys.readouterr()
    assert "the generator was the bottleneck (it used 99% of a processor)" in said.out
    assert "not reached" in said.out
    assert "lower bound" in said.err
    assert files[1].read_text() == TEXT


def test_a_capacity_that_cannot_be_known_has_an_exit_status_of_its_own(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(files, "--slo-p95-ms", "5") == 3
    assert "already the least load" in capsys.readouterr().err


def test_a_functions_concurrency_is_judged_by_its_own_load_test(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # given calls of 30 ms on average, 100/s at the peak: 3 at once
    files[0].write_text(json.dumps(stairs("slipway-prod-vehicles-classify:live", "function")))
    assert call(files, "--peak-rps", "100", "--trough-rps", "10", "--json", str(tmp_path / "out.json")) == 1
    rows = {
        row["key"].split("classify.")[1]: row for row in json.loads((tmp_path / "out.json").read_text())["settings"]
    }
    assert {name: (row["now"], row["wanted"]) for name, row in rows.items()} == {
        "reserved": (200, 10),
        "provisioned.min": (5, 1),
        "provisioned.max": (50, 5),
    }
    assert "classify.reserved" in capsys.readouterr().out
    # a function on demand has no provisioned concurrency to judge
    assert call(files, "--peak-rps", "100", "--function", "rare") == 0


def test_a_trace_is_a_forecast(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "\n".join(f"{minute * 60},{100 if minute < 30 else 400}" for minute in range(60))
    (tmp_path / "day.csv").write_text("time,rate\n" + rows + "\n")
    assert call(files, "--trace", str(tmp_path / "day.csv")) == 1
    assert "trough 100/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--workload", "planes"], "prod has: vehicles"),
        (["--tolerance", "2"], "tolerance"),
        (["--safety", "0"], "safety"),
        (["--trough-rps", "2"], "--peak-rps"),
        (["--peak-rps", "2", "--trace", "x"], "not both"),
        (["--peak-rps", "-2"], "forecast"),
        (["--instances", "-2"], "instances"),
        (["--settings", "/nonexistent.yaml"], "settings"),
    ],
)
def test_bad_usage_is_named(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        call(files, *more)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_every_committed_environment_can_be_judged_and_edited(files: tuple[Path, Path]) -> None:
    for path in sorted((ROOT / "terraform" / "environments").glob("*/settings.yaml")):
        text = path.read_text()
        workloads = settings_file.load(path)["workloads"]
        changes = {
            ("workloads", workload, "endpoint", "scaling", name): 7
            for workload in workloads
            for name in ("min", "max", "invocations_per_instance", "scale_out_cooldown_s")
        }
        changed = settings_file.edited(text, changes)
        for key in changes:
            assert settings_file.value_at(yaml.safe_load(changed), key) == 7
        # comments stay
        assert [line for line in changed.splitlines() if line.lstrip().startswith("#")] == [
            line for line in text.splitlines() if line.lstrip().startswith("#")
        ]


def test_a_missing_key_is_added_last_in_both_styles() -> None:
    flow = settings_file.edited("a:\n  b: {c: 1, d: 2}  # why\n", {("a", "b", "e"): 600})
    assert flow == "a:\n  b: {c: 1, d: 2, e: 600}  # why\n"
    block = settings_file.edited(TEXT, {(*SCALING, "scale_in_cooldown_s"): 600})
    assert block == TEXT + "        scale_in_cooldown_s: 600\n"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: {b: 1}\n", ("a", "c", "d")),
        ("a: &x {b: 1}\nc: *x\n", ("a", "b")),
        ("a: {}\n", ("a", "b")),
        ("a: 5\n", ("a", "b")),
        ("a: {b: [1]}\n", ("a", "b")),
    ],
)
def test_an_edit_that_could_do_harm_is_refused(text: str, key: tuple[str, ...]) -> None:
    with pytest.raises(LoadUsageError, match="by hand"):
        settings_file.edited(text, {key: 9})


@given(st.dictionaries(st.sampled_from(["min", "max", "invocations_per_instance"]), st.integers(1, 10**6), min_size=1))
def test_any_set_of_values_can_be_written(values: dict[str, int]) -> None:
    changes = {(*SCALING, name): value for name, value in values.items()}
    changed = yaml.safe_load(settings_file.edited(TEXT, changes))
    original = yaml.safe_load(TEXT)
    original["workloads"]["vehicles"]["endpoint"]["scaling"].update(values)
    assert changed == original
