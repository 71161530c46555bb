"""Fit a network to images held in memory, with early stopping and checkpoints that resume exactly.

Every random choice of an epoch comes from a generator seeded with the seed and the epoch, so a run that was interrupted
and resumed takes the same steps as one that was not.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.errors import TrainingError
from training.learning.checkpoints import Parts, State, resume, save
from training.learning.images import Split, disturb, normalise
from training.learning.networks import train_mode

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Plan:
    """How to fit; the meanings are those of the hyperparameters of the same names."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    augment: bool
    patience: int
    seed: int


def shuffled(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Every image once, in random order."""
    return torch.randperm(len(labels), generator=generator)


@dataclass(frozen=True, slots=True)
class Way:
    """What an epoch does with the images, where a workload needs it otherwise; its name is part of a checkpoint.

    Attributes
    ----------
    alter
        From uint8 images of shape (n, channels, height, width) and a generator to disturbed ones.
    order
        From all labels and a generator to the positions an epoch goes through.
    class_weights
        Of each class in the loss, in training and in validation.
    """

    name: str = "plain"
    alter: Callable[[Tensor, torch.Generator], Tensor] = disturb
    order: Callable[[Tensor, torch.Generator], Tensor] = shuffled
    class_weights: tuple[float, ...] | None = None

    def loss(self, scores: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """Cross entropy, a scalar."""
        weights = None if self.class_weights is None else torch.tensor(self.class_weights)
        return cross_entropy(scores, labels, weights, label_smoothing=smoothing)

    def take(self, train: Split, at: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Images and labels of the given positions, disturbed where there is a generator."""
        return train.images[at] if generator is None else self.alter(train.images[at], generator), train.labels[at]

    def judge(self, scores: Tensor, labels: Tensor) -> dict[str, float]:
        """What is reported of the validation images beside the loss, by name."""
        return {"validation:accuracy": (scores.argmax(1) == labels).float().mean().item()}


PLAIN = Way()


def fit(
    network: nn.Module,
    train: Split,
    validation: Split,
    plan: Plan,
    *,
    way: Way = PLAIN,
    checkpoints: Path | None = None,
    report: Callable[[int, dict[str, float]], None] = lambda _epoch, _values: None,
) -> State:
    """Fit `network` and leave it with the weights of its best epoch (lowest validation loss).

    Parameters
    ----------
    way
        How the images are disturbed, ordered and weighed.
    checkpoints
        Folder to resume from and to write to after every epoch; None for neither.
    report
        Called after each epoch with its number (from 1) and metrics.

    Raises
    ------
    TrainingError
        The loss is no longer a number.
    """
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, plan.learning_rate, weight_decay=plan.weight_decay)
    steps = max(1, -(-len(train.labels) // plan.batch_size))
    total = steps * plan.epochs
    # Four steps in all would give the rise exactly one, and torch divides by the steps that follow its first.
    rise = 0.25 if total != 4 else 0.3
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, total_steps=total, pct_start=rise)
    parts = Parts(network, optimiser, schedule)
    identity = _identity(network, train, plan, way)
    state = resume(checkpoints, parts, identity) or State(0, float("inf"), 0, {})
    while state.epoch < plan.epochs and state.epoch - state.best_epoch < plan.patience:
        loss = _epoch(parts, train, plan, way, state.epoch)
        scores = predict(network, validation.images)
        judged = way.loss(scores, validation.labels).item()
        if not math.isfinite(judged):
            raise TrainingError("learning_rate", plan.learning_rate, f"validation loss is {judged}; try a smaller one")
        state.epoch += 1
        if judged < state.best_loss:
            state.best_loss, state.best_epoch = judged, state.epoch
            state.best_weights = copy.deepcopy(network.state_dict())
        figures = way.judge(scores, validation.labels)
        report(state.epoch, {"train:loss": loss, "validation:loss": judged, **figures})
        save(checkpoints, parts, state, identity)
    network.load_state_dict(state.best_weights)
    return state


def predict(network: nn.Module, images: Tensor, batch: int = 64) -> Tensor:
    """Scores of shape (n, classes) for uint8 images."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(normalise(part)) for part in images.split(batch)])


def _epoch(parts: Parts, train: Split, plan: Plan, way: Way, epoch: int) -> float:
    network, optimiser, schedule = parts
    generator = torch.Generator().manual_seed((plan.seed << 20) + epoch)
    # Dropout draws from the global generator; it, too, must not depend on where a run resumed.
    torch.manual_seed((plan.seed << 20) + epoch)
    train_mode(network)
    total, last = 0.0, len(train.labels) % plan.batch_size
    for at in way.order(train.labels, generator).split(plan.batch_size):
        if len(at) == 1 and last == 1 and len(train.labels) > 1:
            # Batch norm cannot learn from a single image.
            schedule.step()
            continue
        images, labels = way.take(train, at, generator if plan.augment else None)
        loss = way.loss(network(normalise(images)), labels, plan.label_smoothing)
        if not torch.isfinite(loss):
            raise TrainingError(
                "learning_rate", plan.learning_rate, f"the loss became {loss.item()}; try a smaller one"
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        total += loss.item() * len(at)
    return total / len(train.labels)


def _identity(network: nn.Module, train: Split, plan: Plan, way: Way) -> str:
    """What a checkpoint must have been made with to be taken up: plan, way, shapes, images, and what is frozen."""
    shapes = [(name, list(p.shape), p.requires_grad) for name, p in network.named_parameters()]
    said = [asdict(plan), way.name, way.class_weights, shapes, list(train.names)]
    digest = hashlib.sha256(json.dumps(said).encode())
    digest.update(train.images.numpy().tobytes())
    digest.update(train.labels.numpy().tobytes())
    return digest.hexdigest()
