"""The model card: what the model is for, what it was made from, how good it is, where it must not be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.workloads.spec import Value, Workload


def title(workload: Workload, classes: tuple[str, ...]) -> str:
    """The workload's title, or its classes where the data were not those it is named after."""
    return workload.title if classes == workload.data.classes else ", ".join(classes)


def render(
    workload: Workload,
    description: Mapping[str, Any],
    dataset: Mapping[str, Any],
    metrics: Mapping[str, Any],
    hyperparameters: Mapping[str, Value],
) -> str:
    """The card as Markdown."""
    rows = "\n".join(
        f"| {name} | {row['images']} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} |"
        for name, row in metrics["classes"].items()
    )
    option = workload.data.options.get(dataset["source"])
    origin = "".join(f"\n- {name}: {value}" for name, value in dataset.get("origin", {}).items())
    settings = ", ".join(f"{name}={value}" for name, value in hyperparameters.items() if value != "")
    classes = tuple(description["classes"])
    about = workload.description if classes == workload.data.classes else f"Made with the code of {workload.name}."
    return f"""# {title(workload, classes)}, version {description["version"]}

{about}
{_warning(dataset)}
## Data

- source: {dataset["source"]}{f" ({option.title})" if option else ""}
- synthetic: {"yes" if dataset["synthetic"] else "no"}{origin}

## Test figures

| class | images | precision | recall | F1 |
| --- | ---: | ---: | ---: | ---: |
{rows}

Accuracy {metrics["accuracy"]:.3f}, expected calibration error {metrics["calibration_error"]:.3f}. At the workflow's
threshold of {metrics["threshold"]} a share of {metrics["share_below_threshold"]:.3f} goes to review; of the rest,
{metrics["accuracy_above_threshold"]:.3f} are right.

## How it was made

{description["architecture"]}; {settings}. Probabilities are calibrated with temperature {metrics["temperature"]:.2f}.
{_precision(metrics["quantisation"])}
## Limits

It knows {len(classes)} classes ({", ".join(classes)}) and names one of them for any
picture, also for one that shows none of them. It was judged on images like those it was trained on, and on no others.
"""


def _warning(dataset: Mapping[str, Any]) -> str:
    if not dataset["synthetic"]:
        return ""
    return "\n> **Synthetic.** Trained and judged on drawings. The figures say nothing about photographs.\n"


def _precision(cost: Mapping[str, Any] | None) -> str:
    """What 8-bit integers cost, where they were asked for."""
    if cost is None:
        return ""
    kept = "in int8" if cost["precision"] == "int8" else "in fp32, because int8 lost more accuracy than allowed"
    return f"""
## Precision

The model is written {kept}. The figures above are those of the model as it is written.

| | fp32 | int8 |
| --- | ---: | ---: |
| top-1 on the test images | {cost["fp32_top1"]:.4f} | {cost["int8_top1"]:.4f} |
| size in bytes | {cost["fp32_bytes"]} | {cost["int8_bytes"]} |

{cost["top1_loss_points"]:.2f} points of top-1 are lost and {cost["limit_points"]:g} allowed; both name the same class
for a share of {cost["agreement"]:.4f} of the images. int8 was calibrated on {cost["calibration_images"]} images of the
training set. On the machine that trained, fp32 took {cost["speedup"]:.2f} times the CPU of int8 per image.
"""
