"""How this workload goes through an epoch: few ill patients among many, and pictures that lie as patients lie."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from training.errors import TrainingError
from training.learning.fitting import Way, shuffled

TURN, SHIFT, SCALE, LIGHT, CONTRAST = math.radians(7), 0.06, 0.06, 12.0, 0.12
"""Reach of each disturbance: radians, shares of the side, grey levels, share of the contrast."""


def way(labels: Tensor, imbalance: str) -> Way:
    """How to meet the imbalance of the classes.

    Parameters
    ----------
    imbalance
        `weights`: the loss counts both classes alike; `sampling`: an epoch shows both alike often; `none`.

    Raises
    ------
    TrainingError
        Only one class, or another word.
    """
    counts = torch.bincount(labels, minlength=2)
    if int((counts > 0).sum()) < 2:
        raise TrainingError("train", counts.tolist(), "images per class: both classes are needed; stage more patients")
    if imbalance == "weights":
        weights = tuple(float(len(labels) / (len(counts) * count)) for count in counts)
        return Way("radiographs", disturb, shuffled, weights)
    if imbalance == "sampling":
        return Way("radiographs, balanced", disturb, balanced)
    if imbalance == "none":
        return Way("radiographs", disturb)
    raise TrainingError("imbalance", imbalance, "is not known; choose weights, sampling or none")


def balanced(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many positions as there are labels, drawn so that every class comes up alike often."""
    chances = 1 / torch.bincount(labels).double()[labels]
    return torch.multinomial(chances, len(labels), replacement=True, generator=generator)


def disturb(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, move and scale a little, and change exposure and contrast, as between two pictures of one patient.

    Never mirrored: the heart lies on one side, and a picture upside down shows nothing that occurs.

    Parameters
    ----------
    images
        uint8 of shape (n, 1, height, width).
    """
    count, _, height, width = images.shape

    def within(reach: float) -> Tensor:
        return (2 * torch.rand(count, generator=generator) - 1) * reach

    angle, scale = within(TURN), 1 + within(SCALE)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    # In units of affine_grid, where a side is 2 long.
    across, down = 2 * within(SHIFT), 2 * within(SHIFT)
    ratio = height / width
    matrix = torch.stack([torch.stack([cos, -sin * ratio, across], 1), torch.stack([sin / ratio, cos, down], 1)], 1)
    grid = affine_grid(matrix, [count, 1, height, width], align_corners=False)
    moved = grid_sample(images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    middle = moved.mean((2, 3), keepdim=True)
    contrast, light = (1 + within(CONTRAST)).view(-1, 1, 1, 1), within(LIGHT).view(-1, 1, 1, 1)
    return ((moved - middle) * contrast + middle + light).clamp(0, 255).round().to(torch.uint8)
