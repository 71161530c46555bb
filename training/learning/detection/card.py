"""A detector's model card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.learning import model_card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.workloads.spec import Value, Workload


def render(
    workload: Workload,
    description: Mapping[str, Any],
    dataset: Mapping[str, Any],
    metrics: Mapping[str, Any],
    hyperparameters: Mapping[str, Value],
) -> str:
    """The card as Markdown."""
    classes = tuple(description["classes"])
    size = description["input"]
    option = workload.data.options.get(dataset["source"])
    figures = {
        "AP, mean over overlaps of 0.5 to 0.95 (COCO)": metrics["ap"],
        "AP at an overlap of 0.5 (COCO)": metrics["ap50"],
        "AP at an overlap of 0.75 (COCO)": metrics["ap75"],
        "AP at an overlap of 0.5 (Pascal VOC)": metrics["voc_ap50"],
        f"precision from a score of {metrics['threshold']:g} on": metrics["precision"],
        f"recall from a score of {metrics['threshold']:g} on": metrics["recall"],
        "empty images in which nothing is found at that score": metrics["empty_right"],
    }
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in figures.items())
    return model_card.document(
        f"{model_card.title(workload, classes)}, version {description['version']}",
        workload.description,
        dataset,
        option.title if option else None,
        {
            "Intended use": f"""To say whether a photo shows one of its classes ({", ".join(classes)}), and where: a
first look, before something else or somebody judges what is found. It tells no makes apart and measures nothing.""",
            "Test figures": f"""{metrics["images"]} images with {metrics["objects"]} objects.

| figure | value |
| --- | ---: |
{rows}""",
            "How it was made": f"{description['architecture']}; {model_card.settings(hyperparameters)}.",
            "Limits": f"""It takes images of any size and reduces them to {size["width"]} x {size["height"]} pixels
without regard to their proportions: what is narrower than about a sixteenth of an image is easily missed. Of objects
that cover each other by more than {description["nms_iou"]:.0%} only one is answered. A score says how well a box is
likely to fit; it is no probability, and has not been calibrated. The detector was judged on images like those it was
trained on, and on no others.""",
        },
    )
