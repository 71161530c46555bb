"""The training job: fit, calibrate and decide on validation patients, judge once on test patients, export."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training.errors import TrainingError
from training.learning import container, evaluation, images, networks, quantise, results
from training.learning.calibration import choice
from training.learning.calibration.served import Served
from training.learning.export import export
from training.learning.fitting import Plan, fit, predict
from training.learning.tracking import Tracker, say
from training.monitoring import calibration as drift
from training.workloads.pneumonia import card, epochs, patients, pictures
from training.workloads.pneumonia.judgement import Judged, decide, judge

if TYPE_CHECKING:
    from training.learning.calibration import operating
    from training.learning.calibration.maps import Map
    from training.learning.fitting import State
    from training.learning.images import Split
    from training.workloads.description import Workload

CHECKED_IMAGES = 64
"""Test images on which the exported model is compared with torch."""

BASELINE = "calibration_baseline.json"


def run(workload: Workload, job: container.Job) -> dict[str, Any]:
    """Do the job and leave the model and its figures in the job's folders.

    Returns
    -------
    what `metrics.json` holds

    Raises
    ------
    TrainingError, SpecError
        With the reason the job cannot be done, or why its model must not be used.
    """
    started = time.monotonic()
    values = job.hyperparameters
    threads = container.set_threads(1 if values["architecture"] == "small_cnn" else 64)
    dataset, splits = read(workload, job)
    who = {part: patients.of(split.names) for part, split in splits.items()}
    patients.refuse_shared(who)
    label = "synthetic data" if dataset["synthetic"] else f"{dataset['source']} data"
    counts = ", ".join(
        f"{part} {len(split.labels)} images ({int(split.labels.sum())} ill) of {len(set(who[part]))} patients"
        for part, split in splits.items()
    )
    say(f"{workload.name}: {values['architecture']} on {label}: {counts}; {threads} threads")
    with Tracker(job.output) as tracker:
        network, state = train(workload, job, splits, tracker)
        held_out = scored(network, splits["validation"], who["validation"])
        chosen = choice.choose(
            held_out.margins,
            held_out.positive,
            held_out.patients,
            asked=str(values["calibration"]),
            seed=int(values["seed"]),
        )
        say(choice_line(chosen))
        held_out = held_out._replace(probabilities=chosen.map(held_out.margins))
        rule = decide(held_out, values)
        band = f", abstain from {rule.abstain[0]:.3f} to {rule.abstain[1]:.3f}"
        say(f"decision: threshold {rule.threshold:.3f}{band}")
        test = splits["test"]
        served = Served(network, chosen.map)
        onnx_difference = export(served, job.model / "model.onnx", images.normalise(test.images[:CHECKED_IMAGES]))
        judged, map_difference = as_served(job, chosen.map, scored(network, test, who["test"]), test)
        say(
            f"model.onnx answers as torch does: largest difference {onnx_difference:.1e}, "
            f"to the map in 64 bits {map_difference:.1e}"
        )
        metrics = judge(workload, judged, rule, values)
        tracker.metrics({f"test:{name}": metrics["headline"][name] for name in metrics["headline"]})
    metrics |= {
        "calibration": chosen.record(),
        "best_epoch": state.best_epoch,
        "epochs": state.epoch,
        "onnx_difference": onnx_difference,
        "map_difference": map_difference,
        "seconds": round(time.monotonic() - started, 2),
    }
    refuse_unbelievable(metrics, float(values["max_calibration_error"]))
    leave(workload, job, dataset, network=network, rule=rule, metrics=metrics, judged=judged, test=test, chosen=chosen)
    return metrics


def read(workload: Workload, job: container.Job) -> tuple[dict[str, Any], dict[str, Split]]:
    """The dataset's description and its splits, none of them with an image that another has or that shows nothing."""
    size = workload.data.image
    dataset = images.describe(job.channels["train"], workload.data.classes)
    if tuple(dataset["classes"]) != workload.data.classes:
        raise TrainingError(
            "classes", dataset["classes"], f"must be {list(workload.data.classes)}; stage the data anew"
        )
    splits = {
        part: images.read_split(job.channels[part], workload.data.classes, size.height, size.width, size.channels)
        for part in ("train", "validation", "test")
    }
    images.refuse_leakage(splits)
    for part, split in splits.items():
        flat = split.images.flatten(1)
        blank = flat.amax(1) == flat.amin(1)
        if blank.any():
            first = split.names[int(blank.nonzero()[0])]
            raise TrainingError("image", f"{part}/{first}", "shows nothing, all its pixels are equal; remove it")
    return dataset, splits


