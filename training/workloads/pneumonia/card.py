"""The model card: what the model is for and what not, how good it is and for whom, how it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.learning import model_card
from training.learning.calibration import choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.workloads.description import Value, Workload

USE = """**This is not a medical device.** It makes no diagnosis and no authority has approved it. It demonstrates how
such a model is trained, calibrated, served and watched. Nobody may be treated, or left untreated, because of it.

Meant for: rehearsing and teaching that path; ranking frontal chest radiographs in a study in which a radiologist reads
every one of them whatever the model says.

Not meant for: diagnosis or triage of real patients; lateral or rotated views, CT, photographs of films; any finding
other than pneumonia (a tumour, a pneumothorax or tuberculosis gets some probability of pneumonia like anything else);
patients unlike those of the data, in age above all."""

LIMITS = """- A picture of anything gets an answer. Nothing checks that it is a frontal chest radiograph.
- Labels are what the data say. Where readers disagree, the model learns the disagreement.
- Calibration holds for data like the test patients. Where more or fewer people are ill, PPV and NPV change (see
  the table), and so does calibration: watch it with `python -m training.monitoring calibration`.
- Threshold and band come from the validation patients, among whom the best epoch was chosen as well, so that figures on
  test patients may fall a little short of the goals.
- The picture is scaled to the model's input without regard to its proportions; 16-bit pictures are refused, because
  only the DICOM file knows the window that shows the lungs."""


def render(
    workload: Workload,
    description: Mapping[str, Any],
    dataset: Mapping[str, Any],
    metrics: Mapping[str, Any],
    hyperparameters: Mapping[str, Value],
) -> str:
    """The card as Markdown."""
    option = workload.data.options.get(dataset["source"])
    sections = {
        "Intended use": USE,
        "Images and patients": _images(dataset),
        "Test figures": _figures(metrics),
        "By subgroup": _subgroups(metrics["subgroups"]),
        "Calibration": _calibration(metrics),
        "Decision rule": _rule(metrics, hyperparameters),
        "At other prevalences": _prevalences(metrics["prevalences"]),
        "How it was made": f"{description['architecture']}; {model_card.settings(hyperparameters)}.",
        "Limits": LIMITS,
    }
    heading = f"{workload.title}, version {description['version']}"
    return model_card.document(heading, workload.description, dataset, option.title if option else None, sections)


def _images(dataset: Mapping[str, Any]) -> str:
    counts, groups = dataset.get("counts", {}), dataset.get("groups", {})
    rows = [
        f"| {part} | {groups.get(part, '')} | {' | '.join(str(count) for count in by_class.values())} |"
        for part, by_class in counts.items()
    ]
    if not rows:
        return "Not described by the data."
    classes = " | ".join(dataset["classes"])
    head = f"| split | patients | {classes} |\n| --- | ---: |{' ---: |' * len(dataset['classes'])}\n"
    return head + "\n".join(rows) + "\n\nNo patient has pictures in two splits; the job refuses to run where one has."


def _figures(metrics: Mapping[str, Any]) -> str:
    decision, areas = metrics["decision"], metrics["areas"]
    rows = {
        "AUROC": areas["auroc"],
        "AUPRC (average precision)": areas["auprc"],
        "sensitivity at the threshold": decision["at_threshold"]["sensitivity"],
        "specificity at the threshold": decision["at_threshold"]["specificity"],
        "share without a verdict": decision["abstained"],
        "sensitivity of the decided": decision["decided"]["sensitivity"],
        "specificity of the decided": decision["decided"]["specificity"],
        "PPV of the decided": decision["decided"]["ppv"],
        "NPV of the decided": decision["decided"]["npv"],
    }
    lines = "\n".join(f"| {name} | {_number(row['value'])} | {_interval(row)} |" for name, row in rows.items())
    ill = metrics["reliability"]["after"]["prevalence"]
    return (
        f"{metrics['images']} images of {metrics['patients']} patients, {ill:.1%} "
        "of the images with pneumonia. Intervals are 95 %, by patient.\n\n"
        f"| figure | value | interval |\n| --- | ---: | ---: |\n{lines}"
    )


def _subgroups(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return (
            "The names of these images tell neither view nor site nor age: not known, and to be found out before use."
        )
    lines = "\n".join(
        f"| {row['group']} | {row['images']} | {row['ill']} | {_both(row['auroc'])} | {_both(row['sensitivity'])} "
        f"| {_both(row['specificity'])} | {row['ece']:.3f} | {_number(row['abstained']['value'])} |"
        for row in rows
    )
    return (
        "| group | images | ill | AUROC | sensitivity | specificity | ECE | no verdict |\n"
        f"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n{lines}\n\n"
        "Small groups have wide intervals and a calibration error that is large by chance alone."
    )


def _calibration(metrics: Mapping[str, Any]) -> str:
    found, (before, after) = metrics["calibration"], (metrics["reliability"][when] for when in ("before", "after"))
    tried = "\n".join(
        f"| {one['kind']} | {one['log_loss']:.4f} | {one['brier']:.4f} |"
        if one["log_loss"] is not None
        else f"| {one['kind']} | not tried: too few images | |"
        for one in found["candidates"]
    )
    rows = "\n".join(
        f"| {label} | {before[name]:.4f} | {after[name]:.4f} |"
        for name, label in (
            ("ece", "ECE, bins of equal width"),
            ("ece_equal_mass", "ECE, bins of equal mass"),
            ("brier", "Brier score"),
            ("reliability", "of it, reliability (lower is better)"),
            ("resolution", "of it, resolution (higher is better)"),
            ("uncertainty", "of it, uncertainty (of the data)"),
            ("log_loss", "log loss"),
        )
    )
    return f"""Chosen: {found["chosen"]["kind"]}, by log loss over {found["folds"]} folds of {found["patients"]}
