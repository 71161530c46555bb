"""Train, judge and export an image classifier: the whole job, given a workload."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from training.learning import container, evaluation, images, mistakes, model_card, networks, quantise, results
from training.learning.export import Calibrated, export
from training.learning.fitting import Plan, fit, predict
from training.learning.tracking import Tracker, say

if TYPE_CHECKING:
    from training.workloads.spec import Workload

CHECKED_IMAGES = 64
"""Test images on which the exported model is compared with torch."""


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
    threads = container.set_threads(1 if str(values["architecture"]).endswith("_cnn") else 64)
    weights = container.weights_file(job)
    size = workload.data.image
    dataset = images.describe(job.channels["train"], workload.data.classes)
    classes = tuple(dataset["classes"])
    splits = {
        name: images.read_split(job.channels[name], classes, size.height, size.width)
        for name in ("train", "validation", "test")
    }
    images.refuse_leakage(splits)
    label = f"{dataset['source']} data"
    if dataset["synthetic"] and "synthetic" not in label:
        label = f"synthetic {label}"
    counts = ", ".join(f"{len(split.labels)} {name}" for name, split in splits.items())
    say(f"{workload.name}: {values['architecture']} on {label}: {counts}; {threads} threads")

    torch.manual_seed(int(values["seed"]))
    network = networks.build(str(values["architecture"]), len(classes))
    if weights is not None:
        fresh = networks.load_weights(network, weights)
        say(f"started from {weights.name}; fresh: {', '.join(fresh) or 'nothing'}")
    if values["freeze_backbone"]:
        networks.freeze_backbone(network)
    plan = Plan(**{name: values[name] for name in Plan.__slots__})  # type: ignore[arg-type]
    with Tracker(job.output) as tracker:
        state = fit(
            network,
            splits["train"],
            splits["validation"],
            plan,
            checkpoints=job.checkpoints,
            report=lambda epoch, metrics: tracker.metrics(metrics, epoch),
        )
        held_out = splits["validation"]
        divisor = evaluation.temperature(predict(network, held_out.images), held_out.labels)
        test = splits["test"]
        difference = export(
            Calibrated(network, divisor), job.model / "model.onnx", images.normalise(test.images[:CHECKED_IMAGES])
        )
        say(f"model.onnx answers as torch does: largest difference {difference:.1e}")
        cost, probabilities = None, torch.softmax(predict(network, test.images) / divisor, 1)
        if values["precision"] != "fp32":
            limits = workload.training.quantisation
            chosen = quantise.sample(splits["train"], limits.calibration_images, plan.seed)
            cost, probabilities = quantise.decide(
                job.model / "model.onnx", str(values["precision"]), chosen, test, limits
            )
            say(quantise.cost_line(cost))
        # Of the model that will answer, whatever it was written in.
        figures = evaluation.evaluate(probabilities, test.labels, classes, workload.threshold)
        tracker.metrics(
            {f"test:{name}": figures[name] for name in ("loss", "accuracy", "macro_f1")}
            | {f"test:recall_{name}": row["recall"] for name, row in figures["classes"].items()}
        )
    metrics = figures | {
        "best_epoch": state.best_epoch,
        "epochs": state.epoch,
        "temperature": divisor,
        "onnx_difference": difference,
        "precision": cost.precision if cost else "fp32",
        "quantisation": cost.record() if cost else None,
        "seconds": round(time.monotonic() - started, 2),
    }
    headline = ("accuracy", "loss", "macro_f1", "calibration_error", "share_below_threshold")
    description = results.describe(
        workload,
        job,
        dataset,
        {f"test:{name}": metrics[name] for name in headline},
        mean=images.MEAN,
        std=images.STD,
        **{name: metrics[name] for name in ("temperature", "precision", "quantisation")},
    )
    card = model_card.render(workload, description, dataset, metrics, job.hyperparameters)
    told = f"{label}, accuracy {figures['accuracy']:.1%}"
    worst = mistakes.draw(job.output / "mistakes.png", test, probabilities, classes, told)
    results.leave(job, network, description, metrics=metrics, card=card, figures=[worst])
    title = f"{model_card.title(workload, classes)}: test images\n{told}"
    evaluation.plot_confusion(figures["confusion"], classes, title, job.output / "confusion.png")
    return metrics
