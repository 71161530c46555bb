"""`python -m training.monitoring.bench`: the figures that monitoring promises, measured here and now."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.monitoring import simulation
from training.monitoring.drift import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIFFERENT = 20_000
_PER_FILE = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when one is not reached."""
    parser = argparse.ArgumentParser(prog="python -m training.monitoring.bench", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--training", type=int, nargs="*", default=[142, 1_000], help="training rows, wine's 142 first")
    arguments = parser.parse_args(argv)
    reached = [_speed(arguments.records)] if arguments.records else []
    for training in arguments.training:
        alarms = simulation.false_alarms(arguments.days, 500, training)
        ungated = simulation.false_alarms(arguments.days, 500, training, Limits(numeric=0.0))
        found, _ = simulation.power(arguments.runs, 500, training)
        _say(f"{training} training rows, 500 requests: days with a false alarm", alarms)
        _say(f"{training} training rows, 500 requests: the same without a least distance", ungated)
        _say(f"{training} training rows, 500 requests: shifts of 0.5 sigma in 1 of 13 columns found", found)
        reached += [alarms.share <= 0.01, found.share >= 0.95]
    return 0 if all(reached) else 1


def _speed(records: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="monitoring-") as folder:
        place = Path(folder)
        _write(place, records)
        command = [sys.executable, "-m", "training.monitoring"]
        rows = ["--rows", str(place / "train.csv"), "--out", str(place / "baseline")]
        subprocess.run([*command, "baseline", *rows], check=True, stdout=subprocess.DEVNULL)
        where = ["--captures", str(place / "captures"), "--baseline", str(place / "baseline")]
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(
            [*command, "analyze", *where, "--out", str(place / "report")], check=True, env={**os.environ, **single}
        )
        seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        report = json.loads((place / "report" / "report.json").read_text(encoding="utf-8"))
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    megabytes = after.ru_maxrss / 1024
    _say(f"{records} records", f"{seconds:.1f} s by the clock, {busy:.1f} s of one core, {megabytes:.0f} MB at most")
    return bool(report["capture"]["records"] == records and busy <= 60 and megabytes <= 500)


def _write(place: Path, records: int) -> None:
    """Training rows, and capture files as an endpoint that answers CSV writes them."""
    lot = np.random.default_rng(1)
    lines = [",".join(f"{value:.4f}" for value in row) for row in simulation.rows(lot, _DIFFERENT)]
    header = ",".join(f"f{number}" for number in range(simulation.FEATURES))
    (place / "train.csv").write_text("\n".join([header, *lines[:5_000]]) + "\n", encoding="utf-8")
    hour = place / "captures/2026/11/21/13"
    hour.mkdir(parents=True)
    for start in range(0, records, _PER_FILE):
        with (hour / f"{start:09d}.jsonl").open("w", encoding="utf-8") as file:
            for number in range(start, min(start + _PER_FILE, records)):
                first, _, rest = lines[number % _DIFFERENT].partition(",")
                # More digits make every row a different one without changing how they are distributed.
                file.write(_record(number, f"{first}{number:07d},{rest}"))


def _record(number: int, line: str) -> str:
    asked = {"observedContentType": "text/csv", "mode": "INPUT", "data": f"{line}\n", "encoding": "CSV"}
    kind = "text/csv; charset=utf-8"
    answered = {"observedContentType": kind, "mode": "OUTPUT", "data": f"0.{number % 10_000:04d}", "encoding": "CSV"}
    meta = {"eventId": str(uuid.UUID(int=number)), "inferenceTime": "2026-11-21T13:05:00Z"}
    captured = {"endpointInput": asked, "endpointOutput": answered}
    return json.dumps({"captureData": captured, "eventMetadata": meta, "eventVersion": "0"}) + "\n"


def _say(what: str, figure: object) -> None:
    sys.stdout.write(f"{what}: {figure}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
