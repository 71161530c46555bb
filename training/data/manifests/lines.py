"""Lines of AugmentedManifest files and of `.lst` files.

An AugmentedManifest is JSON Lines with `source-ref`, labels and their `-metadata`
(https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest.html), here in the form that Ground Truth gives them
(https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html). A `.lst` holds number, class and relative path
between tabs, as the image classification algorithm reads it
(https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html).
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CLASS, BOXES = "class", "bounding-box"
"""Names of the label attributes."""

JOB = "listing"
"""In the place of a labelling job: the labels are what the keys say."""


def classified(bucket: str, key: str, modified: str, label: int, name: str) -> str:
    """One image and its class; a label is as old as the object whose key says it."""
    reference = json.dumps(f"s3://{bucket}/{key}")
    return f'{{"source-ref":{reference},{_of_class(label, name)},"creation-date":"{modified}"}}}}\n'


def boxed(bucket: str, key: str, modified: str, boxes: dict[str, Any], classes: Sequence[str]) -> str:
    """One image and its boxes, which are as `training.data.boxes.body` makes them."""
    shown = sorted({box["class_id"] for box in boxes["annotations"]})
    metadata = {
        "objects": [{"confidence": 1} for _ in boxes["annotations"]],
        "class-map": {str(label): classes[label] for label in shown},
        **_metadata("groundtruth/object-detection"),
        "creation-date": modified,
    }
    document = {"source-ref": f"s3://{bucket}/{key}", BOXES: boxes, f"{BOXES}-metadata": metadata}
    return json.dumps(document, separators=(",", ":")) + "\n"


def listed(number: int, label: int, path: str) -> str:
    """One line of a `.lst`."""
    return f"{number}\t{label}\t{path}\n"


@cache
def _of_class(label: int, name: str) -> str:
    """What all lines of a class have in common, up to the date, which ends the metadata."""
    metadata = {"class-name": name, "confidence": 1, **_metadata("groundtruth/image-classification")}
    return json.dumps({CLASS: label, f"{CLASS}-metadata": metadata}, separators=(",", ":"))[1:-2]


def _metadata(kind: str) -> dict[str, str]:
    return {"type": kind, "job-name": JOB, "human-annotated": "no"}
