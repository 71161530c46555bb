"""Pictures of what a detector does: what it finds, how sure it may be, where it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training.learning.detection.precision import coco, curve, matched
from training.learning.results import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.learning.detection.precision import Found, Truth
    from training.learning.images import Split

TRUE, RIGHT, WRONG = "#ffffff", "#4db8ff", "#ff9f1c"
"""Blue and orange differ for everybody; what is true is dashed as well."""

COLUMNS, ROWS = 4, 3
LIMITS = (0.5, 0.75, 0.9)
CURVES = ("#0b5cad", "#c75000", "#3d3d3d")
DASHES = ("-", "--", ":")


class Shown(NamedTuple):
    """What was found in the test images, and what is there.

    Attributes
    ----------
    label
        What the images are, for titles.
    threshold
        Score from which on a box is used.
    """

    split: Split
    found: Sequence[Found]
    truth: Sequence[Truth]
    label: str
    threshold: float


def draw(folder: Path, shown: Shown, classes: tuple[str, ...]) -> list[Figure]:
    """All pictures."""
    made = [
        detections(folder / "detections.png", shown),
        precision_recall(folder / "precision_recall.png", shown, classes),
        mistakes(folder / "mistakes.png", shown),
    ]
    return [figure for figure in made if figure is not None]


def detections(path: Path, shown: Shown) -> Figure:
    """A sheet of test images with what is there and what was found."""
    count = len(shown.truth)
    chosen = np.linspace(0, count - 1, min(COLUMNS * ROWS, count)).round().astype(int).tolist()
    _sheet(path, [_tile(shown, k) for k in chosen], f"Test images: {shown.label}")
    return Figure(
        path.name,
        "What the detector finds",
        f"Test images ({shown.label}). Dashed white: what is there. Blue: found, and overlapping it by half or more. "
        "Orange: found where nothing is, or too far off. Scores stand at the boxes; below "
        f"{shown.threshold:g} a box is neither used nor shown.",
        f"Sheet of {len(chosen)} test images with true and found boxes",
    )


def mistakes(path: Path, shown: Shown) -> Figure | None:
    """The images in which most is wrong; None where nothing is."""
    wrong = [_wrong(each, real, shown.threshold) for each, real in zip(shown.found, shown.truth, strict=True)]
    worst = [int(k) for k in np.argsort(-np.array(wrong), kind="stable")[: COLUMNS * 2] if wrong[k] > 0]
    if not worst:
        return None
    _sheet(path, [_tile(shown, k) for k in worst], f"Hardest mistakes: {shown.label}")
    return Figure(
        path.name,
        "Hardest mistakes",
        f"The test images ({shown.label}) with most objects missed, or found where there is none, at a score of "
        f"{shown.threshold:g}.",
        f"Sheet of {len(worst)} test images with missed objects and false alarms",
    )


def precision_recall(path: Path, shown: Shown, classes: tuple[str, ...]) -> Figure:
    """Precision over recall at three demands on overlap, of the first class that there is."""
    plt = _pyplot()
    kind = next(k for k in range(len(classes)) if any((real.classes == k).any() for real in shown.truth))
    figure, axes = plt.subplots(figsize=(5.4, 4.2), dpi=150, layout="constrained")
    for limit, colour, dash in zip(LIMITS, CURVES, DASHES, strict=True):
        line = curve(shown.found, shown.truth, kind, limit)
        axes.plot(line.recall, line.precision, dash, color=colour, lw=1.8, label=f"IoU {limit:g}: AP {coco(line):.2f}")
        at = int((line.scores >= shown.threshold).sum()) - 1
        if at >= 0:
            axes.plot(line.recall[at], line.precision[at], "o", color=colour, ms=6)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.04))
    axes.set(xlabel="recall: share of objects found", ylabel="precision: share of boxes that are right")
    axes.set_title(f"{classes[kind]}: {shown.label}", fontsize=10)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(LIMITS), fontsize=8, title=f"dots: score {shown.threshold:g}")
    _save(figure, path)
    return Figure(
        path.name,
        "Precision and recall",
        f"How many of the boxes are right over how many of the objects are found ({shown.label}), as the score from "
        f"which a box counts falls from left to right; the dots are at {shown.threshold:g}. IoU is how far a box must "
        "overlap its object.",
        "Curves of precision over recall at three demands on overlap",
    )


def _wrong(found: Found, truth: Truth, threshold: float) -> float:
    """Objects missed plus the scores of boxes that show nothing."""
    sure = found.scores >= threshold
    missed, false = float(len(truth.boxes)), 0.0
    for kind in np.union1d(found.classes, truth.classes):
        mine = sure & (found.classes == kind)
        hits = matched(found.boxes[mine], truth.boxes[truth.classes == kind], 0.5)
        missed -= float(hits.sum())
        false += float(found.scores[mine][~hits].sum())
    return missed + false


def _tile(shown: Shown, position: int) -> tuple[Any, list[Any]]:
    """An image of shape (height, width, 3), and what to draw on it: box, colour, dash, text."""
    image = shown.split.images[position].permute(1, 2, 0).numpy()
    found, truth = shown.found[position], shown.truth[position]
    marks: list[Any] = [(box, TRUE, (0, (3, 2)), "") for box in truth.boxes]
    sure = found.scores >= shown.threshold
    for kind in np.unique(found.classes[sure]):
        mine = np.flatnonzero(sure & (found.classes == kind))
        hits = matched(found.boxes[mine], truth.boxes[truth.classes == kind], 0.5)
        for number, hit in zip(mine, hits, strict=True):
            marks.append((found.boxes[number], RIGHT if hit else WRONG, "-", f"{found.scores[number]:.2f}"))
    return image, marks


def _sheet(path: Path, tiles: Sequence[tuple[Any, list[Any]]], title: str) -> None:
    plt = _pyplot()
    rows = -(-len(tiles) // COLUMNS)
    height, width = tiles[0][0].shape[:2]
    figure, grid = plt.subplots(
        rows,
        COLUMNS,
        figsize=(2.6 * COLUMNS, 2.6 * rows * height / width + 0.5),
        dpi=130,
        layout="constrained",
        squeeze=False,
    )
    for axes in grid.flat:
        axes.axis("off")
    for axes, (image, marks) in zip(grid.flat, tiles, strict=False):
        axes.imshow(image, interpolation="bilinear")
        for (left, top, right, bottom), colour, dash, text in marks:
            frame = plt.Rectangle((left - 0.5, top - 0.5), right - left, bottom - top)
            frame.set(fill=False, edgecolor=colour, linestyle=dash, linewidth=1.5)
            axes.add_patch(frame)
            if text:
                back = {"facecolor": colour, "edgecolor": "none", "pad": 1.0}
                at = max(top - 1.5, 5)
                axes.text(max(left, 1), at, text, fontsize=7, color="#10212f", bbox=back, clip_on=True)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    figure.suptitle(title, fontsize=11)
    _save(figure, path)


def _pyplot() -> Any:
    import matplotlib as mpl  # noqa: PLC0415  a second to import, and only needed at the end

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    return plt


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    _pyplot().close(figure)
