"""Threshold and band from the validation patients; all figures from the test patients, who had no say in anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from training.learning import evaluation
from training.learning.calibration import operating, ranking, reliability
from training.workloads.pneumonia import patients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.workloads.description import Value, Workload

PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)


class Judged(NamedTuple):
    """Images of one split with what is known and said of them; all of the same length."""

    names: tuple[str, ...]
    patients: tuple[str, ...]
    positive: NDArray[np.bool_]
    margins: NDArray[np.float64]
    probabilities: NDArray[np.float64]


def decide(held_out: Judged, values: dict[str, Value]) -> operating.Rule:
    """Threshold and band from the validation patients, as the hyperparameters ask."""
    goal = operating.Goal(
        sensitivity=float(values["target_sensitivity"]),
        specificity=float(values["target_specificity"]) if values["abstain"] == "rates" else 0.0,
        ppv=float(values["target_ppv"]) if values["abstain"] == "ppv" else 0.0,
        prevalence=float(values["prevalence"]),
        confidence=float(values["confidence"]),
    )
    if values["abstain"] == "cost":
        missed, alarm = float(values["cost_missed"]), float(values["cost_alarm"])
        band = operating.band_of_costs(missed, alarm, float(values["cost_undecided"]))
        return operating.Rule(alarm / (alarm + missed), band)
    known = (held_out.probabilities, held_out.positive, held_out.patients, goal)
    threshold = operating.threshold(*known)
    if values["abstain"] == "none":
        return operating.Rule(threshold, (threshold, threshold))
    return operating.Rule(threshold, operating.band(*known, threshold))


def judge(workload: Workload, judged: Judged, rule: operating.Rule, values: dict[str, Value]) -> dict[str, Any]:
    """All figures of the test images, by the probabilities that the endpoint will answer."""
    p, y, who = judged.probabilities, judged.positive, judged.patients
    both = torch.from_numpy(np.stack([1 - p, p], 1)).float()
    overall = evaluation.evaluate(both, torch.from_numpy(y.astype(int)), workload.data.classes, workload.threshold)
    seed = int(values["seed"])
    areas = {name: found.record() for name, found in ranking.areas(p, y, who, seed).items()}
    raw = 1 / (1 + np.exp(-judged.margins))
    decision = operating.judge(p, y, who, rule)
    calibrated, before = reliability.summary(p, y), reliability.summary(raw, y)
    return overall | {
        "headline": {
            "accuracy": overall["accuracy"],
            "loss": overall["loss"],
            "macro_f1": overall["macro_f1"],
            "auroc": areas["auroc"]["value"],
            "auroc_low": areas["auroc"]["low"],
            "auprc": areas["auprc"]["value"],
            "sensitivity": decision["at_threshold"]["sensitivity"]["value"],
            "specificity": decision["at_threshold"]["specificity"]["value"],
            "ece": calibrated["ece"],
            "brier": calibrated["brier"],
            "abstained": decision["abstained"]["value"],
        },
        "areas": areas,
        "reliability": {"before": before, "after": calibrated},
        "decision": decision,
        "prevalences": operating.at_prevalences(decision, PREVALENCES),
        "subgroups": subgroups(judged, rule),
        "patients": len(set(who)),
    }


def subgroups(judged: Judged, rule: operating.Rule) -> list[dict[str, Any]]:
    """The same by view, site and age, where names tell: too few of either class give no figure."""
    rows = []
    told = [patients.traits(name) for name in judged.names]
    for trait in ("view", "site", "age"):
        for value in sorted({found[trait] for found in told if trait in found}):
            at = np.array([found.get(trait) == value for found in told])
            p, y = judged.probabilities[at], judged.positive[at]
            who = tuple(patient for patient, inside in zip(judged.patients, at, strict=True) if inside)
            decision = operating.judge(p, y, who, rule)
            rows.append(
                {
                    "group": f"{trait} {value}",
                    "images": int(at.sum()),
                    "ill": int(y.sum()),
                    "auroc": ranking.areas(p, y, who)["auroc"].record(),
                    "ece": reliability.error(p, y),
                    "sensitivity": decision["at_threshold"]["sensitivity"],
                    "specificity": decision["at_threshold"]["specificity"],
                    "abstained": decision["abstained"],
                }
            )
    return rows
