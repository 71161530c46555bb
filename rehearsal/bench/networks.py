"""The networks that the goals name: random weights, and batch norms whose statistics fit them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.learning import images, networks
from training.learning.export import Calibrated, export

if TYPE_CHECKING:
    from pathlib import Path

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""MobileNetV2's stages (Sandler et al., 2018, table 2): expansion, channels, blocks, stride of the first block."""


def network(name: str, size: int, classes: int = 10) -> nn.Module:
    """`resnet18` or `mobilenet_v2` for images of `size` x `size`, ready to answer."""
    torch.manual_seed(0)
    made = mobilenet_v2(classes, small=size <= 64) if name == "mobilenet_v2" else networks.build(name, classes)
    made.train()
    with torch.inference_mode():
        for _ in range(3):
            made(torch.randn(8, 3, size, size))
    return made.eval()


def folder_of(name: str, size: int, folder: Path) -> Path:
    """A folder that the server can serve: `network`, and what the server wants to know of it."""
    pixels = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    export(Calibrated(network(name, size), 1.0), folder / "model.onnx", images.normalise(pixels))
    shape = {"height": size, "width": size, "channels": 3, "layout": "NCHW"}
    described = {
        "workload": name,
        "version": "1",
        "classes": [f"class {number}" for number in range(10)],
        "input": shape | {"mean": list(images.MEAN), "std": list(images.STD)},
    }
    (folder / "model.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


def mobilenet_v2(classes: int, *, small: bool) -> nn.Module:
    """MobileNetV2; `small` leaves out two of its halvings, as is usual for images of 32 x 32."""
    layers = _convolution(3, 32, 3, 1 if small else 2)
    inputs = 32
    for expansion, outputs, blocks, stride in _STAGES:
        first = 1 if small and outputs == 24 else stride
        for block in range(blocks):
            layers.append(InvertedResidual(inputs, outputs, 1 if block else first, expansion))
            inputs = outputs
    layers += _convolution(inputs, 1280, 1, 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes))


class InvertedResidual(nn.Module):
    """Widen, filter each channel by itself, narrow; beside a shortcut where the shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers = _convolution(inputs, hidden, 1, 1) if expansion > 1 else []
        layers += _convolution(hidden, hidden, 3, stride, groups=hidden)
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.body = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


def _convolution(inputs: int, outputs: int, side: int, stride: int, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU6()]