validation patients, {found["repeats"]} times; the simplest that is within {choice.TOLERANCE:.0%} of the best.

| candidate | log loss | Brier |
| --- | ---: | ---: |
{tried}

On the test patients:

| | before | after |
| --- | ---: | ---: |
{rows}"""


def _rule(metrics: Mapping[str, Any], values: Mapping[str, Value]) -> str:
    rule = metrics["decision"]["rule"]
    low, high = rule["abstain"]
    if values["abstain"] == "cost":
        chosen = (
            f"by costs: {values['cost_missed']} for a missed patient, {values['cost_alarm']} for a false alarm, "
            f"{values['cost_undecided']} for no verdict"
        )
    else:
        chosen = f"for a sensitivity of {values['target_sensitivity']}"
        if values["abstain"] == "rates":
            chosen += f", and a specificity of {values['target_specificity']} of the decided"
        if values["abstain"] == "ppv":
            chosen += f", and a PPV of {values['target_ppv']} of the decided at a prevalence of {values['prevalence']}"
        chosen += f", vouched for by the validation patients with confidence {values['confidence']}"
    return f"""Positive from {high:.3f} on, negative below {low:.3f}, in between no verdict: a person decides. \
The threshold on its own
would be {rule["threshold"]:.3f}. Chosen {chosen}."""


def _prevalences(rows: Sequence[Mapping[str, float]]) -> str:
    lines = "\n".join(
        f"| {row['prevalence']:.0%} | {row['ppv']:.3f} | {row['npv']:.3f} | {row['abstained']:.3f} |" for row in rows
    )
    return (
        "The same rule where another share of people is ill, if the ill look the same there:\n\n"
        f"| share ill | PPV of the decided | NPV of the decided | no verdict |\n| ---: | ---: | ---: | ---: |\n{lines}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(row: Mapping[str, Any]) -> str:
    return "-" if row["value"] is None else f"{row['low']:.3f} to {row['high']:.3f}"


def _both(row: Mapping[str, Any]) -> str:
    return "-" if row["value"] is None else f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
