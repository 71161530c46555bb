"""Runs the same fit in one process and in two, in a process of its own: `python -m tests.unit.learning_pair FOLDER`.

Torch is imported once and the processes are forked, so that a test of several processes costs no more than one import.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import socket
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from training.learning import distributed, finetuning, networks
from training.learning.channels import listed
from training.learning.streaming import Crops, Epochs, loader
from training.learning.watching import Watch

CLASSES = ("dark", "bright")
SIDE = 16


def write_images(folder: Path) -> None:
    rng = np.random.default_rng(5)
    for split, count in (("train", 12), ("validation", 5)):
        for label, name in enumerate(CLASSES):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.normal(90 + 60 * label, 40, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / split / name / f"{number}.png"), pixels)


def plan(**changes: Any) -> finetuning.Plan:
    settings: dict[str, Any] = {
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 0.01,
        "optimiser": "sgd",
        "weight_decay": 0.001,
        "label_smoothing": 0.1,
        "layer_decay": 0.5,
        "unfreeze": 5,
        "keep_statistics": False,
        "shards": 2,
        "patience": 9,
        "seed": 3,
        "compile": False,
    }
    return finetuning.Plan(**(settings | changes))


def fit(group: distributed.Group, folder: Path, chosen: finetuning.Plan, checkpoints: Path | None = None) -> Any:
    """Weights and the epochs that were reported."""
    torch.manual_seed(1)
    network = networks.build(networks.SMALL, len(CLASSES))
    files, held_back = (listed(folder / split, CLASSES) for split in ("train", "validation"))
    order = Epochs(len(files.paths), chosen.batch_size, seed=3, rank=group.rank, ranks=group.ranks)
    stream = loader(Crops(files, SIDE, augment=True, seed=3, still=None), order, workers=0)

    def batches(epoch: int) -> Any:
        order.epoch = epoch
        return stream

    crops = Crops(held_back, SIDE, augment=False, seed=3, still=None)
    data = finetuning.Data(batches, len(order), files, crops, torch.tensor(held_back.labels), 0)
    seen: dict[int, dict[str, float]] = {}
    with Watch(network, leads=group.leads, every=1) as watch:
        finetuning.fit(network, data, chosen, group, watch=watch, folder=checkpoints, report=seen.__setitem__)
    return {name: value.tolist() for name, value in network.state_dict().items()}, seen


def one_of(rank: int, port: int, name: str, folder: Path, answers: Any) -> None:
    """A process of a pair."""
    torch.set_num_threads(1)
    try:
        with distributed.join(distributed.Place(rank, 2, rank, "127.0.0.1", port), patience_s=60) as group:
            answers.put((rank, SCENARIOS[name](group, folder)))
    except Exception as error:  # what it says is what is tested
        answers.put((rank, f"{type(error).__name__}: {error}"))


def resumed(group: distributed.Group, folder: Path) -> Any:
    """Take up what a single process left after its first epoch."""
    return fit(group, folder, plan(epochs=2), folder / "checkpoints")


def breaks(group: distributed.Group, folder: Path) -> Any:
    """The second process cannot read an image; the first one waits for its gradients."""
    if group.rank == 1:
        folder = folder / "broken"
    return fit(group, folder, plan())


SCENARIOS = {"fit": lambda group, folder: fit(group, folder, plan()), "resumed": resumed, "breaks": breaks}


def pair(name: str, folder: Path) -> list[Any]:
    """What both processes answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=one_of, args=(rank, port, name, folder, answers)) for rank in (0, 1)]
    for process in processes:
        process.start()
    found = dict(answers.get(timeout=120) for _ in processes)
    for process in processes:
        process.join(60)
    return [found[0], found[1]]


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    write_images(folder)
    write_images(folder / "broken")
    for path in (folder / "broken" / "train" / "dark").iterdir():
        path.write_bytes(b"no image")
    # Forked first: autograd's threads, which a fit starts, do not survive a fork.
    found: dict[str, Any] = {name: pair(name, folder) for name in ("fit", "breaks")}
    context = multiprocessing.get_context("fork")
    alone = context.Queue()
    context.Process(target=_alone, args=(folder, alone)).start()
    found["alone"] = alone.get(timeout=120)
    found["resumed"] = pair("resumed", folder)
    assert math.isfinite(found["alone"][1][2]["train:loss"])
    print(json.dumps(found))


def _alone(folder: Path, answers: Any) -> None:
    """One process does all; then once more, and dies after the first epoch's checkpoint."""
    torch.set_num_threads(1)
    group = distributed.Group(0, 1, torch.device("cpu"))
    answers.put(fit(group, folder, plan()))

    class DiedError(Exception):
        pass

    save = finetuning.checkpoints.save

    def save_and_die(*arguments: Any) -> None:
        save(*arguments)
        raise DiedError

    finetuning.checkpoints.save = save_and_die
    try:
        fit(group, folder, plan(), folder / "checkpoints")
    except DiedError:
        return


if __name__ == "__main__":
    main()
