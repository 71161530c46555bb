"""`python -m training.workloads.dogs.study`: what the backbone that knows other dogs is worth.

Four ways to learn the same drawings, judged on the same test images: a new last layer on the frozen backbone, the same
on a backbone of random weights, fine-tuning after the first, and everything from scratch for as many epochs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training.data import layout
from training.data.fetch import default_cache
from training.data.records import Records
from training.data.splits import Shares, split
from training.errors import InputError
from training.learning import networks
from training.learning.container import parse
from training.workloads import spec
from training.workloads.dogs import data, job, pretext
from training.workloads.dogs.breeds import breeds as known

if TYPE_CHECKING:
    from collections.abc import Sequence

WAYS: dict[str, dict[str, Any]] = {
    "frozen": {"weights": "backbone.pth", "freeze_backbone": "true"},
    "random": {"weights": "random.pth", "freeze_backbone": "true"},
    "tuned": {"weights": "backbone.pth"},
    "scratch": {"weights": "", "head_epochs": 0, "batch_norm": "learnt", "learning_rate": 0.004},
}


def compare(folder: Path, *, per_class: int, breeds: int, epochs: int, seed: int) -> dict[str, float]:
    """Top-1 on the test images by way."""
    classes = tuple(known())[:: max(1, len(known()) // breeds)][:breeds]
    pictures = data.pictures(classes, per_class, seed)
    labels = np.arange(len(pictures)) % len(classes)
    names = [f"{number}.png" for number in range(len(pictures))]
    records = Records(pictures, labels, names, None, classes, "synthetic", synthetic=True)
    splits, left_out = split(records, Shares(None, 0.2, 0.25), seed)
    description = layout.describe(records, splits, workload="dogs", seed=seed, left_out=left_out)
    layout.write(folder / "dataset", records, splits, description)
    weights = folder / "dataset" / "weights"
    weights.mkdir()
    (weights / "backbone.pth").write_bytes(pretext.weights(default_cache(), seed))
    torch.manual_seed(seed)
    torch.save(networks.build(networks.SMALL, 2).state_dict(), weights / "random.pth")
    return {name: _accuracy(folder, name, epochs, changed) for name, changed in WAYS.items()}


def _accuracy(folder: Path, name: str, epochs: int, changed: dict[str, Any]) -> float:
    workload, out = spec.load("dogs"), folder / name
    chosen = workload.rehearsal.hyperparameters | {
        "epochs": epochs,
        "batch_size": 16,
        "profile_steps": 0,
        "rules": "off",
    }
    given = {f"{split}-dir": folder / "dataset" / split for split in ("train", "validation", "test", "weights")}
    given |= {"model-dir": out / "model", "output-dir": out / "output", "checkpoints-dir": out / "checkpoints"}
    arguments = [f"--{key}={value}" for key, value in (given | chosen | changed).items()]
    with contextlib.redirect_stdout(io.StringIO()):
        job.run(workload, parse(workload, arguments, os.environ))
    metrics: dict[str, Any] = json.loads((out / "model" / "metrics.json").read_text(encoding="utf-8"))
    return float(metrics["accuracy"])


def main(argv: Sequence[str] | None = None) -> int:
    """Print top-1 by way as JSON."""
    parser = argparse.ArgumentParser(prog="python -m training.workloads.dogs.study", description=__doc__)
    parser.add_argument("--per-class", type=int, default=20, help="drawings of each breed (default 20)")
    parser.add_argument("--breeds", type=int, default=133, help="how many breeds (default 133)")
    parser.add_argument("--epochs", type=int, default=6, help="of fine-tuning and from scratch (default 6)")
    parser.add_argument("--seed", type=int, default=7, help="of every random choice (default 7)")
    options = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = compare(Path(folder), **vars(options))
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
