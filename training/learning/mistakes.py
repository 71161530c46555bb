"""The test images that a classifier is most wrong about, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from training.learning.results import Figure

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from training.learning.images import Split

COLUMNS, ROWS = 4, 2


def hardest(probabilities: Tensor, labels: Tensor) -> list[int]:
    """Positions of the images whose own class got least, the worst first, as many as a sheet holds.

    Where fewer are wrong, the least sure of the right ones follow.
    """
    own = probabilities[torch.arange(len(labels)), labels]
    return own.argsort(stable=True)[: COLUMNS * ROWS].tolist()


def draw(path: Path, split: Split, probabilities: Tensor, classes: tuple[str, ...], label: str) -> Figure:
    """Write a sheet of the hardest images, each with its class and what the model says.

    Parameters
    ----------
    probabilities
        Shape (n, classes).
    label
        What the images are, for the title.
    """
    import matplotlib as mpl  # noqa: PLC0415  a second to import, and only needed at the end

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    chosen = hardest(probabilities, split.labels)
    rows = -(-len(chosen) // COLUMNS)
    height, width = split.images.shape[2:]
    size = (2.6 * COLUMNS, rows * (2.6 * height / width + 0.45) + 0.4)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=size, dpi=130, layout="constrained", squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, position in zip(grid.flat, chosen, strict=False):
        pixels = split.images[position].permute(1, 2, 0).numpy()
        axes.imshow(pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, 2), interpolation="bilinear")
        best = int(probabilities[position].argmax())
        own = int(split.labels[position])
        right = best == own
        said = f"{classes[best]} {probabilities[position, best]:.0%}"
        text = f"{said}, and it is" if right else f"{said}, but {classes[own]}"
        axes.set_title(text, fontsize=9, color="#1f2d3d" if right else "#b34700")
    figure.suptitle(f"Hardest test images: {label}", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
    return Figure(
        path.name,
        "Hardest test images",
        f"The test images ({label}) to whose own class the model gives least. Above each what the model says and, "
        "where that is wrong, what it is.",
        f"Sheet of {len(chosen)} test images with the class the model gives them",
    )
