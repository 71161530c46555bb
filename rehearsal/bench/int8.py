"""8-bit integers against 32-bit floats and against torch, on one thread: what the option `precision: int8` is worth.

The goals hold for single images, as requests bring them, and in batches of the server's size, which is how a server
runs that is busy enough for speed to matter. Torch is called as it is by default, after `eval()`
and no more, and once more in its inference mode, which is faster.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rehearsal.bench.networks import network
from rehearsal.bench.row import Note, Row, at_least, fact, interleaved_all, median_cpu, ratio, rounds
from training.learning import quantise
from training.learning.export import INPUT, PROBABILITIES, Calibrated, export
from training.learning.images import normalise
from training.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

GOALS = {("resnet18", 224): 1.8, ("mobilenet_v2", 224): 1.5, ("mobilenet_v2", 32): 1.5}
"""Times as fast as fp32 in onnxruntime."""

AGAINST_TORCH = 3.0
TURNS, LEAST_S = 2, 0.1


def rows(note: Note) -> list[Row]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [row for (name, size), goal in GOALS.items() for row in _rows_of(note, name, size, goal)]
    finally:
        torch.set_num_threads(threads)


def _rows_of(note: Note, name: str, size: int, goal: float) -> list[Row]:
    batch = Settings().batch
    title = f"{name}, {size} x {size}"
    note(f"int8: {title}")
    with tempfile.TemporaryDirectory() as folder:
        taken = interleaved_all(rounds() * TURNS, measures(Path(folder), name, size, batch))
    against = f"{title}: int8 against fp32"
    return [
        at_least(f"{against}, {batch} images at a time", ratio(taken, "fp32", "int8"), goal, "x"),
        at_least(f"{against}, a single image", ratio(taken, "fp32, single", "int8, single"), goal, "x"),
        at_least(f"{title}: int8 against torch, eager", ratio(taken, "torch", "int8"), AGAINST_TORCH, "x"),
        fact(f"{title}: int8 against torch, inference mode", ratio(taken, "torch, inference", "int8"), "x"),
        fact(f"{title}: CPU of a single image in fp32", 1000 * statistics.median(taken["fp32, single"]), "ms"),
    ]


def measures(folder: Path, name: str, size: int, batch: int) -> dict[str, Callable[[], float]]:
    """CPU seconds per image, of each way to answer."""
    made = network(name, size)
    pixels = torch.randint(0, 256, (16, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    many, one = normalise(pixels[:batch]), normalise(pixels[:1])
    fp32, int8 = folder / "fp32.onnx", folder / "int8.onnx"
    export(Calibrated(made, 1.0), fp32, normalise(pixels[:2]))
    quantise.write(fp32, int8, pixels)
    sessions = {"fp32": quantise.session(fp32), "int8": quantise.session(int8)}

    def by_torch(inference: bool) -> object:
        with torch.inference_mode(inference):
            return made(many)

    def by_onnxruntime(which: str, images: torch.Tensor) -> Callable[[], object]:
        feed = {INPUT: images.numpy()}
        return lambda: sessions[which].run([PROBABILITIES], feed)

    found = {"torch": per_image(lambda: by_torch(False), batch)}
    found["torch, inference"] = per_image(lambda: by_torch(True), batch)
    for which in sessions:
        found[which] = per_image(by_onnxruntime(which, many), batch)
        found[f"{which}, single"] = per_image(by_onnxruntime(which, one), 1)
    return found


def per_image(act: Callable[[], object], images: int) -> Callable[[], float]:
    """CPU seconds per image."""
    return lambda: median_cpu(act, LEAST_S) / images
