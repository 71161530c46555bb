"""Boxes that somebody has drawn elsewhere, as `annotations.jsonl` has them: from COCO's JSON, or from Ground Truth.

`python -m training.workloads.claims.annotations --coco instances.json --classes car --out photos/annotations.jsonl`

Formats: https://cocodataset.org/#format-data ("object detection": `bbox` is left, top, width, height) and
https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html ("bounding box job output": a line per image, with
the label attribute's `class-map`). Objects of other classes are left out, and so are COCO's crowds, whose box stands
for many objects at once. Boxes are cut at the border of their image.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data.boxes import line
from training.data.records import Box
from training.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def from_coco(path: Path, classes: Sequence[str]) -> Iterator[str]:
    """Lines of `annotations.jsonl`, one for every image of the file, also for those that show nothing.

    Raises
    ------
    DataError
        Not COCO's JSON, a class that it does not have, an object of an image that is not listed.
    """
    document = _json(path.read_text(encoding="utf-8"), str(path))
    try:
        names = {row["id"]: row["name"] for row in document["categories"]}
        images = {row["id"]: (row["file_name"], row["width"], row["height"]) for row in document["images"]}
        objects = [
            (row["image_id"], row["category_id"], row["bbox"], row.get("iscrowd", 0)) for row in document["annotations"]
        ]
    except (KeyError, TypeError) as error:
        raise DataError(str(path), repr(error), "is no COCO file of objects: images, annotations, categories") from None
    for name in classes:
        if name not in names.values():
            raise DataError("--classes", name, f"is none of the file's categories: {', '.join(sorted(names.values()))}")
    found: dict[Any, list[Box]] = {image: [] for image in images}
    for image, kind, bbox, crowd in objects:
        if image not in images:
            raise DataError(f"{path}, annotations", image, "names an image that the file does not list")
        if names.get(kind) in classes and not crowd:
            _, width, height = images[image]
            left, top, wide, high = bbox
            box = _cut(list(classes).index(names[kind]), (left, top, left + wide, top + high), (width, height))
            found[image] += box
    for image, (file, width, height) in images.items():
        yield line(file, width, height, 3, found[image])


def from_ground_truth(path: Path, label: str, classes: Sequence[str]) -> Iterator[str]:
    """Lines of `annotations.jsonl`, one for every line of an output manifest.

    Parameters
    ----------
    label
        Name of the label attribute, which the labelling job was given.

    Raises
    ------
    DataError
        A line that is not JSON or has no such label; a class that `classes` and the manifest disagree about.
    """
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            where = f"{path}, line {number}"
            document = _json(text, where)
            try:
                source, body = document["source-ref"], document[label]
                (size,) = body["image_size"]
                known = document[f"{label}-metadata"]["class-map"]
                rows = [(known[str(row["class_id"])], row) for row in body["annotations"]]
            except (KeyError, TypeError, ValueError) as error:
                remedy = f"is no bounding-box output with the label attribute {label} ({error!r})"
                raise DataError(where, text.strip()[:80], remedy) from None
            boxes: list[Box] = []
            for name, row in rows:
                if name in classes:
                    edges = (row["left"], row["top"], row["left"] + row["width"], row["top"] + row["height"])
                    boxes += _cut(list(classes).index(name), edges, (size["width"], size["height"]))
            yield line(source.rpartition("/")[2], size["width"], size["height"], size.get("depth", 3), boxes)


def _cut(kind: int, edges: tuple[float, ...], size: tuple[float, float]) -> list[Box]:
    """The part of a box that lies in its image; nothing where there is none."""
    left, top, right, bottom = (min(max(edge, 0.0), limit) for edge, limit in zip(edges, size * 2, strict=True))
    return [Box(kind, left, top, right, bottom)] if left < right and top < bottom else []


def _json(text: str, where: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DataError(where, text.strip()[:80], f"is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise DataError(where, text.strip()[:80], "must be a JSON object")
    return document


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when written, 2 when something is wrong with the arguments or the file."""
    parser = argparse.ArgumentParser(prog="python -m training.workloads.claims.annotations", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--coco", type=Path, help="a COCO file of objects")
    source.add_argument("--ground-truth", type=Path, help="output manifest of a bounding-box labelling job")
    parser.add_argument("--label", default="bounding-box", help="label attribute of the labelling job (bounding-box)")
    parser.add_argument("--classes", default="car", help="comma-separated names to keep, in the model's order (car)")
    parser.add_argument("--out", type=Path, required=True, help="annotations.jsonl to write, beside the images")
    given = parser.parse_args(argv)
    classes = tuple(given.classes.split(","))
    try:
        if given.coco:
            lines = list(from_coco(given.coco, classes))
        else:
            lines = list(from_ground_truth(given.ground_truth, given.label, classes))
        given.out.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"error: {error.filename}: {error.strerror}; name a file that is there\n")
        return 2
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(json.dumps({"out": str(given.out), "images": len(lines)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
