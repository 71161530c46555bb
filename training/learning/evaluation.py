"""Judge a classifier: per class, as a whole, and by how far its confidence can be believed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def temperature(scores: Tensor, labels: Tensor) -> float:
    """The divisor of the scores that makes their softmax most likely on held-out labels (Guo et al., 2017)."""
    grid = torch.logspace(-0.7, 0.7, 141)
    losses = torch.stack([cross_entropy(scores / value, labels) for value in grid])
    return float(grid[losses.argmin()])


def evaluate(probabilities: Tensor, labels: Tensor, classes: tuple[str, ...], threshold: float) -> dict[str, Any]:
    """All figures of a split.

    Parameters
    ----------
    probabilities
        Shape (n, classes).
    threshold
        Probability below which the workflow sends an image to review.
    """
    matrix = confusion(probabilities.argmax(1), labels, len(classes))
    hits = np.diag(matrix).astype(float)
    precision, recall = _share(hits, matrix.sum(0)), _share(hits, matrix.sum(1))
    f1 = _share(2 * precision * recall, precision + recall)
    sure = probabilities.max(1).values >= threshold
    right = probabilities.argmax(1) == labels
    return {
        "images": len(labels),
        "accuracy": float(hits.sum() / matrix.sum()),
        "loss": float(-probabilities[torch.arange(len(labels)), labels].clamp_min(1e-12).log().mean()),
        "macro_f1": float(f1.mean()),
        "calibration_error": calibration_error(probabilities, labels),
        "threshold": threshold,
        "share_below_threshold": float(1 - sure.float().mean()),
        "accuracy_above_threshold": float(right[sure].float().mean()) if sure.any() else 0.0,
        "classes": {
            name: {"precision": precision[k], "recall": recall[k], "f1": f1[k], "images": int(matrix[k].sum())}
            for k, name in enumerate(classes)
        },
        "confusion": matrix.tolist(),
    }


def confusion(predicted: Tensor, labels: Tensor, classes: int) -> NDArray[np.int64]:
    """Counts of shape (classes, classes): rows are true classes, columns predicted ones."""
    return torch.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes).numpy()


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 10) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over equal bins of confidence."""
    best, predicted = probabilities.max(1)
    right = (predicted == labels).float()
    at = (best * bins).long().clamp_max(bins - 1)
    gaps = [(best[at == k].mean() - right[at == k].mean()).abs() * (at == k).sum() for k in at.unique()]
    return float(torch.stack(gaps).sum() / len(labels))


def plot_confusion(matrix: list[list[int]], classes: tuple[str, ...], title: str, path: Path) -> None:
    """Draw the confusion matrix as a PNG, shaded by the share of each true class."""
    import matplotlib as mpl  # noqa: PLC0415  a second to import, and only needed at the end

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    counts = np.array(matrix)
    shares = _share(counts, counts.sum(1, keepdims=True))
    side = max(3.6, 0.62 * len(classes) + 2.2)
    figure, axes = plt.subplots(figsize=(side + 0.7, side), dpi=150, layout="constrained")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        dark = shares[row, column] > 0.55
        text = f"{counts[row, column]}\n{shares[row, column]:.0%}" if len(classes) <= 6 else str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", color="white" if dark else "#1f2d3d", fontsize=11)
    axes.set_xticks(range(len(classes)), classes, rotation=0 if len(classes) <= 4 else 45)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="true")
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, int(side * 11))]
    axes.set_title("\n".join(lines), fontsize=10, pad=10)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    bar.outline.set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Element-wise quotient, 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=np.asarray(whole) != 0)
