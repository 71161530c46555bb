"""``python -m rehearsal.bench.pairs FOLDER IMAGES SIDE BATCH STEPS``, under torchrun: seconds of so many steps."""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import islice
from pathlib import Path

import torch

from training.learning import distributed, finetuning, networks
from training.learning.checkpoints import Parts
from training.learning.streaming import Crops, Epochs, Files, loader
from training.learning.throughput import drawn, endless
from training.learning.watching import Watch

WARM = 1


def main() -> None:
    folder, (images, side, batch, steps) = Path(sys.argv[1]), map(int, sys.argv[2:])
    torch.set_num_threads(1)
    with distributed.join(distributed.place(os.environ)) as group:
        print(json.dumps({"seconds": seconds(group, _files(folder, images, group), side, batch, steps)}), flush=True)


def _files(folder: Path, images: int, group: distributed.Group) -> Files:
    if group.leads and not any(folder.glob("*.jpg")):
        drawn(folder, images, (160, 120))
    group.share(None)  # the others wait until the images are there
    paths = tuple(sorted(folder.glob("*.jpg")))
    return Files(paths, tuple(number % 133 for number in range(len(paths))))


def seconds(group: distributed.Group, files: Files, side: int, batch: int, steps: int) -> float:
    """Wall time of the steps that follow the first few."""
    torch.manual_seed(1)
    network = networks.build("resnet18", 133)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's annotations
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0)
    plan = finetuning.Plan(
        epochs=1,
        batch_size=batch,
        learning_rate=0.01,
        optimiser="sgd",
        weight_decay=0.0,
        label_smoothing=0.0,
        layer_decay=1.0,
        unfreeze=5,
        keep_statistics=False,
        shards=2,
        patience=1,
        seed=1,
        compile=False,
    )
    order = Epochs(len(files.paths), batch, seed=1, rank=group.rank, ranks=group.ranks)
    stream = endless(loader(Crops(files, side, augment=True, seed=1), order, workers=0), order)
    network.train()
    step = finetuning.Step(Parts(network, optimiser, schedule), plan, group, Watch(network, mode="off"))
    for images, labels in islice(stream, WARM):
        step(images, labels)
    group.share(None)
    begin = time.perf_counter()
    for images, labels in islice(stream, steps):
        step(images, labels)
    group.share(None)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
