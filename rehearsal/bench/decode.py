"""From the bytes of a JPEG to the numbers a network takes: the server's own code beside Pillow and numpy."""

from __future__ import annotations

import dataclasses
import io
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from rehearsal.bench.networks import folder_of
from rehearsal.bench.pictures import jpeg
from rehearsal.bench.row import Note, Row, at_least, at_most, fact, interleaved_all, median_cpu, ratio, rounds
from training.learning.images import MEAN, STD
from training.serving import model as models
from training.serving.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 250, 150
RESIZED = 224
LEAST_S = 0.05


class NoSession:
    """In the place of onnxruntime's session: takes a batch and runs nothing."""

    def run(self, _outputs: Any, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        (batch,) = feed.values()
        return [np.zeros((len(batch), 10), np.float32)]


def rows(note: Note) -> list[Row]:
    note("decoding")
    body = jpeg(WIDTH, HEIGHT)
    with tempfile.TemporaryDirectory() as folder:
        made = folder_of("small_cnn", 32, Path(folder))
        model = dataclasses.replace(models.load(Settings(model=made)), session=NoSession())
    measures = {}
    for name, (width, height) in {"as it is": (WIDTH, HEIGHT), "resized": (RESIZED, RESIZED)}.items():
        sized = dataclasses.replace(model, width=width, height=height)
        measures[f"ours {name}"] = partial(median_cpu, partial(ours, sized, body), LEAST_S)
        measures[f"pillow {name}"] = partial(median_cpu, partial(by_pillow, body, (width, height)), LEAST_S)
    taken = interleaved_all(rounds(), measures)
    cost = {name: 1000 * statistics.median(values) for name, values in taken.items()}
    what = f"JPEG {WIDTH} x {HEIGHT}, decoded and normalised"
    resized = f"the same, resized to {RESIZED} x {RESIZED} between"
    return [
        at_most(f"{what}: CPU per image", cost["ours as it is"], 0.35, "ms"),
        fact(f"{what}: with Pillow and numpy", cost["pillow as it is"], "ms"),
        at_least(f"{what}: against Pillow and numpy", ratio(taken, "pillow as it is", "ours as it is"), 2.0, "x"),
        fact(f"{resized}: CPU per image", cost["ours resized"], "ms"),
        fact(f"{resized}: against Pillow and numpy", ratio(taken, "pillow resized", "ours resized"), "x"),
    ]


def ours(model: models.Model, body: bytes) -> object:
    """As the server does it."""
    return models.infer(model, [models.decode(model, body)])


def by_pillow(body: bytes, size: tuple[int, int]) -> NDArray[np.floating]:
    """As it is usually written: to 0..1, minus the mean, by the deviation, channels first."""
    image = Image.open(io.BytesIO(body)).convert("RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.float32) / 255
    pixels = (pixels - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
