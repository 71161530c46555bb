"""Networks in plain torch.

The ResNets use torchvision's parameter names and layer order, so that its published weight files load unchanged
(He et al., 2015; the stride sits in the 3 x 3 convolution of a bottleneck, as torchvision has it).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = "small_resnet"

_STAGES = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}
_WIDTHS = (64, 128, 256, 512)


def build(architecture: str, classes: int, channels: int = 3) -> nn.Module:
    """A freshly initialised network that maps (n, channels, height, width) to (n, classes) scores.

    Raises
    ------
    TrainingError
        Unknown architecture.
    """
    if architecture == "small_cnn":
        return small_cnn(classes, channels=channels)
    if architecture == "patch_cnn":
        return patch_cnn(classes, channels=channels)
    if architecture == SMALL:
        return SmallResNet(classes, channels)
    if architecture in _STAGES:
        block = Bottleneck if architecture == "resnet50" else BasicBlock
        return ResNet(_STAGES[architecture], block, classes, channels)
    known = ", ".join(("small_cnn", "patch_cnn", SMALL, *_STAGES))
    raise TrainingError("architecture", architecture, f"is not known; choose one of {known}")


def small_cnn(classes: int, width: int = 16, channels: int = 3) -> nn.Module:
    """Four convolutions and three halvings: enough for 32 x 32 pixels, and quick on one core."""

    def stage(inputs: int, outputs: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *stage(channels, width),
        nn.MaxPool2d(2),
        *stage(width, 2 * width),
        nn.MaxPool2d(2),
        *stage(2 * width, 4 * width),
        nn.MaxPool2d(2),
        *stage(4 * width, 4 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


def patch_cnn(classes: int, width: int = 16, channels: int = 3) -> nn.Module:
    """Six convolutions, of which the strongest answer anywhere counts: for what is small and may be anywhere.

    An average over the image would drown a scratch in all that is whole.
    """

    def stage(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *stage(channels, width, 2),
        *stage(width, width),
        *stage(width, 2 * width),
        nn.MaxPool2d(2),
        *stage(2 * width, 2 * width),
        *stage(2 * width, 4 * width),
        nn.MaxPool2d(2),
        *stage(4 * width, 4 * width),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """What brings a block's input to the shape of its output; None where it has it already."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut; the output is four times as wide."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.downsample = _shortcut(inputs, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Stem, four stages of blocks, average, one linear layer."""

    def __init__(
        self, stages: tuple[int, ...], block: type[BasicBlock | Bottleneck], classes: int, channels: int = 3
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = _stage(block, 64, _WIDTHS[0], stages[0], 1)
        self.layer2 = _stage(block, _WIDTHS[0] * block.expansion, _WIDTHS[1], stages[1], 2)
        self.layer3 = _stage(block, _WIDTHS[1] * block.expansion, _WIDTHS[2], stages[2], 2)
        self.layer4 = _stage(block, _WIDTHS[2] * block.expansion, _WIDTHS[3], stages[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(_WIDTHS[3] * block.expansion, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _stage(block: type[BasicBlock | Bottleneck], inputs: int, width: int, depth: int, stride: int) -> nn.Sequential:
    blocks = [block(inputs, width, stride)]
    blocks += [block(width * block.expansion, width, 1) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)


class SmallResNet(nn.Module):
    """A ResNet of four narrow blocks with the parts of the large ones: for 64 x 64 pixels, and quick on one core."""

    widths = (16, 32, 48, 96)

    def __init__(self, classes: int, channels: int = 3) -> None:
        super().__init__()
        first, second, third, fourth = self.widths
        self.conv1 = nn.Conv2d(channels, first, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.layer1 = _stage(BasicBlock, first, first, 1, 1)
        self.layer2 = _stage(BasicBlock, first, second, 1, 2)
        self.layer3 = _stage(BasicBlock, second, third, 1, 2)
        self.layer4 = _stage(BasicBlock, third, fourth, 1, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(fourth, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def stages(network: nn.Module) -> dict[str, list[nn.Module]]:
    """The parts of a ResNet from the input to the output: `stem`, `layer1` to `layer4`, `fc`.

    Raises
    ------
    TrainingError
        The network is no ResNet.
    """
    if not isinstance(network, ResNet | SmallResNet):
        raise TrainingError("architecture", type(network).__name__, "has no stages to unfreeze; choose a ResNet")
    layers = {f"layer{number}": [getattr(network, f"layer{number}")] for number in (1, 2, 3, 4)}
    return {"stem": [network.conv1, network.bn1], **layers, "fc": [network.fc]}


def load_weights(network: nn.Module, path: Path) -> list[str]:
    """Start from a given state dict; the last layer stays fresh where the number of classes differs.

    Weights of a first layer for colour serve a grey image too, summed over the colours: a grey picture is one whose
    colours are equal.

    Returns
    -------
    names of the parameters that were not taken

    Raises
    ------
    TrainingError
        No such file, not a state dict, or one of another architecture.
    """
    if not path.is_file():
        raise TrainingError(
            "weights", str(path), 'there is no such file; put it in the "weights" channel or name a path'
        )
    try:
        # weights_only: a state dict is data, and is not allowed to run code.
        given: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise TrainingError("weights", str(path), f"is no torch state dict ({error})") from None
    own = network.state_dict()
    head = set(list(own)[-2:])
    first = next(iter(own))
    if own[first].ndim == 4 and own[first].shape[1] == 1 and first in given and given[first].ndim == 4:
        given = {**given, first: given[first].sum(1, keepdim=True)}
    fits = {name: tensor for name, tensor in given.items() if name in own and tensor.shape == own[name].shape}
    missing = sorted(set(own) - set(fits))
    if not set(missing) <= head:
        unfit = next(name for name in missing if name not in head)
        raise TrainingError(
            "weights", str(path), f"does not fit the architecture, first at {unfit}; choose the other one"
        )
    network.load_state_dict(fits, strict=False)
    return missing


def freeze_backbone(network: nn.Module) -> None:
    """Let only the last layer learn."""
    parameters = list(network.parameters())
    for parameter in parameters[:-2]:
        parameter.requires_grad_(False)


def train_mode(network: nn.Module) -> None:
    """Training mode, except that frozen batch norms keep their statistics."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
            module.eval()
