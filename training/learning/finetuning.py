"""Fine-tune a network on image files, in one process or several, to the same result.

A batch is cut into `shards`; each process takes its part of them, works through them one after another, and the
gradients are averaged over all. So one process with two shards takes the very steps that two processes with one each
take: the same sums in the same order, on one kind of machine to the last bit. With more than two shards the order of
the sums, and so the rounding, depends on the number of processes.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from training.errors import TrainingError
from training.learning import checkpoints, transfer
from training.learning.checkpoints import State
from training.learning.images import MEAN, STD
from training.learning.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from training.learning.distributed import Group
    from training.learning.streaming import Crops, Files

TOP = 5

RISE = 0.15
"""Share of all steps in which the learning rate rises; after that it falls with a cosine."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to fine-tune; the meanings are those of the hyperparameters of the same names."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: str
    weight_decay: float
    label_smoothing: float
    layer_decay: float
    unfreeze: int
    keep_statistics: bool
    shards: int
    patience: int
    seed: int
    compile: bool


class Data(NamedTuple):
    """What is learnt from and judged by: batches of an epoch for this process, and the images held back."""

    batches: Callable[[int], Iterable[tuple[Tensor, Tensor]]]
    steps: int
    files: Files
    validation: Crops
    labels: Tensor
    workers: int | None


@dataclass(frozen=True, slots=True)
class Prepare:
    """uint8 images to what the network takes, on its device."""

    device: torch.device

    def __call__(self, images: Tensor) -> Tensor:
        scale = torch.tensor(STD, device=self.device).view(1, 3, 1, 1) * 255
        shift = torch.tensor(MEAN, device=self.device).view(1, 3, 1, 1) * 255
        return (images.to(self.device, non_blocking=True).float() - shift) / scale


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16, which needs no scaling of the loss, on GPUs that compute with it (Ampere and later); else float32."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def fit(
    network: nn.Module,
    data: Data,
    plan: Plan,
    group: Group,
    *,
    watch: Watch,
    best: float = math.inf,
    folder: Path | None = None,
    report: Callable[[int, dict[str, float]], None] = lambda _epoch, _values: None,
) -> State:
    """Fine-tune `network` and leave it with the weights of its best epoch (lowest validation loss).

    Parameters
    ----------
    best
        Validation loss of the network as it is given; it stays as it is where no epoch does better.
    folder
        Where checkpoints lie and go, one after every epoch; None for neither.
    report
        Called after each epoch with its number (from 1) and metrics; in every process.

    Raises
    ------
    TrainingError
        The loss is no longer a number, a rule stops the run, or the shards cannot be divided among the processes.
    """
    if plan.shards % group.ranks:
        raise TrainingError("shards", plan.shards, f"must be a multiple of the {group.ranks} processes")
    if plan.batch_size % plan.shards:
        raise TrainingError("batch_size", plan.batch_size, f"must be a multiple of the {plan.shards} shards")
    transfer.unfreeze(network, plan.unfreeze)
    parameters = transfer.groups(network, plan.learning_rate, plan.layer_decay, plan.weight_decay)
    optimiser = transfer.optimiser(plan.optimiser, parameters)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rates(data.steps * plan.epochs))
    parts = checkpoints.Parts(network, optimiser, schedule)
    identity = _identity(network, data.files, plan)
    start = State(0, best, 0, copy.deepcopy(network.state_dict()))
    state = checkpoints.resume(folder, parts, identity, group) or start
    step = Step(parts, plan, group, watch)
    while state.epoch < plan.epochs and state.epoch - state.best_epoch < plan.patience:
        transfer.learn_mode(network, keep_statistics=plan.keep_statistics)
        losses = [step(images, labels) for images, labels in watch.timed(data.batches(state.epoch))]
        loss = group.total(torch.stack(losses).double().mean()).item() / group.ranks
        judged = judge(network, data, group)
        if not math.isfinite(judged["validation:loss"]):
            found = judged["validation:loss"]
            raise TrainingError("learning_rate", plan.learning_rate, f"validation loss is {found}; try a smaller one")
        state.epoch += 1
        if judged["validation:loss"] < state.best_loss:
            state.best_loss, state.best_epoch = judged["validation:loss"], state.epoch
            state.best_weights = copy.deepcopy(network.state_dict())
        metrics = {"train:loss": loss} | judged
        report(state.epoch, metrics)
        if group.leads:
            checkpoints.save(folder, parts, state, identity)
        watch.epoch(state.epoch, metrics)
    network.load_state_dict(state.best_weights)
    return state


