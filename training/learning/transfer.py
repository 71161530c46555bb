"""Transfer learning in two stages: a new last layer on features that are computed once, then fine-tuning.

The first stage keeps the backbone as it is, batch norms with the statistics they came with, so that an image's features
never change and need computing once. The second lets the last stages learn, each slower than the one behind it:
discriminative learning rates (Howard and Ruder, 2018, section 3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.errors import TrainingError
from training.learning.networks import stages
from training.learning.streaming import Chunks, Crops, loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from training.learning.distributed import Group

CHUNK = 64
"""Images per step where nothing is learnt."""

HEAD_BATCH = 128


def head_of(network: nn.Module) -> nn.Linear:
    """The last layer."""
    (head,) = stages(network)["fc"]
    if not isinstance(head, nn.Linear):
        raise TrainingError("architecture", type(network).__name__, "must end in one linear layer")
    return head


def outputs(
    network: Callable[[Tensor], Tensor], crops: Crops, width: int, group: Group, *, workers: int | None, prepare: Any
) -> Tensor:
    """What `network` says of every image, in order and in every process, each of which does its part.

    Parameters
    ----------
    width
        Values per image.
    prepare
        Makes the network's input of uint8 images.

    Returns
    -------
    float32 of shape (n, width), on the CPU
    """
    chunks = Chunks(len(crops), CHUNK, rank=group.rank, ranks=group.ranks)
    found = torch.zeros((len(crops), width), device=group.device)
    with torch.inference_mode():
        for start, (images, _) in zip(chunks.starts, loader(crops, chunks, workers=workers), strict=True):
            found[start : start + len(images)] = network(prepare(images)).float()
    # Rows of the other processes are zero, so the sum only puts the parts together.
    return group.total(found).cpu()


def features(network: nn.Module, crops: Crops, group: Group, *, workers: int | None, prepare: Any) -> Tensor:
    """What the last layer is given, of every image: shape (n, features)."""
    head = head_of(network)
    network.eval()
    network.fc = nn.Identity()
    try:
        return outputs(network, crops, head.in_features, group, workers=workers, prepare=prepare)
    finally:
        network.fc = head


def fit_head(head: nn.Linear, known: Tensor, labels: Tensor, *, epochs: int, learning_rate: float, seed: int) -> float:
    """Fit the last layer to features, which are standardised on the way, and return the last epoch's mean loss.

    Every process does the same steps on the same features: they cost less than an exchange of gradients would.
    """
    mean, deviation = known.mean(0), known.std(0) + 1e-5
    scaled = (known - mean) / deviation
    torch.manual_seed(seed)
    layer = nn.Linear(head.in_features, head.out_features)
    optimiser = torch.optim.AdamW(layer.parameters(), learning_rate)
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in range(epochs):
        total = 0.0
        for at in torch.randperm(len(labels), generator=generator).split(HEAD_BATCH):
            loss = cross_entropy(layer(scaled[at]), labels[at])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            total += loss.item() * len(at)
    with torch.no_grad():
        # (x - mean) / deviation as part of the layer, so that the network needs nothing new.
        weight = layer.weight / deviation
        head.weight.copy_(weight)
        head.bias.copy_(layer.bias - weight @ mean)
    return total / len(labels)


def unfreeze(network: nn.Module, count: int) -> None:
    """Let the last layer and the `count` stages before it learn, and nothing else."""
    parts = list(stages(network).values())
    for number, modules in enumerate(parts):
        for parameter in _parameters(modules):
            parameter.requires_grad_(number >= len(parts) - 1 - count)


def groups(network: nn.Module, learning_rate: float, decay: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters for an optimiser; a stage learns `decay` times as fast as the one behind it."""
    found = []
    for depth, (name, modules) in enumerate(reversed(stages(network).items())):
        learning = [parameter for parameter in _parameters(modules) if parameter.requires_grad]
        rate = learning_rate * decay**depth
        for flat in (False, True):
            members = [parameter for parameter in learning if (parameter.ndim == 1) is flat]
            if members:
                settings = {"lr": rate, "weight_decay": 0.0 if flat else weight_decay, "name": name}
                found.append({"params": members} | settings)
    return found


def optimiser(kind: str, parameters: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """`sgd`, with Nesterov's momentum, or `adamw`.

    Raises
    ------
    TrainingError
        Another name.
    """
    if kind == "sgd":
        return torch.optim.SGD(parameters, momentum=0.9, nesterov=True)
    if kind == "adamw":
        return torch.optim.AdamW(parameters)
    raise TrainingError("optimiser", kind, "is not known; choose sgd or adamw")


def learn_mode(network: nn.Module, *, keep_statistics: bool) -> None:
    """Training mode; batch norms keep their statistics where asked to, and where they are frozen."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and (keep_statistics or not module.weight.requires_grad):
            module.eval()


def _parameters(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]
