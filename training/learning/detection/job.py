"""Train, judge and export a detector: the whole job, given a workload."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from training.learning import container, images, results
from training.learning.detection import card, figures, network, precision, scenes
from training.learning.detection.export import Served, find
from training.learning.detection.way import Detecting
from training.learning.export import export
from training.learning.fitting import Plan, fit
from training.learning.tracking import Tracker, say
from training.serving import detection

if TYPE_CHECKING:
    from training.learning.detection.precision import Found, Truth
    from training.workloads.spec import Workload

CHECKED_IMAGES = 32
"""Test images on which the exported model is compared with torch."""

HEADLINE = ("ap", "ap50", "precision", "recall")


def run(workload: Workload, job: container.Job) -> dict[str, Any]:
    """Do the job and leave the model and its figures in the job's folders.

    Returns
    -------
    what `metrics.json` holds

    Raises
    ------
    TrainingError, SpecError
        With the reason the job cannot be done.
    """
    started = time.monotonic()
    values = job.hyperparameters
    threads = container.set_threads(1 if values["architecture"] == "light" else 64)
    weights = container.weights_file(job)
    height, width = workload.data.image.height, workload.data.image.width
    dataset = images.describe(job.channels["train"], workload.data.classes, least=1)
    classes = tuple(dataset["classes"])
    torch.manual_seed(int(values["seed"]))
    detector = network.build(str(values["architecture"]), len(classes), (height, width), weights)
    splits = {
        name: scenes.read_split(job.channels[name], classes, height, width) for name in ("train", "validation", "test")
    }
    images.refuse_leakage(splits)
    label = f"{dataset['source']} data"
    if dataset["synthetic"] and "synthetic" not in label:
        label = f"synthetic {label}"
    counts = ", ".join(f"{len(split.names)} {name}" for name, split in splits.items())
    say(f"{workload.name}: {values['architecture']} on {label}: {counts}; {threads} threads")
    if weights is not None:
        say(f"backbone started from {weights.name}")
    if values["freeze_backbone"]:
        network.freeze_backbone(detector)
    given = {name: values.get(name, 0.0) for name in Plan.__slots__}  # there are no labels to smooth
    plan = Plan(**given)  # type: ignore[arg-type]
    facts = {name: values[name] for name in ("score_floor", "nms_iou", "max_boxes")}
    task = detection.load({"classes": classes, **facts}, detection.OUTPUTS)
    test, truth = splits["test"], scenes.truth(splits["test"])
    with Tracker(job.output) as tracker:
        state = fit(
            detector,
            splits["train"],
            splits["validation"],
            plan,
            way=Detecting(height=height, width=width),
            checkpoints=job.checkpoints,
            report=lambda epoch, metrics: tracker.metrics(metrics, epoch),
        )
        served = Served(detector, height, width)
        sample = images.normalise(test.images[:CHECKED_IMAGES])
        difference = export(served, job.model / "model.onnx", sample, detection.OUTPUTS)
        say(f"model.onnx answers as torch does: largest difference {difference:.1e}")
        found = find(served, test.images, task)
        judged = precision.judge(found, truth, classes, float(values["score_used"]))
        tracker.metrics({f"test:{name}": judged[name] for name in HEADLINE})
    metrics = judged | {
        "images": len(truth),
        "threshold": float(values["score_used"]),
        "empty_right": _empty_right(found, truth, float(values["score_used"])),
        "best_epoch": state.best_epoch,
        "epochs": state.epoch,
        "onnx_difference": difference,
        "seconds": round(time.monotonic() - started, 2),
    }
    headline = {f"test:{name}": metrics[name] for name in HEADLINE}
    mean, std = images.statistics(3)
    description = results.describe(workload, job, dataset, headline, mean=mean, std=std, task="detection", **facts)
    text = card.render(workload, description, dataset, metrics, values)
    shown = figures.Shown(test, found, truth, f"{label}, AP50 {metrics['ap50']:.2f}", metrics["threshold"])
    pictures = figures.draw(job.output, shown, classes)
    results.leave(job, detector, description, metrics=metrics, card=text, figures=pictures)
    return metrics


def _empty_right(found: list[Found], truth: list[Truth], threshold: float) -> float:
    """Share of the images without an object in which nothing is found either; 1 where there is no such image."""
    empty = [
        not (each.scores >= threshold).any() for each, real in zip(found, truth, strict=True) if not len(real.boxes)
    ]
    return sum(empty) / len(empty) if empty else 1.0