def judge(network: nn.Module, data: Data, group: Group) -> dict[str, float]:
    """Loss, top-1 and top-5 accuracy on the validation images; the same numbers in every process."""
    if group.ranks > 1:
        # Only the leading process keeps the running statistics of batch norms.
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, src=0)
    found = scores(network, data.validation, group, workers=data.workers)
    best = found.topk(min(TOP, found.shape[1]), 1).indices == data.labels[:, None]
    return {
        "validation:loss": cross_entropy(found, data.labels).item(),
        "validation:accuracy": best[:, 0].double().mean().item(),
        "validation:top5_accuracy": best.any(1).double().mean().item(),
    }


def scores(network: nn.Module, crops: Crops, group: Group, *, workers: int | None) -> Tensor:
    """Scores of shape (n, classes) of every image, in every process."""
    network.eval()
    width = transfer.head_of(network).out_features

    def answer(images: Tensor) -> Tensor:
        with autocast(group.device):
            return network(images)

    return transfer.outputs(answer, crops, width, group, workers=workers, prepare=Prepare(group.device))


class Step:
    """One step of the optimiser on this process's part of a batch."""

    def __init__(self, parts: checkpoints.Parts, plan: Plan, group: Group, watch: Watch) -> None:
        self._parts, self._plan, self._group, self._watch = parts, plan, group, watch
        self._prepare = Prepare(group.device)
        self._shards = plan.shards // group.ranks
        self._norms = [module for module in parts.network.modules() if isinstance(module, nn.BatchNorm2d)]
        network: Any = torch.compile(parts.network) if plan.compile else parts.network
        devices = [group.device.index] if group.device.type == "cuda" else None
        self._network = network
        if group.ranks > 1:
            self._network = DistributedDataParallel(network, devices, forward_sync_buffers=False)

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of this process's images, detached."""
        _, optimiser, schedule = self._parts
        total = torch.zeros((), device=self._group.device)
        shards = list(zip(images.chunk(self._shards), labels.chunk(self._shards), strict=True))
        for number, (part, known) in enumerate(shards):
            self._keep_statistics_of(self._group.rank * self._shards + number)
            last = number == len(shards) - 1
            alone = self._group.ranks == 1 or last
            with nullcontext() if alone else self._network.no_sync():
                with self._watch.part("forward"), autocast(self._group.device):
                    answer = self._network(self._prepare(part))
                    target = known.to(self._group.device, non_blocking=True)
                    loss = cross_entropy(answer, target, label_smoothing=self._plan.label_smoothing) / len(shards)
                with self._watch.part("backward"):
                    loss.backward()
            total += loss.detach()
        if not torch.isfinite(total):
            remedy = f"the loss became {total.item()}; try a smaller one"
            raise TrainingError("learning_rate", self._plan.learning_rate, remedy)
        self._watch.gradients(total)
        with self._watch.part("optimiser"):
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            schedule.step()
        return total

    def _keep_statistics_of(self, shard: int) -> None:
        """Only the first shard of a batch moves running statistics, whichever process it falls to."""
        for norm in self._norms:
            norm.track_running_stats = not norm.training or shard == 0


def _rates(steps: int) -> Callable[[int], float]:
    """The share of the learning rate at each step."""
    rise = max(1, round(steps * RISE))

    def share(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

    return share


def _identity(network: nn.Module, files: Files, plan: Plan) -> str:
    """What a checkpoint must have been made with to be taken up; how many processes there were is no part of it."""
    shapes = [(name, list(p.shape), p.requires_grad) for name, p in network.named_parameters()]
    names = [(f"{path.parent.name}/{path.name}", path.stat().st_size) for path in files.paths]
    return hashlib.sha256(json.dumps([asdict(plan), shapes, names, files.labels]).encode()).hexdigest()
