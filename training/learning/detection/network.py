"""A fully convolutional, anchor-free, single-stage detector (Tian et al., 2019, "FCOS").

Every place of three feature maps (a step of 8, 16 and 32 pixels) says which classes are there and how far away the
object's four edges are. A head is shared by the three maps, which learn one scale each. There are no anchors to choose,
and one map more or less per image size is all that changes between 96 and 640 pixels.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from training.errors import TrainingError
from training.learning import networks

if TYPE_CHECKING:
    from pathlib import Path

STEPS = (8, 16, 32)
"""Pixels between neighbouring places of each map."""

ARCHITECTURES = ("light", "resnet18", "resnet34", "resnet50")

_PRIOR = 0.01
"""Share of places that are expected to show something before anything is learnt (Lin et al., 2017, section 3.3)."""
_FURTHEST = 6.0
"""Largest logarithm of a distance in steps, so that no exponential overflows while the first steps are taken."""


class Places(NamedTuple):
    """The places of all maps, in the order of the network's outputs.

    Attributes
    ----------
    centres
        Shape (places, 2): columns and rows in pixels of the input.
    steps
        Shape (places,): pixels between neighbours.
    """

    centres: Tensor
    steps: Tensor


@cache
def places(height: int, width: int) -> Places:
    """The places for an input of a size, which must be a multiple of the largest step."""
    centres, steps = [], []
    for step in STEPS:
        rows = (torch.arange(height // step) + 0.5) * step
        columns = (torch.arange(width // step) + 0.5) * step
        grid = torch.stack([part.flatten() for part in torch.meshgrid(columns, rows, indexing="xy")], 1)
        centres.append(grid)
        steps.append(torch.full((len(grid),), float(step)))
    return Places(torch.cat(centres), torch.cat(steps))


class Light(nn.Module):
    """Eleven 3 x 3 convolutions over five halvings: enough for small pictures, and quick on one core."""

    widths = (48, 64, 96)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, 16, 2), _convolution(16, 24, 2), _convolution(24, 24))
        self.stage3 = nn.Sequential(_convolution(24, 48, 2), _convolution(48, 48), _convolution(48, 48))
        self.stage4 = nn.Sequential(_convolution(48, 64, 2), _convolution(64, 64))
        self.stage5 = nn.Sequential(_convolution(64, 96, 2), _convolution(96, 96), _convolution(96, 96))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        third = self.stage3(self.stem(x))
        fourth = self.stage4(third)
        return third, fourth, self.stage5(fourth)


class Stages(nn.Module):
    """The last three stages of a ResNet, which keeps torchvision's names for its parameters."""

    def __init__(self, architecture: str, weights: Path | None) -> None:
        super().__init__()
        network = networks.build(architecture, 1)
        assert isinstance(network, networks.ResNet)  # noqa: S101  ARCHITECTURES names no other
        if weights is not None:
            networks.load_weights(network, weights)
        wide = 128 * (4 if architecture == "resnet50" else 1)
        self.widths = (wide, 2 * wide, 4 * wide)
        network.fc = nn.Linear(1, 1, bias=False).requires_grad_(requires_grad=False)
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        net = self.network
        x = net.layer1(net.maxpool(torch.relu(net.bn1(net.conv1(x)))))
        third = net.layer2(x)
        fourth = net.layer3(third)
        return third, fourth, net.layer4(fourth)


class Detector(nn.Module):
    """Maps normalised images of shape (n, 3, height, width) to (n, places, classes + 4).

    Per place: a score per class before the sigmoid, then the logarithms of the distances to the left, upper, right and
    lower edge in steps.
    """

    def __init__(self, backbone: Light | Stages, classes: int, width: int = 64) -> None:
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        self.lateral = nn.ModuleList(nn.Conv2d(inputs, width, 1) for inputs in backbone.widths)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, 1, 1) for _ in STEPS)
        self.tower = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.ReLU())
        self.what = nn.Conv2d(width, classes, 3, 1, 1)
        self.where = nn.Conv2d(width, 4, 3, 1, 1)
        self.scales = nn.Parameter(torch.ones(len(STEPS)))
        nn.init.normal_(self.what.weight, std=0.01)
        nn.init.constant_(self.what.bias, -math.log((1 - _PRIOR) / _PRIOR))  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        maps = [convolution(part) for convolution, part in zip(self.lateral, self.backbone(images), strict=True)]
        for finer, coarser in ((1, 2), (0, 1)):
            maps[finer] = maps[finer] + interpolate(maps[coarser], scale_factor=2.0, mode="nearest")
        parts = []
        for number, convolution in enumerate(self.smooth):
            features = self.tower(relu(convolution(maps[number])))
            found = torch.cat([self.what(features), self.where(features) * self.scales[number]], 1)
            parts.append(found.flatten(2).transpose(1, 2))
        return torch.cat(parts, 1)


def build(architecture: str, classes: int, size: tuple[int, int], weights: Path | None = None) -> Detector:
    """A freshly initialised detector; `size` is the height and width of its input.

    Parameters
    ----------
    weights
        torchvision's state dict for the backbone, where it is a ResNet.

    Raises
    ------
    TrainingError
        Unknown architecture, weights that do not fit it, or a size that the maps cannot divide.
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise TrainingError("architecture", architecture, f"is not known; choose one of {known}")
    if any(side % STEPS[-1] for side in size):
        raise TrainingError("data.image", size, f"height and width must be multiples of {STEPS[-1]}")
    if architecture == "light":
        if weights is not None:
            raise TrainingError("weights", str(weights), "light has no published weights; choose a ResNet")
        return Detector(Light(), classes, width=48)
    return Detector(Stages(architecture, weights), classes, width=128)


def boxes_of(outputs: Tensor, where: Places) -> Tensor:
    """Boxes in pixels of the input, shape (..., places, 4), from outputs of shape (..., places, classes + 4)."""
    away = outputs[..., -4:].clamp(max=_FURTHEST).exp() * where.steps[:, None]
    return torch.cat([where.centres - away[..., :2], where.centres + away[..., 2:]], -1)


def freeze_backbone(network: Detector) -> None:
    """Let only the neck and the head learn."""
    network.backbone.requires_grad_(requires_grad=False)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
