"""8-bit integers against 32-bit floats and against torch, on one thread: what the option `precision: int8` is worth."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rehearsal.bench.networks import network
from rehearsal.bench.row import Note, Row, at_least, fact, interleaved_all, ratio, rounds
from training.learning import quantise
from training.learning.export import INPUT, PROBABILITIES, Calibrated, export
from training.learning.images import normalise

if TYPE_CHECKING:
    from collections.abc import Callable

GOALS = {("resnet18", 224): 1.8, ("mobilenet_v2", 224): 1.5, ("mobilenet_v2", 32): 1.5}
"""Times as fast as fp32 in onnxruntime."""

AGAINST_TORCH = 3.0
TURNS = 5
"""Short turns in a round: a processor that others use changes its speed within seconds."""


def rows(note: Note) -> list[Row]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [row for (name, size), goal in GOALS.items() for row in _rows_of(note, name, size, goal)]
    finally:
        torch.set_num_threads(threads)


def _rows_of(note: Note, name: str, size: int, goal: float) -> list[Row]:
    title = f"{name}, {size} x {size}"
    note(f"int8: {title}")
    with tempfile.TemporaryDirectory() as folder:
        taken = interleaved_all(rounds() * TURNS, measures(Path(folder), name, size))
    return [
        fact(f"{title}: fp32 in onnxruntime, CPU per image", 1000 * statistics.median(taken["fp32"]), "ms"),
        at_least(f"{title}: int8 against fp32", ratio(taken, "fp32", "int8"), goal, "x"),
        at_least(f"{title}: int8 against torch, eager", ratio(taken, "torch", "int8"), AGAINST_TORCH, "x"),
    ]


def measures(folder: Path, name: str, size: int) -> dict[str, Callable[[], float]]:
    """One image through each, in CPU seconds."""
    made = network(name, size)
    pixels = torch.randint(0, 256, (16, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    image = normalise(pixels[:1])
    fp32, int8 = folder / "fp32.onnx", folder / "int8.onnx"
    export(Calibrated(made, 1.0), fp32, normalise(pixels[:2]))
    quantise.write(fp32, int8, pixels)
    sessions = {"fp32": quantise.session(fp32), "int8": quantise.session(int8)}

    def by_torch() -> None:
        with torch.inference_mode():
            made(image)

    def by_onnxruntime(which: str) -> Callable[[], None]:
        feed = {INPUT: image.numpy()}
        return lambda: sessions[which].run([PROBABILITIES], feed)

    return {"fp32": timed(by_onnxruntime("fp32")), "int8": timed(by_onnxruntime("int8")), "torch": timed(by_torch)}


def timed(act: Callable[[], object]) -> Callable[[], float]:
    """CPU seconds of `act` with its data and code in the caches, where the one before has put others."""

    def measure() -> float:
        act()
        begin = time.process_time()
        act()
        act()
        return (time.process_time() - begin) / 2

    return measure
