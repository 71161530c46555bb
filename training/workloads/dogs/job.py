"""Train a breed classifier: a new last layer on a frozen backbone, then fine-tuning, in one process or several."""

from __future__ import annotations

import math
import os
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from training.learning import channels, container, distributed, finetuning, images, networks, profiling, transfer
from training.learning.streaming import Crops, Epochs, Files, loader
from training.learning.tracking import Tracker, say
from training.learning.watching import Watch
from training.workloads.description import ImageSize
from training.workloads.dogs import result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

    from training.learning.checkpoints import State
    from training.learning.container import Job
    from training.learning.distributed import Group
    from training.workloads.spec import Value, Workload

SPLITS = ("train", "validation", "test")


class Given(NamedTuple):
    """What a job is done with."""

    workload: Workload
    job: Job
    group: Group
    dataset: dict[str, Any]
    files: dict[str, Files]

    @property
    def values(self) -> dict[str, Value]:
        """The hyperparameters."""
        return self.job.hyperparameters

    @property
    def workers(self) -> int | None:
        """Reading processes; None for as many as there are cores to spare."""
        wanted = int(self.values["workers"])
        return None if wanted < 0 else wanted

    def crops(self, split: str, *, augment: bool = False) -> Crops:
        """The images of a split: as the server shows them to the model, or random views of them."""
        return Crops(
            self.files[split],
            int(self.values["side"]),
            augment=augment,
            seed=int(self.values["seed"]),
            still=None,
            area=(float(self.values["least_area"]), 1.0),
            stretch=float(self.values["stretch"]),
        )

    def labels(self, split: str) -> Tensor:
        return torch.tensor(self.files[split].labels)

    def say(self, text: str) -> None:
        """A line for people, once and not from every process."""
        if self.group.leads:
            say(text)


def run(workload: Workload, job: Job) -> None:
    """Do the job in this process, together with the others of its kind; only the first one writes.

    Raises
    ------
    TrainingError, SpecError
        With the reason the job cannot be done, also where it is another process that cannot.
    """
    started = time.monotonic()
    where = distributed.place(os.environ)
    container.set_threads(distributed.threads())
    side = int(job.hyperparameters["side"])
    sized = replace(workload, data=replace(workload.data, image=ImageSize(side, side, workload.data.image.channels)))
    with distributed.join(where) as group:
        dataset = images.describe(job.channels["train"], workload.data.classes)
        files = {name: channels.listed(job.channels[name], dataset["classes"]) for name in SPLITS}
        given = Given(sized, job, group, dataset, files)
        if group.leads:
            channels.refuse_shared(files)
        with Tracker(job.output) if group.leads else nullcontext() as tracker:
            _train(given, tracker, started)


def _train(given: Given, tracker: Tracker | None, started: float) -> None:
    values, group = given.values, given.group
    network, pretrained = _network(given)
    counts = ", ".join(f"{len(files.paths)} {name}" for name, files in given.files.items())
    processes = f"{group.ranks} process{'es' if group.ranks > 1 else ''} on {group.device.type}"
    given.say(
        f"{given.workload.name}: {values['architecture']} on {result.label(given.dataset)}: {counts}; {processes}"
    )
    epochs: list[dict[str, float]] = []

    def report(epoch: int, metrics: dict[str, float]) -> None:
        epochs.append({"epoch": epoch} | metrics)
        if tracker is not None:
            tracker.metrics(metrics, epoch)

    with Watch(
        network,
        mode=str(values["rules"]),
        every=int(values["watch_every"]),
        leads=group.leads,
        device=group.device.type,
    ) as watch:
        watch.start(torch.bincount(given.labels("train")).tolist())
        plan = _plan(given, pretrained)
        data = _data(given, plan)
        best = math.inf
        if pretrained and int(values["head_epochs"]):
            judged = _head(given, network, data)
            best = judged["validation:loss"]
            report(0, judged)
        state: State | None = None
        if plan.epochs:
            with profiling.profiled(watch, given.job.output / "profile", int(values["profile_steps"]) * group.leads):
                state = finetuning.fit(
                    network, data, plan, group, watch=watch, best=best, folder=given.job.checkpoints, report=report
                )
    scores = {
        name: finetuning.scores(network, given.crops(name), group, workers=given.workers)
        for name in ("validation", "test")
    }
    if tracker is not None:
        found = result.Found(
            network.cpu(), scores["validation"], scores["test"], tuple(epochs), state.best_epoch if state else 0, watch
        )
        result.leave(given, found, tracker, started)


