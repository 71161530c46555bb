"""The network with its map inside: what is exported, and answers calibrated probabilities by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from training.learning.calibration.maps import Map


class Served(nn.Module):
    """From images to calibrated probabilities and raw scores, of shape (n, 2) each.

    Parameters
    ----------
    network
        Gives scores of shape (n, 2).
    calibration
        Applied to the margin, the second class's score less the first's.
    """

    def __init__(self, network: nn.Module, calibration: Map) -> None:
        super().__init__()
        self.network = network
        self.map = calibration
        knots, values = (
            torch.tensor(numbers, dtype=torch.float64) for numbers in (calibration.knots, calibration.values)
        )
        # Piece by piece: how far each piece of the line is walked, times its slope. No comparison, no table, so that
        # torch, onnxruntime and numpy mean the same.
        self.register_buffer("starts", knots[:-1].float(), persistent=False)
        self.register_buffer("widths", knots.diff().float(), persistent=False)
        self.register_buffer("slopes", (values.diff() / knots.diff()).float(), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.network(images)
        margin = scores[:, 1:] - scores[:, :1]
        positive = self._mapped(margin)
        return torch.cat([1 - positive, positive], 1), scores

    def _mapped(self, margin: Tensor) -> Tensor:
        if self.map.kind != "isotonic":
            return torch.sigmoid(self.map.slope * margin + self.map.intercept)
        walked = torch.minimum(torch.relu(margin - self.get_buffer("starts")), self.get_buffer("widths"))
        return self.map.values[0] + (walked * self.get_buffer("slopes")).sum(1, keepdim=True)
