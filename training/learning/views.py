"""Pictures of how a model was trained and of what it confuses, readable on light and dark pages."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from training.learning.results import Figure
from training.learning.watching import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe and Ito's, which people with any colour vision can tell apart (https://jfly.uni-koeln.de/color/)."""

BINS = 60
PAIRS = 12


def steps(times: Sequence[Mapping[str, float]], path: Path) -> Figure:
    """Where the time of the steps went, as bands over the run."""
    with _axes(path, (7.2, 3.2)) as axes:
        groups = np.array_split(np.array([[spent[part] for part in PARTS] for spent in times]), min(BINS, len(times)))
        middle = 1000 * np.array([np.median(group, axis=0) for group in groups])
        at = np.cumsum([len(group) for group in groups])
        axes.stackplot(at, middle.T, labels=PARTS, colors=COLOURS, step="pre")
        axes.set(xlabel="step of the optimiser", ylabel="milliseconds per step", xlim=(0, None), ylim=(0, None))
        axes.legend(loc="upper right", ncols=len(PARTS), fontsize=8)
    shares = np.array([[spent[part] for part in PARTS] for spent in times]).sum(0)
    said = ", ".join(f"{part} {share:.0%}" for part, share in zip(PARTS, shares / shares.sum(), strict=True))
    caption = f"Median time per step: {said}. Time for data is time in which nothing was learnt."
    return Figure(path.name, "Where a step's time goes", caption, f"Bands of time per step: {said}.")


def gradients(norms: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> Figure:
    """The norm of each layer's gradient, over the steps looked at."""
    layers = list(norms)
    grid = np.array([[max(value, 1e-12) for _, value in norms[layer]] for layer in layers])
    with _axes(path, (7.2, 0.24 * len(layers) + 1.5)) as axes:
        last = max(step for layer in layers for step, _ in norms[layer])
        image = axes.imshow(
            np.log10(grid),
            aspect="auto",
            cmap="cividis",
            extent=(0, max(last, 1), len(layers), 0),
            interpolation="none",
        )
        axes.set_yticks(np.arange(len(layers)) + 0.5, layers, fontsize=7)
        axes.set_xlabel("step of the optimiser")
        axes.figure.colorbar(image, ax=axes, label="log10 of the gradient's norm")
    said = f"from {grid.min():.1e} to {grid.max():.1e}"
    caption = f"A row per layer that learns, input above: norms {said}. A row that turns dark has stopped learning."
    return Figure(path.name, "Gradients by layer", caption, f"Map of gradient norms of {len(layers)} layers, {said}.")


def curves(epochs: Sequence[Mapping[str, float]], path: Path) -> Figure:
    """Losses and accuracies by epoch; epoch 0 is the new last layer on the frozen backbone."""
    with _axes(path, (7.2, 3.0)) as axes:
        other = axes.twinx()
        at = [row["epoch"] for row in epochs]
        axes.plot(at, [row["train:loss"] for row in epochs], "o-", color=COLOURS[0], label="training loss")
        axes.plot(at, [row["validation:loss"] for row in epochs], "s-", color=COLOURS[5], label="validation loss")
        other.plot(at, [row["validation:accuracy"] for row in epochs], "^--", color=COLOURS[2], label="top-1")
        other.plot(at, [row["validation:top5_accuracy"] for row in epochs], "v--", color=COLOURS[3], label="top-5")
        axes.set(xlabel="epoch (0: frozen backbone)", ylabel="loss", ylim=(0, None), xticks=at)
        other.set(ylabel="share that is right", ylim=(0, 1))
        handles = [line for pair in (axes, other) for line in pair.get_lines()]
        axes.legend(handles, [str(line.get_label()) for line in handles], fontsize=8, ncols=4, loc="lower center")
    first, best = epochs[0], max(epochs, key=lambda row: row["validation:accuracy"])
    begin, end = f"{first['validation:accuracy']:.1%}", f"{best['validation:accuracy']:.1%}"
    said = f"top-1 {begin} in epoch {first['epoch']:g}, at best {end}"
    return Figure(
        path.name, "Learning curves", f"On validation images: {said}.", f"Curves of loss and accuracy: {said}."
    )


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], path: Path, data: str) -> Figure:
    """Many classes at a glance: the matrix as a map, and the pairs confused most by name.

    Parameters
    ----------
    data
        What was judged on, such as "synthetic data, 798 test images".
    """
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    pairs = most_confused(matrix, classes)
    with _axes(path, (12.0, 5.6), columns=2, ratios=(1.4, 1)) as (left, right):
        image = left.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="none")
        ticks = range(0, len(classes), max(1, len(classes) // 10))
        left.set_xticks(ticks, [str(k + 1) for k in ticks])
        left.set_yticks(ticks, [f"{k + 1} {_named(classes[k])}" for k in ticks], fontsize=7)
        left.set(xlabel="predicted class, by number", ylabel="true class")
        left.figure.colorbar(image, ax=left, shrink=0.9, label="share of the true class")
        names = [f"{_named(true)}\nas {_named(taken)}" for true, taken, _, _ in pairs]
        right.barh(range(len(pairs)), [100 * share for *_, share in pairs], color=COLOURS[0])
        right.set_yticks(range(len(pairs)), names, fontsize=7)
        for row, (true, _, count, share) in enumerate(pairs):
            whole = counts[classes.index(true)].sum()
            right.text(100 * share - 1, row, f"{count} of {whole}", ha="right", va="center", fontsize=7, color="white")
        right.invert_yaxis()
        right.set(xlabel="% of the true class's test images", title="confused most often")
        left.set_title(data, fontsize=9)
    right_share = counts.trace() / max(counts.sum(), 1)
    worst = "; ".join(f"{_named(true)} as {_named(taken)} ({count})" for true, taken, count, _ in pairs[:3])
    caption = f"On {data}: {right_share:.1%} lie on the diagonal. Confused most often: {worst or 'none'}."
    return Figure(path.name, f"Confusion of {len(classes)} classes", caption, caption)


def most_confused(
    matrix: Sequence[Sequence[int]], classes: Sequence[str], limit: int = PAIRS
) -> list[tuple[str, str, int, float]]:
    """True class, class it was taken for, how often, and as a share of the true class; most often first."""
    counts = np.array(matrix)
    wrong = counts - np.diag(counts.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    places = [divmod(int(at), len(classes)) for at in order]
    return [
        (classes[row], classes[column], int(wrong[row, column]), float(wrong[row, column] / counts[row].sum()))
        for row, column in places
        if wrong[row, column]
    ]


def _named(name: str) -> str:
    return name.replace("_", " ")


@contextmanager
def _axes(
    path: Path, size: tuple[float, float], columns: int = 1, ratios: tuple[float, ...] | None = None
) -> Iterator[Any]:
    """A figure on a white card, written to `path` when the block is left."""
    import matplotlib as mpl  # noqa: PLC0415  a second to import, and only needed at the end

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, columns, figsize=size, dpi=130, layout="constrained", width_ratios=ratios)
    for one in np.atleast_1d(axes):
        one.spines[["top", "right"]].set_visible(False)
    try:
        yield axes
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Software": None}, facecolor="white")
    finally:
        plt.close(figure)
