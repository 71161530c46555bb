"""Pictures of calibration and decisions: reliability, curves with the operating point, decision curves, confusion.

Blue and orange of the Okabe-Ito palette, which the colour-blind can tell apart, on white, so that they can be read on
dark pages too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.learning.calibration import operating, ranking, reliability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.learning.calibration.operating import Rule

BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#8a939c", "#1f2d3d"


def reliability_diagram(
    path: Path,
    before: NDArray[Any],
    after: NDArray[Any],
    positive: NDArray[Any],
    patients: Sequence[str],
    *,
    title: str,
    of: str,
) -> None:
    """What was said against what came true, before and after calibration, with how often each was said."""
    figure, axes = canvas((9.0, 5.4), 2, 2, height_ratios=[3, 1], sharex=True)
    for column, (p, name, colour) in enumerate(((before, "before", ORANGE), (after, "after", BLUE))):
        top, below = axes[0][column], axes[1][column]
        points = reliability.diagram(p, positive, patients)
        said = np.array([point.probability for point in points])
        true = np.array([point.share.value for point in points])
        low, high = (np.array([getattr(point.share, end) for point in points]) for end in ("low", "high"))
        top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="calibrated")
        top.fill_between(said, low, high, color=colour, alpha=0.16, linewidth=0, label="95 % interval, by patient")
        top.errorbar(
            said, true, [true - low, high - true], fmt="o-", color=colour, linewidth=1.6, capsize=2, markersize=5
        )
        found = reliability.summary(p, positive)
        top.set_title(f"{name} calibration\nECE {found['ece']:.3f}, Brier {found['brier']:.3f}", fontsize=10)
        top.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        below.hist(p, bins=np.linspace(0, 1, 21), color=colour)
        below.set_xlabel(f"probability of {of} that was said")
    axes[0][0].set_ylabel(f"share that had {of}")
    axes[0][0].legend(loc="upper left", fontsize=8, frameon=False)
    axes[1][0].set_ylabel("images")
    finish(figure, path, title)


def curves(
    path: Path, p: NDArray[Any], positive: NDArray[Any], rule: Rule, judged: dict[str, Any], *, title: str
) -> None:
    """ROC and precision-recall with the threshold, and with the two ends of the band."""
    found = ranking.curve(p, positive)
    areas, prevalence = judged["areas"], float(np.mean(positive))
    figure, (left, right) = canvas((9.2, 4.6), 1, 2)
    for axes, x, y, area in (
        (left, "false_alarms", "sensitivity", "auroc"),
        (right, "sensitivity", "precision", "auprc"),
    ):
        start = ([0.0], [0.0]) if area == "auroc" else ([], [])
        axes.plot([*start[0], *found[x]], [*start[1], *found[y]], color=BLUE, linewidth=1.8)
        for cut, marker, name in (
            (rule.threshold, "o", "threshold"),
            (rule.abstain[0], "<", "lower end of the band"),
            (rule.abstain[1], ">", "upper end of the band"),
        ):
            at = int((found["threshold"] >= cut).sum()) - 1
            if at >= 0:
                axes.plot(found[x][at], found[y][at], marker, color=ORANGE, markersize=8, label=f"{name}, {cut:.2f}")
        inside = (found["threshold"] >= rule.abstain[0]) & (found["threshold"] < rule.abstain[1])
        axes.plot(found[x][inside], found[y][inside], color=ORANGE, linewidth=5, alpha=0.3)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        value = areas[area]
        axes.set_title(f"{area.upper()} {value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})", fontsize=10)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    left.set(
        xlabel="share of the healthy called positive (1 - specificity)", ylabel="share of the ill found (sensitivity)"
    )
    right.axhline(prevalence, color=GREY, linewidth=1, linestyle="--")
    right.text(0.01, prevalence + 0.015, f"share of the ill, {prevalence:.2f}", color=INK, fontsize=8)
    right.set(xlabel="share of the ill found (recall)", ylabel="share of positive verdicts that are right (precision)")
    left.legend(loc="lower right", fontsize=8, frameon=False)
    finish(figure, path, title)


def net_benefit(path: Path, p: NDArray[Any], positive: NDArray[Any], rule: Rule, *, title: str) -> None:
    """Decision curves: is acting on the model better than on all, or on none?"""
    cuts = np.linspace(0.01, 0.8, 159)
    found = operating.net_benefit(p, positive, cuts)
    figure, axes = canvas((7.0, 4.2), 1, 1)
    for name, label, colour, line in (
        ("model", "by the model", BLUE, "-"),
        ("all", "treat all as ill", ORANGE, "--"),
        ("none", "treat none", GREY, ":"),
    ):
        axes.plot(cuts, found[name], line, color=colour, linewidth=1.8, label=label)
    if rule.abstain[0] < rule.abstain[1]:
        axes.axvspan(*rule.abstain, color=GREY, alpha=0.18, linewidth=0, label="band without a verdict")
    axes.axvline(rule.threshold, color=INK, linewidth=1)
    axes.text(rule.threshold + 0.005, 0.97, "threshold", transform=axes.get_xaxis_transform(), va="top", fontsize=8)
    top = float(np.mean(positive))
    axes.set(xlim=(0, 0.8), ylim=(-0.12 * top, 1.1 * top))
    axes.set(xlabel="probability from which one would treat", ylabel="net benefit (right positives per image)")
    axes.legend(loc="upper right", fontsize=8, frameon=False)
    finish(figure, path, title)


def verdicts(path: Path, confusion: Sequence[Sequence[int]], classes: Sequence[str], *, title: str) -> None:
    """How many of each class got which verdict, shaded by the share of the class."""
    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = canvas((6.2, 3.6), 1, 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > 0.55 else INK
        text = f"{counts[row, column]}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=12)
    axes.set_xticks(range(3), ["negative", "no verdict", "positive"])
    axes.set_yticks(range(2), classes)
    axes.set(xlabel="verdict", ylabel="truth")
    axes.grid(False)
    axes.tick_params(length=0)
    finish(figure, path, title)


def canvas(size: tuple[float, float], rows: int, columns: int, **settings: Any) -> tuple[Any, Any]:
    """A figure without a window, and its axes."""
    import matplotlib as mpl  # noqa: PLC0415  a second to import, and only needed at the end

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(rows, columns, figsize=size, dpi=140, layout="constrained", **settings)
    for each in np.ravel(np.asarray(axes, dtype=object)):
        each.spines[["top", "right"]].set_visible(False)
        each.grid(visible=True, color="#e4e8ec", linewidth=0.6)
        each.set_axisbelow(True)
    return figure, axes


def finish(figure: Any, path: Path, title: str) -> None:
    """Title and file."""
    from matplotlib import pyplot as plt  # noqa: PLC0415  imported long ago by `canvas`

    figure.suptitle(title, fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None}, facecolor="white")
    plt.close(figure)