def train(
    workload: Workload, job: container.Job, splits: dict[str, Split], tracker: Tracker
) -> tuple[torch.nn.Module, State]:
    """A network with the weights of its best epoch."""
    values = job.hyperparameters
    weights = container.weights_file(job)
    torch.manual_seed(int(values["seed"]))
    network = networks.build(str(values["architecture"]), len(workload.data.classes), workload.data.image.channels)
    if weights is not None:
        fresh = networks.load_weights(network, weights)
        say(f"started from {weights.name}; fresh: {', '.join(fresh) or 'nothing'}")
    if values["freeze_backbone"]:
        networks.freeze_backbone(network)
    plan = Plan(**{name: values[name] for name in Plan.__slots__})  # type: ignore[arg-type]
    state = fit(
        network,
        splits["train"],
        splits["validation"],
        plan,
        way=epochs.way(splits["train"].labels, str(values["imbalance"])),
        checkpoints=job.checkpoints,
        report=lambda epoch, found: tracker.metrics(found, epoch),
    )
    return network, state


def scored(network: torch.nn.Module, split: Split, who: tuple[str, ...]) -> Judged:
    """A split with the network's own margins; its probabilities are those of the softmax."""
    scores = predict(network, split.images).double().numpy()
    margins = scores[:, 1] - scores[:, 0]
    if not np.isfinite(margins).all():
        raise TrainingError("scores", int((~np.isfinite(margins)).sum()), "images have a score that is no number")
    return Judged(split.names, who, split.labels.numpy() == 1, margins, 1 / (1 + np.exp(-margins)))


def as_served(job: container.Job, calibration: Map, judged: Judged, test: Split) -> tuple[Judged, float]:
    """The test images with what `model.onnx` says of them, and its largest difference to the map in 64 bits."""
    answers = quantise.answers(job.model / "model.onnx", test.images)[:, 1].double().numpy()
    difference = float(np.abs(answers - calibration(judged.margins)).max())
    return judged._replace(probabilities=answers), difference


def choice_line(chosen: choice.Choice) -> str:
    """How the calibrations compare, for the log."""
    losses = ", ".join(
        f"{one.kind} {one.log_loss:.4f}" if one.log_loss is not None else f"{one.kind} not tried"
        for one in chosen.candidates
    )
    return f"calibration: {chosen.map.kind}; log loss over {choice.FOLDS} folds of patients: {losses}"


def refuse_unbelievable(metrics: dict[str, Any], limit: float) -> None:
    """A model whose probabilities cannot be taken at their word must not be served with a rule about them.

    Raises
    ------
    TrainingError
        The calibration error on the test patients is above the limit.
    """
    found = metrics["headline"]["ece"]
    if not found <= limit:
        remedy = f"is the limit, and the calibration error on the test patients is {found:.3f}; stage more patients"
        raise TrainingError("max_calibration_error", limit, remedy)


def leave(
    workload: Workload,
    job: container.Job,
    dataset: dict[str, Any],
    *,
    network: torch.nn.Module,
    rule: operating.Rule,
    metrics: dict[str, Any],
    judged: Judged,
    test: Split,
    chosen: choice.Choice,
) -> None:
    """Everything but the model itself, which lies there already."""
    mean, std = images.statistics(workload.data.image.channels)
    positive = workload.data.classes[1]
    description = results.describe(
        workload,
        job,
        dataset,
        {f"test:{name}": value for name, value in metrics["headline"].items()},
        mean=mean,
        std=std,
        precision="fp32",
        calibration=chosen.map.record(),
        decision={"positive": positive, "threshold": rule.threshold, "abstain": list(rule.abstain)},
    )
    figures = pictures.draw(job.output, judged, test, rule, metrics, synthetic=dataset["synthetic"])
    title = f"Likelier class\n{'synthetic ' if dataset['synthetic'] else ''}test images"
    evaluation.plot_confusion(metrics["confusion"], workload.data.classes, title, job.output / "confusion.png")
    written = card.render(workload, description, dataset, metrics, job.hyperparameters)
    results.leave(job, network, description, metrics=metrics, card=written, figures=figures)
    baseline = drift.baseline(judged.probabilities, judged.positive, rule.abstain, positive, judged.patients)
    results.write_json(job.model / BASELINE, baseline)
