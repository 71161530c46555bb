"""Power and false alarms by simulation: a little in every run, the figures themselves in `make verify`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.monitoring import bench, simulation
from training.monitoring.drift import Limits
from training.monitoring.simulation import Rate

if TYPE_CHECKING:
    from pathlib import Path

WINE = 142
"""Training rows of scikit-learn's wine data: few, and so the harder case."""


def test_a_rate_has_wilsons_interval() -> None:
    assert str(Rate(10, 100)) == "10/100 = 10.0% (95 % interval 5.5% to 17.4%)"
    assert Rate(0, 10).interval[0] == 0
    assert Rate(10, 10).interval[1] == 1


def test_the_columns_are_of_many_shapes() -> None:
    rows = simulation.rows(np.random.default_rng(0), 500)
    assert rows.shape == (500, simulation.FEATURES)
    assert {np.unique(column).size < 50 for column in rows.T} == {True, False}


def test_days_like_training_are_quiet_and_shifts_are_found() -> None:
    assert simulation.false_alarms(40, 500, 400, baselines=4).hits <= 2
    found, by_column = simulation.power(13, 500, 400)
    assert found.hits >= 12
    assert sum(rate.trials for rate in by_column) == 13


@pytest.mark.slow
def test_the_bench_measures_a_small_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--records", "1500", "--training"]) == 0
    assert "1500 records" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("training", [WINE, 1_000])
def test_of_a_thousand_days_without_drift_one_in_a_hundred_alarms_at_most(training: int) -> None:
    # Without the least distance that an alarm needs otherwise: that one only makes alarms fewer.
    rate = simulation.false_alarms(1_000, 500, training, Limits(numeric=0.0), seed=training)
    assert rate.share <= 0.01, str(rate)


@pytest.mark.slow
@pytest.mark.parametrize("training", [WINE, 1_000])
def test_half_a_sigma_in_one_of_13_columns_is_found_within_500_requests(training: int) -> None:
    rate, _ = simulation.power(200, 500, training)
    assert rate.share >= 0.95, str(rate)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    """What 200,000 records take beyond 20,000 is little more than the 32 bytes each that keep doubles out."""
    code = (
        "import resource, sys, json;"
        "from training.monitoring.__main__ import main;"
        "main(sys.argv[1:]);"
        "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )
    peaks = []
    for records in (20_000, 200_000):
        place = tmp_path / str(records)
        place.mkdir()
        bench._write(place, records)
        rows = ["baseline", "--rows", str(place / "train.csv"), "--out", str(place / "baseline")]
        subprocess.run([sys.executable, "-m", "training.monitoring", *rows], check=True, stdout=subprocess.DEVNULL)
        where = ["--captures", str(place / "captures"), "--baseline", str(place / "baseline")]
        done = subprocess.run(
            [sys.executable, "-c", code, "analyze", *where, "--out", str(place / "report")],
            check=True,
            capture_output=True,
            text=True,
        )
        peaks.append(json.loads(done.stdout.splitlines()[-1]) / 1024)
    assert peaks[1] - peaks[0] < 40, peaks
