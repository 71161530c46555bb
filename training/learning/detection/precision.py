"""Average precision: how a detector's boxes are judged.

COCO's (https://cocodataset.org/#detection-eval): per class and per threshold of intersection over union, boxes of all
images are matched from the surest on, each with the best object that is still free; precision is read at 101 recalls.
`AP` is the mean over ten thresholds from 0.5 to 0.95 and over the classes. Pascal VOC's AP50 (2010 and later) is the
area under the precision envelope at threshold 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.serving.suppression import overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

THRESHOLDS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))
RECALLS = np.linspace(0, 1, 101)
MOST = 100
"""Boxes per image that are looked at."""


class Found(NamedTuple):
    """Boxes of one image: shape (n, 4), with their scores and classes, of shape (n,); the surest first."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]


class Truth(NamedTuple):
    """The objects of one image: boxes of shape (n, 4) and classes of shape (n,)."""

    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]


class Curve(NamedTuple):
    """Precision and recall with every further box, the surest first, and the scores; `objects` there were in all."""

    precision: Array
    recall: Array
    scores: Array
    objects: int


def curve(found: Sequence[Found], truth: Sequence[Truth], kind: int, threshold: float) -> Curve:
    """Precision and recall of one class at one threshold of intersection over union."""
    scores: list[NDArray[np.float32]] = []
    hits: list[NDArray[np.bool_]] = []
    objects = 0
    for each, real in zip(found, truth, strict=True):
        mine = np.flatnonzero(each.classes == kind)[:MOST]
        wanted = real.boxes[real.classes == kind]
        objects += len(wanted)
        scores.append(each.scores[mine])
        hits.append(matched(each.boxes[mine], wanted, threshold))
    every = np.concatenate(scores) if scores else np.empty(0)
    order = np.argsort(-every, kind="stable")
    right = np.concatenate(hits)[order] if hits else np.empty(0, bool)
    true = np.cumsum(right).astype(float)
    precision = true / np.arange(1, len(right) + 1)
    return Curve(precision, true / max(objects, 1), every[order].astype(float), objects)


def matched(boxes: NDArray[np.float32], wanted: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Which boxes, the surest first, have an object of their own: each takes the best that is left."""
    hits = np.zeros(len(boxes), bool)
    if not len(wanted) or not len(boxes):
        return hits
    shared = overlaps(boxes, wanted)
    free = np.ones(len(wanted), bool)
    for number, row in enumerate(shared):
        best = int(np.where(free, row, -1.0).argmax())
        if free[best] and row[best] >= threshold:
            hits[number], free[best] = True, False
    return hits


def coco(curve_: Curve) -> float:
    """Mean precision at 101 recalls, each the best that is reached at that recall or beyond."""
    if not curve_.objects:
        return float("nan")
    envelope = np.maximum.accumulate(curve_.precision[::-1])[::-1]
    at = np.searchsorted(curve_.recall, RECALLS, side="left")
    reached = at < len(envelope)
    return float(envelope[at[reached]].sum() / len(RECALLS))


def voc(curve_: Curve) -> float:
    """Area under the precision envelope."""
    if not curve_.objects:
        return float("nan")
    envelope = np.maximum.accumulate(curve_.precision[::-1])[::-1]
    return float((np.diff(curve_.recall, prepend=0.0) * envelope).sum())


def judge(
    found: Sequence[Found], truth: Sequence[Truth], classes: tuple[str, ...], threshold: float
) -> dict[str, float]:
    """All figures of a split: `ap` (COCO), `ap50`, `ap75`, `voc_ap50`, and precision and recall above a score.

    Parameters
    ----------
    threshold
        Score from which on a box counts where it is used.

    Classes without a single object count for nothing.
    """
    curves = {(kind, limit): curve(found, truth, kind, limit) for kind in range(len(classes)) for limit in THRESHOLDS}
    present = [kind for kind in range(len(classes)) if curves[kind, 0.5].objects]

    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values)) if len(values) else 0.0

    sure = [curves[kind, 0.5].scores >= threshold for kind in present]
    true = sum(
        float(curves[kind, 0.5].recall[at].max(initial=0.0)) * curves[kind, 0.5].objects
        for kind, at in zip(present, sure, strict=True)
    )
    said = sum(int(at.sum()) for at in sure)
    objects = sum(curves[kind, 0.5].objects for kind in present)
    return {
        "ap": mean([coco(curves[kind, limit]) for kind in present for limit in THRESHOLDS]),
        "ap50": mean([coco(curves[kind, 0.5]) for kind in present]),
        "ap75": mean([coco(curves[kind, 0.75]) for kind in present]),
        "voc_ap50": mean([voc(curves[kind, 0.5]) for kind in present]),
        "precision": true / said if said else 0.0,
        "recall": true / objects if objects else 0.0,
        "objects": objects,
    }
