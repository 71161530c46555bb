"""The model card: what the model is for, what it was made from, how good it is, where it must not be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.workloads.description import Value, Workload


_CLOSED_WORLD = (
    "picture, also for one that shows none of them. It was judged on images like those it was trained on, and on no "
    "others."
)


def title(workload: Workload, classes: tuple[str, ...]) -> str:
    """The workload's title, or its classes where the data were not those it is named after."""
    return workload.title if classes == workload.data.classes else ", ".join(classes)


def render(
    workload: Workload,
    description: Mapping[str, Any],
    dataset: Mapping[str, Any],
    metrics: Mapping[str, Any],
    hyperparameters: Mapping[str, Value],
    *,
    more: Mapping[str, str] | None = None,
) -> str:
    """The card as Markdown; `more` holds further sections, by heading, that stand before the limits."""
    rows = "\n".join(
        f"| {name} | {row['images']} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} |"
        for name, row in metrics["classes"].items()
    )
    option = workload.data.options.get(dataset["source"])
    classes = tuple(description["classes"])
    about = workload.description if classes == workload.data.classes else f"Made with the code of {workload.name}."
    return document(
        f"{title(workload, classes)}, version {description['version']}",
        about,
        dataset,
        option.title if option else None,
        {
            "Test figures": f"""| class | images | precision | recall | F1 |
| --- | ---: | ---: | ---: | ---: |
{rows}

Accuracy {metrics["accuracy"]:.3f}, expected calibration error {metrics["calibration_error"]:.3f}. At the workflow's
threshold of {metrics["threshold"]} a share of {metrics["share_below_threshold"]:.3f} goes to review; of the rest,
{metrics["accuracy_above_threshold"]:.3f} are right.""",
            "How it was made": f"""{description["architecture"]}; {settings(hyperparameters)}. \
Probabilities are calibrated with temperature {metrics["temperature"]:.2f}.""",
            "Precision": _precision(metrics["quantisation"]),
            **(more or {}),
            "Limits": f"""It knows {len(classes)} classes ({", ".join(classes)}) and names one of them for any
{_CLOSED_WORLD}""",
        },
    )


def document(
    heading: str, about: str, dataset: Mapping[str, Any], source_title: str | None, sections: Mapping[str, str]
) -> str:
    """A card of any kind of model: heading, warning where the data are drawn, where they came from, sections.

    Parameters
    ----------
    dataset
        `dataset.json` of the train channel.
    source_title
        What the data option is called, for people; None where it is unknown.
    sections
        Text by heading, in order; empty ones are left out.
    """
    origin = "".join(f"\n- {name}: {value}" for name, value in dataset.get("origin", {}).items())
    named = f" ({source_title})" if source_title else ""
    data = f"- source: {dataset['source']}{named}\n- synthetic: {'yes' if dataset['synthetic'] else 'no'}{origin}"
    written = {"Data": data} | dict(sections)
    body = "\n\n".join(f"## {name}\n\n{text}" for name, text in written.items() if text)
    return f"# {heading}\n\n{about}\n{_warning(dataset)}\n{body}\n"


def settings(hyperparameters: Mapping[str, Value]) -> str:
    """The hyperparameters that were set to something, in one line."""
    return ", ".join(f"{name}={value}" for name, value in hyperparameters.items() if value != "")


def _warning(dataset: Mapping[str, Any]) -> str:
    if not dataset["synthetic"]:
        return ""
    return "\n> **Synthetic.** Trained and judged on drawings. The figures say nothing about photographs.\n"


def _precision(cost: Mapping[str, Any] | None) -> str:
    """What 8-bit integers cost, where they were asked for."""
    if cost is None:
        return ""
    kept = "in int8" if cost["precision"] == "int8" else "in fp32, because int8 lost more accuracy than allowed"
    return f"""The model is written {kept}. The figures above are those of the model as it is written.

| | fp32 | int8 |
| --- | ---: | ---: |
| top-1 on the test images | {cost["fp32_top1"]:.4f} | {cost["int8_top1"]:.4f} |
| size in bytes | {cost["fp32_bytes"]} | {cost["int8_bytes"]} |

{cost["top1_loss_points"]:.2f} points of top-1 are lost and {cost["limit_points"]:g} allowed; both name the same class
for a share of {cost["agreement"]:.4f} of the images. int8 was calibrated on {cost["calibration_images"]} images of the
training set. On the machine that trained, fp32 took {cost["speedup"]:.2f} times the CPU of int8 per image."""
