"""Answers of a classifier: all classes, the likeliest first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.serving import decision
from training.serving.errors import ModelError
from training.serving.task import not_finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.serving.task import Answer, Outputs


@dataclass(frozen=True, slots=True)
class Classification:
    """Which class an image is of.

    Attributes
    ----------
    entries
        Per class, the beginning of its entry in an answer, up to its probability.
    rule
        Makes a verdict of a class's probability; None where the model brings none.
    """

    outputs: tuple[str, ...]
    entries: tuple[str, ...]
    rule: decision.Decision | None = None

    def check(self, outputs: Outputs, images: int) -> None:
        """Probabilities of shape (images, classes)."""
        found = outputs[0].shape
        if found != (images, len(self.entries)):
            wanted = f"{len(self.entries)} classes"
            raise ModelError(f"the model answers {found} for {images} images of {wanted}: train it again")

    def answers(self, outputs: Outputs, sizes: Sequence[tuple[int, int]]) -> list[Answer]:
        """One ranked list per image."""
        finite = np.asarray(np.isfinite(outputs[0]).all(axis=1))
        return [
            self._rank(probabilities) if usable else not_finite()
            for probabilities, usable, _ in zip(outputs[0], finite, sizes, strict=True)
        ]

    def _rank(self, probabilities: NDArray[np.float32]) -> bytes:
        order = (-probabilities).argsort(kind="stable").tolist()
        values = probabilities.tolist()
        ranked = f"[{', '.join([f'{self.entries[k]}{values[k]!r}}}' for k in order])}]".encode()
        return ranked if self.rule is None else ranked + self.rule.said(values[self.rule.positive])


def load(description: dict[str, Any], outputs: Sequence[str]) -> Classification:
    """A classifier's task from its `model.json` and the names of the model's outputs."""
    entries = [
        f'{{"label": {json.dumps(label)}, "index": {k}, "probability": '
        for k, label in enumerate(description["classes"])
    ]
    return Classification((outputs[0],), tuple(entries), decision.load(description))