def _network(given: Given) -> tuple[nn.Module, bool]:
    """The network on its device, and whether it brings something it has learnt elsewhere."""
    values = given.values
    weights = container.weights_file(given.job)
    torch.manual_seed(int(values["seed"]))
    network = networks.build(str(values["architecture"]), len(given.dataset["classes"]))
    if weights is not None:
        fresh = networks.load_weights(network, weights)
        given.say(f"started from {weights.name}; fresh: {', '.join(fresh) or 'nothing'}")
    network.to(given.group.device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's annotations
    return network, weights is not None


def _plan(given: Given, pretrained: bool) -> finetuning.Plan:
    """The hyperparameters as a plan; from scratch everything learns, batch norms' statistics too."""
    values = given.values
    compiled = bool(values["compile"])
    if compiled and given.group.device.type != "cuda":
        given.say("compile is for GPUs and does nothing here")
        compiled = False
    if not pretrained:
        given.say("no weights: everything is learnt from scratch")
    shards, batch = int(values["shards"]), int(values["batch_size"])
    if batch % shards:
        # A tuner knows nothing of shards.
        given.say(f"batch_size {batch} becomes {max(1, batch // shards) * shards}, a multiple of the {shards} shards")
        batch = max(1, batch // shards) * shards
    plain = ("learning_rate", "optimiser", "weight_decay", "label_smoothing", "patience", "seed")
    chosen: dict[str, Any] = {name: values[name] for name in plain}
    return finetuning.Plan(
        **chosen,
        epochs=0 if values["freeze_backbone"] else int(values["epochs"]),
        batch_size=batch,
        shards=shards,
        layer_decay=float(values["layer_decay"]) if pretrained else 1.0,
        unfreeze=int(values["unfreeze"]) if pretrained else 5,
        keep_statistics=pretrained and values["batch_norm"] == "frozen",
        compile=compiled,
    )


def _data(given: Given, plan: finetuning.Plan) -> finetuning.Data:
    group, files = given.group, given.files["train"]
    order = Epochs(len(files.paths), plan.batch_size, seed=plan.seed, rank=group.rank, ranks=group.ranks)
    crops = given.crops("train", augment=bool(given.values["augment"]))
    stream = loader(crops, order, workers=given.workers, pinned=group.device.type == "cuda")

    def batches(epoch: int) -> Iterable[tuple[Tensor, Tensor]]:
        order.epoch = epoch
        return stream

    held_back = given.crops("validation")
    return finetuning.Data(batches, len(order), files, held_back, given.labels("validation"), given.workers)


def _head(given: Given, network: nn.Module, data: finetuning.Data) -> dict[str, float]:
    """The first stage: a last layer for features of the backbone as it came."""
    begin, labels, values = time.monotonic(), given.labels("train"), given.values
    known = transfer.features(
        network,
        given.crops("train"),
        given.group,
        workers=given.workers,
        prepare=finetuning.Prepare(given.group.device),
    )
    computed = time.monotonic()
    loss = transfer.fit_head(
        transfer.head_of(network),
        known,
        labels,
        epochs=int(values["head_epochs"]),
        learning_rate=float(values["head_learning_rate"]),
        seed=int(values["seed"]),
    )
    took = f"features {computed - begin:.1f} s, last layer {time.monotonic() - computed:.1f} s"
    given.say(f"frozen backbone: {values['head_epochs']} epochs on cached features ({took})")
    return {"train:loss": loss} | finetuning.judge(network, data, given.group)
