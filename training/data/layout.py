"""Write a dataset to a folder the way the data bucket holds it.

`<split>/<class>/<file>.png`, `<split>.lst` (SageMaker image classification: index, label, path relative to the split),
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

from training.data.splits import SPLITS
from training.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.progress import Progress
    from training.data.records import Records

DESCRIPTION = "dataset.json"
CHECKSUMS = "checksums.sha256"


def describe(
    records: Records, splits: dict[str, NDArray[np.intp]], *, workload: str, seed: int, duplicates: int
) -> dict[str, Any]:
    """What `dataset.json` says. No dates, so that the same input gives the same bytes."""
    height, width, channels = records.images.shape[1:]
    return {
        "workload": workload,
        "source": records.source,
        "synthetic": records.synthetic,
        "origin": records.origin,
        "classes": list(records.classes),
        "image": {"height": height, "width": width, "channels": channels},
        "seed": seed,
        "duplicates_left_out": duplicates,
        "counts": {
            part: {name: int((records.labels[at] == label).sum()) for label, name in enumerate(records.classes)}
            for part, at in splits.items()
        },
    }


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
        labels = records.labels[splits[part]]
        lines = [f"{index}\t{label}\t{path}\n" for index, (label, path) in enumerate(zip(labels, paths, strict=True))]
        files.write(f"{part}.lst", "".join(lines).encode())
    text = (json.dumps(description, indent=2) + "\n").encode()
    files.write(DESCRIPTION, text)
    files.write(f"train/{DESCRIPTION}", text)
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


def _paths(records: Records, positions: NDArray[np.intp]) -> list[str]:
    """`<class>/<file>.png`; names from an archive are made harmless, and unique by their position."""
    paths: list[str] = []
    taken: set[str] = set()
    for position in positions:
        # Only the last part counts, so that a name like ../../x cannot leave the folder.
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", Path(records.names[position]).stem)[:80] or "image"
        path = f"{records.classes[records.labels[position]]}/{stem}.png"
        if path in taken:
            path = path.removesuffix(".png") + f"_{position}.png"
        taken.add(path)
        paths.append(path)
    return paths


def _png(image: NDArray[np.uint8]) -> bytes:
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
