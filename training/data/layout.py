"""Write a dataset to a folder the way the data bucket holds it.

Classification: `<split>/<class>/<file>.png` and `<split>.lst` (SageMaker image classification: index, label, path
relative to the split). Detection: `<split>/<file>.png` and `<split>/annotations.jsonl` (see `boxes`). Both:
`dataset.json` (what this is and where it came from; also in `train/`, so that a training job knows), and
`checksums.sha256` (`sha256sum -c` understands it).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training.data import boxes
from training.data.splits import SPLITS
from training.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.progress import Progress
    from training.data.records import Records
    from training.data.splits import LeftOut

DESCRIPTION = "dataset.json"
CHECKSUMS = "checksums.sha256"


def describe(
    records: Records, splits: dict[str, NDArray[np.intp]], *, workload: str, seed: int, left_out: LeftOut
) -> dict[str, Any]:
    """What `dataset.json` says. No dates, so that the same input gives the same bytes.

    Detection counts the images that show each class, and those that show none as `nothing`.
    """
    height, width, channels = records.images.shape[1:]
    said: dict[str, Any] = {
        "workload": workload,
        "source": records.source,
        "synthetic": records.synthetic,
        "origin": records.origin,
        "classes": list(records.classes),
        "image": {"height": height, "width": width, "channels": channels},
        "seed": seed,
        "duplicates_left_out": left_out.duplicates,
        "counts": {part: _counts(records, at) for part, at in splits.items()},
    }
    if left_out.near_duplicates is not None:
        said["near_duplicates_left_out"] = left_out.near_duplicates
    if records.groups is not None:
        said["left_out_of_test_groups"] = left_out.of_test_groups
        said["groups"] = {part: len({records.groups[position] for position in at}) for part, at in splits.items()}
    if records.boxes is not None:
        said["task"] = "detection"
        said["boxes"] = {part: boxes.count(records, at) for part, at in splits.items()}
    return said


def _counts(records: Records, at: NDArray[np.intp]) -> dict[str, int]:
    if records.boxes is None:
        return {name: int((records.labels[at] == label).sum()) for label, name in enumerate(records.classes)}
    shown = [{box.class_id for box in records.boxes[position]} for position in at]
    counts = {name: sum(label in seen for seen in shown) for label, name in enumerate(records.classes)}
    return counts | {"nothing": sum(not seen for seen in shown)}


def write(
    out: Path,
    records: Records,
    splits: dict[str, NDArray[np.intp]],
    description: dict[str, Any],
    *,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Write the dataset; `out` appears, or changes, only when everything is written.

    Returns
    -------
    SHA-256 by path relative to `out`, sorted

    Raises
    ------
    DataError
        `out` holds something that is not a staged dataset, or cannot be written.
    """
    _refuse_foreign(out)
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        checksums = _write_all(partial, records, splits, description, progress)
        _swap(partial, out)
    except OSError as error:
        raise DataError("--out", str(out), f"cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return checksums


def read_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by relative path, as `checksums.sha256` lists them."""
    return parse_checksums((folder / CHECKSUMS).read_text(encoding="utf-8"))


def parse_checksums(text: str) -> dict[str, str]:
    """The lines of a `sha256sum` file: two spaces between the digest and the path."""
    return {path: digest for digest, path in (line.split("  ", 1) for line in text.splitlines())}


def _write_all(
    folder: Path,
    records: Records,
    splits: dict[str, NDArray[np.intp]],
    description: dict[str, Any],
    progress: Progress | None,
) -> dict[str, str]:
    files = _Files(folder)
    total, done = sum(len(at) for at in splits.values()), 0
    for part in SPLITS:
        paths = _paths(records, splits[part])
        for position, path in zip(splits[part], paths, strict=True):
            files.write(f"{part}/{path}", _png(records.images[position]))
            done += 1
            if progress:
                progress(done, total)
        if records.boxes is None:
            files.write(f"{part}.lst", _list(records.labels[splits[part]], paths))
        else:
            text = boxes.lines(records, splits[part], paths)
            files.write(f"{part}/{boxes.FILE}", text.encode())
    about = (json.dumps(description, indent=2) + "\n").encode()
    files.write(DESCRIPTION, about)
    files.write(f"train/{DESCRIPTION}", about)
    for path, content in records.extras.items():
        files.write(path, content)
    checksums = dict(sorted(files.digests.items()))
    files.write(CHECKSUMS, "".join(f"{digest}  {path}\n" for path, digest in checksums.items()).encode())
    return checksums


class _Files:
    """Writes files below a folder and keeps their digests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}

    def write(self, path: str, content: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.digests[path] = hashlib.sha256(content).hexdigest()


def _list(labels: NDArray[np.int64], paths: list[str]) -> bytes:
    rows = enumerate(zip(labels, paths, strict=True))
    return "".join(f"{index}\t{label}\t{path}\n" for index, (label, path) in rows).encode()


def _paths(records: Records, positions: NDArray[np.intp]) -> list[str]:
    """`<class>/<file>.png`, or `<file>.png` where an image has boxes instead of a class.

    Names from an archive are made harmless, and unique by their position.
    """
    paths: list[str] = []
    taken: set[str] = set()
    for position in positions:
        # Only the last part counts, so that a name like ../../x cannot leave the folder.
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", Path(records.names[position]).stem)[:80] or "image"
        folder = f"{records.classes[records.labels[position]]}/" if records.boxes is None else ""
        path = f"{folder}{stem}.png"
        if path in taken:
            path = path.removesuffix(".png") + f"_{position}.png"
        taken.add(path)
        paths.append(path)
    return paths


def _png(image: NDArray[np.uint8]) -> bytes:
    # OpenCV takes BGR; grey stays grey.
    ok, encoded = cv2.imencode(".png", image[:, :, ::-1])
    if not ok:
        raise OSError("an image could not be encoded as PNG")
    return encoded.tobytes()


def _refuse_foreign(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError("--out", str(out), "is a file; name a folder")
    if any(out.iterdir()) and not (out / DESCRIPTION).is_file():
        raise DataError("--out", str(out), f"holds files but no {DESCRIPTION}; name an empty or a new folder")


def _swap(partial: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        out.rename(old)
    try:
        partial.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
