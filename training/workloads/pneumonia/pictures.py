"""The pictures a job leaves, and what they show in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.learning.calibration import figures
from training.learning.results import Figure

if TYPE_CHECKING:
    from pathlib import Path

    from training.learning.calibration.operating import Rule
    from training.learning.images import Split
    from training.workloads.pneumonia.judgement import Judged

PER_CLASS = 6
"""Example images per class: from those the model is surest are healthy to those it is surest are ill."""


def draw(
    folder: Path, judged: Judged, test: Split, rule: Rule, metrics: dict[str, Any], *, synthetic: bool
) -> list[Figure]:
    """Draw all pictures into a folder and describe them."""
    what = "synthetic test images" if synthetic else "test images"
    p, y = judged.probabilities, judged.positive
    raw = 1 / (1 + np.exp(-judged.margins))
    title = f"Pneumonia: {len(y)} {what} of {metrics['patients']} patients"
    examples(folder / "examples.png", judged, test, rule, title=title)
    figures.reliability_diagram(folder / "reliability.png", raw, p, y, judged.patients, title=title, of="pneumonia")
    figures.curves(folder / "curves.png", p, y, rule, metrics, title=title)
    figures.net_benefit(folder / "net_benefit.png", p, y, rule, title=title)
    decision = metrics["decision"]
    figures.verdicts(folder / "verdicts.png", decision["confusion"], ("normal", "pneumonia"), title=title)
    before, after = (metrics["reliability"][when] for when in ("before", "after"))
    kept = decision["decided"]
    band = f"{rule.abstain[0]:.2f} to {rule.abstain[1]:.2f}"
    return [
        Figure(
            "examples.png",
            "What the model says of single images",
            f"{what.capitalize()} of each class, from the lowest to the highest probability of pneumonia, with the "
            "verdict. The classes overlap on purpose: faint opacities look like strong vessels.",
            "Two rows of chest radiographs, normal and pneumonia, with probabilities and verdicts",
        ),
        Figure(
            "reliability.png",
            "Can the probabilities be believed?",
            f"Share of {what} with pneumonia over the probability that was said, before and after calibration, with "
            f"95 % intervals by patient. Validation patients chose {metrics['calibration']['chosen']['kind']}. "
            f"ECE {before['ece']:.3f} before and {after['ece']:.3f} after, Brier score {before['brier']:.3f} and "
            f"{after['brier']:.3f}.",
            "Two reliability diagrams with histograms of the probabilities below",
        ),
        Figure(
            "curves.png",
            "Ranking, threshold and band",
            f"ROC and precision-recall on {what}. The threshold was chosen on validation patients for a stated "
            "sensitivity; between the two ends of the band the model gives no verdict.",
            "ROC curve and precision-recall curve with three marked points",
        ),
        Figure(
            "verdicts.png",
            "Verdicts",
            f"Verdicts on {what} with the band from {band}: {decision['abstained']['value']:.0%} get none and go to a "
            f"person; of the others, {percent(kept['sensitivity'])} of the ill and {percent(kept['specificity'])} of "
            "the healthy are called right.",
            "Table of true classes against verdicts negative, no verdict and positive",
        ),
        Figure(
            "net_benefit.png",
            "Is acting on it worth while?",
            f"Net benefit on {what} over the probability from which one would treat, against treating all and treating "
            "none.",
            "Three decision curves",
        ),
    ]


def examples(path: Path, judged: Judged, test: Split, rule: Rule, *, title: str) -> None:
    """Images of both classes in the order of their probabilities."""
    figure, axes = figures.canvas((1.62 * PER_CLASS, 4.2), 2, PER_CLASS)
    verdicts = rule.verdicts(judged.probabilities)
    for row, of_class in enumerate((~judged.positive, judged.positive)):
        at = np.flatnonzero(of_class)
        at = at[np.argsort(judged.probabilities[at], kind="stable")]
        chosen = at[np.linspace(0, len(at) - 1, PER_CLASS).round().astype(int)]
        for position, each in zip(chosen, axes[row], strict=True):
            each.imshow(test.images[int(position), 0].numpy(), cmap="gray", vmin=0, vmax=255)
            each.set_xticks([])
            each.set_yticks([])
            each.grid(False)
            each.spines[:].set_visible(False)
            said = {1: "positive", 0: "negative", -1: "no verdict"}[int(verdicts[position])]
            right = {1: judged.positive[position], 0: not judged.positive[position]}.get(int(verdicts[position]))
            colour = figures.INK if right is None else figures.BLUE if right else figures.ORANGE
            each.set_xlabel(f"{judged.probabilities[position]:.2f}\n{said}", fontsize=9, color=colour)
        axes[row][0].set_ylabel(("normal", "pneumonia")[row], fontsize=10)
    figures.finish(figure, path, f"{title}\nblue: right, orange: wrong")


def percent(share: dict[str, Any]) -> str:
    """A share with its interval."""
    if share["value"] is None:
        return "none"
    return f"{share['value']:.0%} ({share['low']:.0%} to {share['high']:.0%})"
