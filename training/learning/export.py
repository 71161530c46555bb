"""Write the model as ONNX, and prove that it answers as torch does."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 1e-4
"""Largest difference between torch's and onnxruntime's outputs, in scores and in probabilities."""

INPUT, PROBABILITIES, SCORES = "images", "probabilities", "scores"


class Calibrated(nn.Module):
    """The network as it is served: scores, and probabilities at the fitted temperature."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.network(images)
        return torch.softmax(scores / self.temperature, 1), scores


def export(model: nn.Module, path: Path, sample: Tensor, outputs: tuple[str, ...] = (PROBABILITIES, SCORES)) -> float:
    """Write `model` to `path` and compare it with torch on `sample`.

    Parameters
    ----------
    model
        Gives probabilities and scores, as `Calibrated` does.
    sample
        Normalised images of shape (n, channels, height, width), n >= 2: real ones, so that the comparison
        means something.
    outputs
        Names of what the model gives, each a tensor with the images as its first dimension.

    Returns
    -------
    the largest absolute difference found

    Raises
    ------
    TrainingError
        The difference exceeds `TOLERANCE`.
    """
    model.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with warnings.catch_warnings():
        # The new exporter needs onnxscript and 16 s; this one needs neither, but says that it is the old one.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (sample[:1],),
            str(partial),
            dynamo=False,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *outputs)},
            opset_version=17,
        )
    difference = compare(model, partial, sample, outputs)
    if not difference <= TOLERANCE:
        partial.unlink()
        raise TrainingError(
            "model.onnx", difference, f"differs from torch by more than {TOLERANCE}; do not serve it, report this"
        )
    partial.replace(path)
    return difference


def compare(model: nn.Module, path: Path, sample: Tensor, outputs: tuple[str, ...] = (PROBABILITIES, SCORES)) -> float:
    """Largest absolute difference between torch and onnxruntime, for one image and for all of `sample` at once."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (sample[:1], sample):
        with torch.inference_mode():
            expected = model(batch)
        got = session.run(list(outputs), {INPUT: batch.numpy()})
        worst = max(worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, got, strict=True)))
    return worst
