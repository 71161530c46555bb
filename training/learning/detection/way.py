"""What a detector learns from: which place answers for which object, the loss, and disturbed examples.

A box belongs to the map whose step suits its size, and there to the places near its middle that lie within it (Tian et
al., 2019; the second version's sampling around the centre). Scores learn how well the place's own box fits, so that the
best box has the best score and suppression keeps it (Li et al., 2020, "Generalized Focal Loss"). Boxes learn by
generalised intersection over union (Rezatofighi et al., 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, grid_sample

from training.learning.detection.network import STEPS, Places, boxes_of, places
from training.learning.fitting import Way

if TYPE_CHECKING:
    from training.learning.images import Split

NOTHING = -1.0
"""Class of a row that holds no box: images have different numbers of them."""

REACH = 1.5
"""Steps from the middle of a box within which a place answers for it."""
SPAN = 6.0
"""Longest side of a box in steps of the map that answers for it; the last map takes all that are longer."""
BOX_WEIGHT = 2.0

LEAST_LEFT = 0.35
"""Share of an object that must be left in a disturbed image for it still to be looked for."""
ZOOM, SHIFT, LIGHT = 0.25, 0.15, 0.25


@dataclass(frozen=True, slots=True)
class Detecting(Way):
    """A way through an epoch with labels of shape (n, boxes, 5): class, left, top, right, bottom in pixels."""

    name: str = "detection"
    height: int = 0
    width: int = 0

    def loss(self, scores: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:  # noqa: ARG002
        """Of the network's outputs, shape (n, places, classes + 4); there is nothing to smooth."""
        where = places(self.height, self.width)
        owner = assign(labels, where)
        return detection_loss(scores, labels, owner, where)

    def take(self, train: Split, at: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Examples of the given positions, mirrored, moved, zoomed and lit at random where there is a generator."""
        if generator is None:
            return train.images[at], train.labels[at]
        return disturb(train.images[at], train.labels[at], generator)

    def judge(self, scores: Tensor, labels: Tensor) -> dict[str, float]:
        """How well the boxes fit at the places that answer for one."""
        where = places(self.height, self.width)
        owner = assign(labels, where)
        image, place = (owner >= 0).nonzero(as_tuple=True)
        wanted = labels[image, owner[image, place], 1:]
        overlap, _ = overlaps(boxes_of(scores, where)[image, place], wanted)
        return {"validation:mean_iou": overlap.mean().item() if len(overlap) else 0.0}


def assign(labels: Tensor, where: Places) -> Tensor:
    """Which box each place answers for: shape (n, places), -1 for none.

    Parameters
    ----------
    labels
        Shape (n, boxes, 5); rows of class `NOTHING` are empty.
    """
    boxes = labels[:, None, :, 1:]
    centres, steps = where.centres[None, :, None], where.steps[None, :, None]
    inside = torch.cat([centres - boxes[..., :2], boxes[..., 2:] - centres], -1).amin(-1) > 0
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    near = ((centres - middle).abs() < REACH * steps[..., None]).all(-1)
    size = boxes[..., 2:] - boxes[..., :2]
    longer = size.amax(-1)
    bounds = [SPAN * step for step in STEPS[:-1]]
    low, high = torch.tensor([0.0, *bounds]), torch.tensor([*bounds, float("inf")])
    level = torch.bucketize(where.steps, torch.tensor(STEPS, dtype=torch.float32))
    suits = (longer > low[level][None, :, None]) & (longer <= high[level][None, :, None])
    fits = inside & near & suits & (labels[:, None, :, 0] >= 0)
    # Of several boxes the smallest: the larger one has other places.
    area = size.prod(-1).expand(fits.shape).masked_fill(~fits, float("inf"))
    least, owner = area.min(-1)
    return owner.masked_fill(least.isinf(), -1)


def detection_loss(outputs: Tensor, labels: Tensor, owner: Tensor, where: Places) -> Tensor:
    """Quality focal loss of all scores and generalised IoU of the boxes that answer for something; a scalar."""
    image, place = (owner >= 0).nonzero(as_tuple=True)
    chosen = labels[image, owner[image, place]]
    overlap, generalised = overlaps(boxes_of(outputs, where)[image, place], chosen[:, 1:])
    scores = outputs[..., :-4]
    quality = torch.zeros_like(scores)
    quality[image, place, chosen[:, 0].long()] = overlap.detach().clamp(min=0)
    weight = (scores.detach().sigmoid() - quality).abs() ** 2
    told = (weight * binary_cross_entropy_with_logits(scores, quality, reduction="none")).sum()
    return (told + BOX_WEIGHT * (1 - generalised).sum()) / max(1, len(image))


def overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, plain and generalised, of boxes of shape (n, 4) pair by pair: (n,) each."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    both = (first[:, 2:] - first[:, :2]).prod(1) + (second[:, 2:] - second[:, :2]).prod(1) - shared
    hull = (torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])).prod(1)
    plain = shared / both.clamp(min=1e-6)
    return plain, plain - (hull - both) / hull.clamp(min=1e-6)


def disturb(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror half of the images, zoom and move each, change its light; the boxes go along.

    Parameters
    ----------
    images, labels
        uint8 of shape (n, 3, height, width), and (n, boxes, 5).
    """
    count, _, height, width = images.shape

    def between(reach: float, *shape: int) -> Tensor:
        return (torch.rand(shape, generator=generator) * 2 - 1) * reach

    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    zoom = 2.0 ** between(ZOOM * 2, count)
    shift = between(SHIFT, count, 2)
    light = 1 + between(LIGHT, count)
    # From places in the new image to places in the old one, both from -1 to 1 (affine_grid's convention).
    back = torch.zeros(count, 2, 3)
    back[:, 0, 0], back[:, 1, 1], back[:, :, 2] = mirror / zoom, 1 / zoom, shift
    grid = affine_grid(back, [count, 1, height, width], align_corners=False)
    moved = grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    lit = (moved * light.view(-1, 1, 1, 1)).round().clamp(0, 255).to(torch.uint8)
    size = torch.tensor([width, height], dtype=torch.float32)
    return lit, move(labels, torch.stack([zoom * mirror, zoom], 1), shift, size)


def move(labels: Tensor, scale: Tensor, shift: Tensor, size: Tensor) -> Tensor:
    """Boxes of shape (n, boxes, 5) where a change of their images has put them.

    A place p of an image, from -1 to 1 in both directions, comes to (p - shift) * scale; `scale` and `shift` have the
    shape (n, 2), `size` holds the width and the height. Boxes are cut at the border, and those of which too little is
    left are gone.
    """
    corners = labels[..., 1:] / size.repeat(2) * 2 - 1
    moved = ((corners - shift.repeat(1, 2)[:, None]) * scale.repeat(1, 2)[:, None] + 1) / 2 * size.repeat(2)
    low, high = torch.minimum(moved[..., :2], moved[..., 2:]), torch.maximum(moved[..., :2], moved[..., 2:])
    before = (high - low).prod(-1)
    low, high = low.clamp(min=0), torch.minimum(high, size)
    low = torch.minimum(low, size)
    left = (high - low).clamp(min=0).prod(-1)
    gone = (left < LEAST_LEFT * before) | (labels[..., 0] < 0)
    kinds = labels[..., :1].masked_fill(gone[..., None], NOTHING)
    return torch.cat([kinds, torch.cat([low, high], -1).masked_fill(gone[..., None], 0.0)], -1)
