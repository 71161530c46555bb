"""Which operations a step's time goes to: torch.profiler over a few steps, after some that are not counted."""

from __future__ import annotations

import gzip
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.profiler import ProfilerActivity

from training.learning.results import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.learning.watching import Watch

SKIPPED, WARMUP = 2, 1
"""Steps before the profiler listens (the first ones allocate and choose kernels), and steps it hears but forgets."""

TOP = 12


@contextmanager
def profiled(watch: Watch, folder: Path, steps: int) -> Iterator[None]:
    """Profile `steps` steps of the fit that `watch` follows; leave `trace.json.gz` and `operations.json` in a folder.

    The trace opens in https://ui.perfetto.dev; 0 steps profile nothing.
    """
    if steps == 0:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        kinds.append(ProfilerActivity.CUDA)
    plan = torch.profiler.schedule(skip_first=SKIPPED, wait=0, warmup=WARMUP, active=steps, repeat=1)
    with torch.profiler.profile(
        activities=kinds, schedule=plan, on_trace_ready=lambda done: _keep(done, folder, steps)
    ) as profiler:
        watch.profile = profiler.step
        yield
    watch.profile = lambda: None


def _keep(profiler: Any, folder: Path, steps: int) -> None:
    trace = folder / "trace.json"
    profiler.export_chrome_trace(str(trace))
    with trace.open("rb") as plain, gzip.open(folder / "trace.json.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    trace.unlink()
    key = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    # The operations themselves, not the names that parts of a step and steps were given.
    rows = [row for row in profiler.key_averages() if row.key.startswith("aten::")]
    total = sum(getattr(row, key) for row in rows) or 1
    found = sorted(rows, key=lambda row: -getattr(row, key))[:TOP]
    operations = [
        {
            "name": row.key,
            "calls": row.count,
            "milliseconds_per_step": round(getattr(row, key) / 1000 / steps, 3),
            "share": round(getattr(row, key) / total, 4),
        }
        for row in found
    ]
    write_json(folder / "operations.json", {"steps": steps, "device": key.split("_")[1], "operations": operations})
