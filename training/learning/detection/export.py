"""The detector as it is served, and the boxes it then finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from training.learning.detection.network import Detector, boxes_of, places
from training.learning.detection.precision import Found
from training.learning.images import normalise
from training.serving import detection

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 64


class Served(nn.Module):
    """From normalised images to what the server asks for: boxes in shares of the image, and scores from 0 to 1."""

    def __init__(self, network: Detector, height: int, width: int) -> None:
        super().__init__()
        self.network = network
        self.places = places(height, width)
        self.size = torch.tensor([width, height, width, height], dtype=torch.float32)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.network(images)
        return boxes_of(outputs, self.places) / self.size, outputs[..., :-4].sigmoid()


def find(model: Served, images: Tensor, task: detection.Detection) -> list[Found]:
    """What the server would answer for uint8 images of the model's size: boxes in pixels of them, the surest first."""
    model.eval()
    size = model.size.numpy()
    with torch.inference_mode():
        return [
            _found(task, boxes, scores, size)
            for part in images.split(BATCH)
            for boxes, scores in zip(*(output.numpy() for output in model(normalise(part))), strict=True)
        ]


def _found(
    task: detection.Detection, boxes: NDArray[np.float32], scores: NDArray[np.float32], size: NDArray[np.float32]
) -> Found:
    kept, sure, classes = task.found(boxes, scores)
    return Found(kept * size, sure, classes)
