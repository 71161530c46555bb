"""Training in two processes against one, and from files against from memory, on the cores of this machine.

The same work is done in both turns of a pair: two processes share the global batches that one works through alone, and
learn the same to the last bit. Wall time counts here, as two cores take the same CPU time for the same work at best.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.bench.row import BenchError, Note, Row, at_least, fact, interleaved_all, not_measured, ratio, rounds

if TYPE_CHECKING:
    from collections.abc import Callable

SPEEDUP, SHARE = 1.6, 0.9
IMAGES, SIDE, BATCH, STEPS = 96, 96, 32, 5
ROOT = Path(__file__).resolve().parents[2]


def rows(note: Note) -> list[Row]:
    what = "ResNet-18, 96 x 96: two processes against one, the same steps"
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        if cores < 2:
            found = [not_measured(what, f">= {SPEEDUP}x", "one core; run on a machine with two")]
        else:
            note("training: two processes against one")
            taken = interleaved_all(rounds(), {str(n): _seconds(n, Path(folder)) for n in (1, 2)})
            found = [at_least(what, ratio(taken, "1", "2"), SPEEDUP, "x")]
            found.append(fact("one process on one core", STEPS * BATCH / statistics.median(taken["1"]), "images/s"))
        note("training: from files against from memory")
        share = _share()
    title = f"ResNet-18, 224 x 224 on {cores} cores, JPEGs of 500 x 375"
    found.append(at_least(f"{title}: from files against from memory", share["share"], SHARE, "x"))
    found.append(fact("from files", share["images_per_second"]["files"], "images/s"))
    return found


def _seconds(processes: int, folder: Path) -> Callable[[], float]:
    """Seconds that so many processes, each with one thread, take for the steps."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command += ["-m", "rehearsal.bench.pairs", str(folder), str(IMAGES), str(SIDE), str(BATCH), str(STEPS)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}

    def run() -> float:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{processes} processes failed: {done.stderr.strip()[-300:]}")
        return float(json.loads(done.stdout.splitlines()[-1])["seconds"])

    return run


def _share() -> dict[str, Any]:
    """The project's own command, with as many readers as a machine this small can spare."""
    command = [
        sys.executable,
        "-m",
        "training.learning.throughput",
        "--architecture",
        "resnet18",
        "--batch",
        str(BATCH),
    ]
    command += ["--drawn", "128", "--steps", "4", "--rounds", str(max(3, rounds())), "--warmup", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"throughput failed: {done.stderr.strip()[-300:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
