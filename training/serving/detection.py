"""Answers of a detector: what stands where, in pixels of the image that was sent, the surest first.

The model gives, per place it looks at, a box in shares of the image's width and height (left, top, right, bottom) and a
score per class between 0 and 1. The image was resized to the model's input without regard to its proportions, so that
shares are all it takes to find the way back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.serving.errors import ModelError
from training.serving.suppression import suppress
from training.serving.task import not_finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.serving.task import Answer, Outputs

OUTPUTS = ("boxes", "scores")
CANDIDATES = 256
"""Boxes looked at before those that mean the same thing are merged: enough for any photograph, and a bound on time."""


@dataclass(frozen=True, slots=True)
class Detection:
    """Where in an image things of which class stand.

    Attributes
    ----------
    entries
        Per class, the beginning of its entry in an answer, up to its score.
    score_floor
        Boxes with a lower score are not answered.
    nms_iou
        Of two boxes of one class that overlap by more, only the surer one is answered.
    max_boxes
        Most boxes answered per image.
    """

    entries: tuple[str, ...]
    score_floor: float
    nms_iou: float
    max_boxes: int
    outputs: tuple[str, ...] = OUTPUTS

    def check(self, outputs: Outputs, images: int) -> None:
        """Boxes of shape (images, places, 4), scores of shape (images, places, classes)."""
        boxes, scores = outputs
        places = boxes.shape[1] if boxes.ndim == 3 else 0
        if boxes.shape != (images, places, 4) or scores.shape != (images, places, len(self.entries)):
            found = f"boxes {boxes.shape} and scores {scores.shape}"
            wanted = f"{images} images of {len(self.entries)} classes"
            raise ModelError(f"the model answers {found} for {wanted}: train it again")

    def answers(self, outputs: Outputs, sizes: Sequence[tuple[int, int]]) -> list[Answer]:
        """One list of boxes per image."""
        return [self._answer(*each) for each in zip(*outputs, sizes, strict=True)]

    def _answer(self, boxes: NDArray[np.float32], scores: NDArray[np.float32], size: tuple[int, int]) -> Answer:
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            return not_finite()
        boxes, scores, classes = self.found(boxes, scores)
        pixels = boxes * np.array([*size, *size], np.float32)
        parts = [
            f'{self.entries[index]}{score!r}, "box": [{", ".join(f"{edge:.2f}" for edge in box)}]}}'
            for index, score, box in zip(classes.tolist(), scores.tolist(), pixels.tolist(), strict=True)
        ]
        return f"[{', '.join(parts)}]".encode()

    def found(
        self, boxes: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Boxes in shares of the image, their scores and classes, of the outputs for one image; the surest first."""
        places, classes = np.nonzero(scores >= self.score_floor)
        kept = scores[places, classes]
        # Stable, so that equal scores come in the same order everywhere.
        order = np.argsort(-kept, kind="stable")[:CANDIDATES]
        boxes, kept, classes = boxes[places[order]].clip(0, 1), kept[order], classes[order]
        # A box that lies wholly outside the image has no area left.
        solid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        boxes, kept, classes = boxes[solid], kept[solid], classes[solid]
        chosen = suppress(boxes, classes, self.nms_iou)[: self.max_boxes]
        return boxes[chosen], kept[chosen], classes[chosen]


def load(description: dict[str, Any], outputs: Sequence[str]) -> Detection:
    """A detector's task from its `model.json` and the names of the model's outputs.

    Raises
    ------
    ValueError
        A value out of range, or an output that is missing.
    """
    if missing := [name for name in OUTPUTS if name not in outputs]:
        raise ValueError(f"a detector needs the output {missing[0]!r}; the model has {', '.join(outputs)}")
    entries = [
        f'{{"label": {json.dumps(label)}, "index": {k}, "score": ' for k, label in enumerate(description["classes"])
    ]
    task = Detection(
        tuple(entries),
        score_floor=float(description["score_floor"]),
        nms_iou=float(description["nms_iou"]),
        max_boxes=int(description["max_boxes"]),
    )
    if not (0 <= task.score_floor <= 1 and 0 <= task.nms_iou <= 1 and task.max_boxes >= 1):
        raise ValueError("score_floor and nms_iou must lie between 0 and 1, max_boxes must be at least 1")
    return task
