"""What a training job of the breed classifier leaves behind: calibrated model, figures, pictures, card."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from training.learning import evaluation, images, model_card, quantise, results, views
from training.learning.export import Calibrated, export
from training.learning.streaming import Pick
from training.learning.tracking import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from training.learning.streaming import Crops
    from training.learning.tracking import Tracker
    from training.learning.watching import Watch
    from training.workloads.dogs.job import Given

CHECKED_IMAGES = 32
"""Test images on which the exported model is compared with torch."""

HEADLINE = ("accuracy", "top5_accuracy", "loss", "macro_f1", "calibration_error", "share_below_threshold")


class Found(NamedTuple):
    """The fitted network, on the CPU, what it says of the images held back, and how it was fitted."""

    network: nn.Module
    validation: Tensor
    test: Tensor
    epochs: tuple[dict[str, float], ...]
    best_epoch: int
    watch: Watch


def label(dataset: Mapping[str, Any]) -> str:
    """What the data are called wherever they show."""
    source = str(dataset["source"])
    return f"{source} data" if not dataset["synthetic"] or "synthetic" in source else f"synthetic {source} data"


def leave(given: Given, found: Found, tracker: Tracker, started: float) -> None:
    """Calibrate, export, judge and write."""
    classes, job = tuple(given.dataset["classes"]), given.job
    divisor = evaluation.temperature(found.validation, given.labels("validation"))
    sample = _pixels(given.crops("test"), range(min(CHECKED_IMAGES, len(given.files["test"].paths))))
    difference = export(Calibrated(found.network, divisor), job.model / "model.onnx", images.normalise(sample))
    say(f"model.onnx answers as torch does: largest difference {difference:.1e}")
    probabilities, cost = torch.softmax(found.test / divisor, 1), None
    if given.values["precision"] != "fp32":
        probabilities, cost = _quantised(given)
    known = given.labels("test")
    figures = evaluation.evaluate(probabilities, known, classes, given.workload.threshold)
    top = probabilities.topk(min(5, len(classes)), 1).indices == known[:, None]
    figures["top5_accuracy"] = float(top.any(1).double().mean())
    tracker.metrics({f"test:{name}": figures[name] for name in ("loss", "accuracy", "top5_accuracy", "macro_f1")})
    metrics = figures | {
        "best_epoch": found.best_epoch,
        "epochs": len(found.epochs),
        "curve": list(found.epochs),
        "temperature": divisor,
        "onnx_difference": difference,
        "precision": cost.precision if cost else "fp32",
        "quantisation": cost.record() if cost else None,
        "processes": given.group.ranks,
        "findings": found.watch.record()["findings"],
        "seconds": round(time.monotonic() - started, 2),
    }
    description = results.describe(
        given.workload,
        job,
        given.dataset,
        {f"test:{name}": metrics[name] for name in HEADLINE},
        mean=images.MEAN,
        std=images.STD,
        **{name: metrics[name] for name in ("temperature", "precision", "quantisation")},
    )
    card = model_card.render(
        given.workload, description, given.dataset, metrics, given.values, more=_sections(given, found, figures)
    )
    results.write_json(job.output / "watch.json", found.watch.record())
    pictures = _pictures(given, found, figures["confusion"], classes)
    results.leave(job, found.network, description, metrics=metrics, card=card, figures=pictures)


def _quantised(given: Given) -> tuple[Tensor, quantise.Cost]:
    """Probabilities on the test images of the model that will answer, and what int8 costs."""
    limits, values = given.workload.training.quantisation, given.values
    order = torch.randperm(
        len(given.files["train"].paths), generator=torch.Generator().manual_seed(int(values["seed"]))
    )
    calibration = _pixels(given.crops("train"), order[: limits.calibration_images].tolist())
    held_back = given.crops("test")
    test = images.Split(_pixels(held_back, range(len(held_back))), given.labels("test"), ())
    cost, probabilities = quantise.decide(
        given.job.model / "model.onnx", str(values["precision"]), calibration, test, limits
    )
    say(quantise.cost_line(cost))
    return probabilities, cost


def _pixels(crops: Crops, positions: Sequence[int]) -> Tensor:
    """Images as the server shows them to the model: uint8 of shape (n, 3, side, side)."""
    return crops.__getitems__([Pick(0, position) for position in positions])[0].contiguous()


def _pictures(
    given: Given, found: Found, matrix: Sequence[Sequence[int]], classes: tuple[str, ...]
) -> list[results.Figure]:
    output = given.job.output
    named = f"{label(given.dataset)}, {len(given.files['test'].paths)} test images"
    pictures = [views.confusion(matrix, classes, output / "confusion.png", named)]
    if found.epochs:
        pictures.append(views.curves(found.epochs, output / "curves.png"))
    if found.watch.times:
        pictures.append(views.steps(found.watch.times, output / "steps.png"))
    if found.watch.gradient_norms:
        pictures.append(views.gradients(found.watch.gradient_norms, output / "gradients.png"))
    return pictures


def _sections(given: Given, found: Found, figures: Mapping[str, Any]) -> dict[str, str]:
    """What the card says beside what every classifier's card says."""
    classes = tuple(given.dataset["classes"])
    pairs = views.most_confused(figures["confusion"], classes, 10)
    rows = "\n".join(f"| {true} | {taken} | {count} | {share:.0%} |" for true, taken, count, share in pairs)
    table = f"| breed | taken for | times | of its test images |\n| --- | --- | ---: | ---: |\n{rows}"
    told = "\n".join(f"- {finding.rule}, step {finding.step}: {finding.reason}" for finding in found.watch.findings)
    stages = (
        ", ".join(
            f"epoch {row['epoch']:g} {row['validation:accuracy']:.1%}" for row in (found.epochs[0], found.epochs[-1])
        )
        if found.epochs
        else "none"
    )
    return {
        "Top-5": f"For {figures['top5_accuracy']:.1%} of the test images the breed is among the five likeliest.",
        "Confused most often": table if pairs else "",
        "Stages": f"Top-1 on validation images: {stages}; epoch 0 is a new last layer on the frozen backbone.",
        "What the rules found": told,
        "Intended use": "To suggest breeds of a dog in a picture. Not to decide about dogs or people: not for permits, "
        "insurance, breeding or bans. Mixed breeds are named as one of the breeds known.",
    }
