"""What every training job leaves behind: the model with its description, its figures, its card.

In the model folder, which becomes model.tar.gz: `model.json`, `metrics.json`, `model.pt` and `model_card.md` beside the
model itself. In the output folder: the metrics and the card once more, pictures, and `figures.json`, which says of each
picture what it shows; the rehearsal's report shows every picture named there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from training.learning.container import Job
    from training.workloads.spec import Workload

FIGURES = "figures.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture in the output folder.

    Attributes
    ----------
    file
        Its name there.
    title, caption
        A few words, and a sentence or two that say how to read it; "synthetic" is named where the data are drawn.
    alt
        What it shows, for those who cannot see it.
    """

    file: str
    title: str
    caption: str
    alt: str


def describe(
    workload: Workload,
    job: Job,
    dataset: Mapping[str, Any],
    headline: Mapping[str, float],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    **facts: Any,
) -> dict[str, Any]:
    """What `model.json` says: all that the server and the registry need to know.

    Parameters
    ----------
    dataset
        `dataset.json` of the train channel: `classes` in the order of the model's outputs, `source`, `synthetic`.
    headline
        The metrics to show beside the model, by name.
    mean, std
        Of each channel of the input, of values in 0 to 1.
    facts
        What a kind of model adds, such as `temperature`, `decision`, or `task` where it is not classification.
    """
    size, limits = workload.data.image, workload.inference
    return {
        "workload": workload.name,
        "version": job.hyperparameters["model_version"],
        "classes": dataset["classes"],
        "input": {
            "height": size.height,
            "width": size.width,
            "channels": size.channels,
            "mean": list(mean),
            "std": list(std),
            "layout": "NCHW",
        },
        "metrics": dict(headline),
        "source": dataset["source"],
        "synthetic": dataset["synthetic"],
        "architecture": job.hyperparameters["architecture"],
        **facts,
        "limits": {"max_image_bytes": limits.max_image_bytes, "max_image_pixels": limits.max_image_pixels},
    }


def leave(
    job: Job,
    network: torch.nn.Module,
    description: Mapping[str, Any],
    *,
    metrics: Mapping[str, Any],
    card: str,
    figures: Sequence[Figure] = (),
) -> None:
    """Write everything but the exported model and the pictures themselves."""
    job.model.mkdir(parents=True, exist_ok=True)
    job.output.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": network.state_dict(), "classes": description["classes"]}, job.model / "model.pt")
    write_json(job.model / "model.json", description)
    for folder in (job.model, job.output):
        write_json(folder / "metrics.json", metrics)
        (folder / "model_card.md").write_text(card, encoding="utf-8")
    if figures:
        write_json(job.output / FIGURES, [asdict(figure) for figure in figures])


def write_json(path: Path, content: Mapping[str, Any] | Sequence[Any]) -> None:
    """JSON for people and programs: indented, with a line's end."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
