"""Where the vehicles come from: CIFAR-100, drawings in CIFAR-100's own layout, or scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.data import cifar
from training.data.fetch import fetch, sha256_of
from training.data.records import Records
from training.errors import DataError
from training.workloads.vehicles.drawings import draw

if TYPE_CHECKING:
    from training.data.progress import Progress

CLASSES = ("bicycle", "motorcycle")
VEHICLES = tuple(name for names in cifar.VEHICLES.values() for name in names)
DIGITS = tuple(str(digit) for digit in range(10))

DRAWN_PER_CLASS = 400
"""Drawings per class when no number is given; a sixth of them are test images, as in CIFAR-100."""

_OFFLINE = "Offline, use --source synthetic or --source digits, or name a copy you have with --archive PATH."


def load(
    source: str,
    *,
    classes: tuple[str, ...] | None,
    per_class: int | None,
    seed: int,
    cache: Path,
    archive: Path | None = None,
    progress: Progress | None = None,
) -> Records:
    """Labelled images of one source.

    Parameters
    ----------
    source
        `synthetic`, `cifar100` or `digits`.
    classes
        Names to keep, in the order of the model's outputs; None for the source's usual ones.
    per_class
        How many to draw per class (`synthetic`); the other sources hand over all they have.

    Raises
    ------
    DataError
        Unknown class, unreachable download, corrupt archive.
    """
    if source == "digits":
        return _digits(_chosen(classes or DIGITS, DIGITS, source))
    if source == "synthetic":
        kept = _chosen(classes or CLASSES, CLASSES, source)
        drawn = draw_archive(cache / "synthetic", kept, per_class or DRAWN_PER_CLASS, seed, progress)
        return _from_archive(drawn, kept, source, synthetic=True, origin={"drawn_with_seed": str(seed)})
    kept = _chosen(classes or CLASSES, VEHICLES, source)
    origin = {"url": cifar.URL}
    if archive is None:
        target = cache / Path(cifar.URL).name
        archive = fetch(cifar.URL, target, sha256=cifar.SHA256, size=cifar.SIZE, remedy=_OFFLINE, progress=progress)
    elif sha256_of_archive(archive) != cifar.SHA256:
        raise DataError(
            "archive", str(archive), f"is not the published CIFAR-100 archive (SHA-256 {cifar.SHA256}). {_OFFLINE}"
        )
    return _from_archive(archive, kept, source, synthetic=False, origin=origin)


def sha256_of_archive(path: Path) -> str:
    """SHA-256 of an archive a person named.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise DataError("archive", str(path), f"cannot be read ({error.strerror}); check --archive") from None


def draw_archive(
    folder: Path, classes: tuple[str, ...], per_class: int, seed: int, progress: Progress | None = None
) -> Path:
    """Draw the synthetic sample into an archive in CIFAR-100's layout, and return its path.

    Each drawing has a seed of its own, so that a larger sample begins with the smaller one.
    """
    tests = max(1, round(per_class / 6))
    path = folder / f"synthetic-{'-'.join(classes)}-{per_class}-{seed}.tar.gz"
    parts = []
    total, done = per_class * len(classes), 0
    for part, first, count in (("train", 0, per_class - tests), ("test", 1, tests)):
        images, fine, names = [], [], []
        for index in range(count):
            for name in classes:
                label = cifar.FINE_LABELS.index(name)
                images.append(draw(name, np.random.default_rng([seed, first, label, index])))
                fine.append(label)
                names.append(f"synthetic_{name}_s_{part}_{index:06d}.png")
                done += 1
                if progress:
                    progress(done, total)
        coarse = [cifar.coarse_of(cifar.FINE_LABELS[label]) for label in fine]
        stacked = np.stack(images) if images else np.empty((0, 32, 32, 3), np.uint8)
        parts.append(cifar.Part(stacked, np.array(fine, np.int64), np.array(coarse, np.int64), names))
    cifar.write(path, *parts)
    return path


def _from_archive(
    path: Path, classes: tuple[str, ...], source: str, *, synthetic: bool, origin: dict[str, str]
) -> Records:
    archive = cifar.read(path)
    wanted = [archive.fine_labels.index(name) for name in classes]
    label_of = np.full(len(archive.fine_labels), -1)
    label_of[wanted] = range(len(wanted))
    images, labels, names, tests = [], [], [], []
    for part, is_test in ((archive.train, False), (archive.test, True)):
        at = np.flatnonzero(label_of[part.fine] >= 0)
        images.append(part.images[at])
        labels.append(label_of[part.fine[at]])
        names += [part.names[position] for position in at]
        tests.append(np.full(len(at), is_test))
    origin = origin | {"archive_sha256": sha256_of(path)}
    return Records(
        np.concatenate(images), np.concatenate(labels), names, np.concatenate(tests), classes, source, synthetic, origin
    )


def _digits(classes: tuple[str, ...]) -> Records:
    """scikit-learn's 8 x 8 scans of handwriting, enlarged, as three equal channels."""
    from sklearn.datasets import load_digits  # noqa: PLC0415  a second to import, and only this source needs it

    scans, digits = load_digits(return_X_y=True)
    at = np.flatnonzero(np.isin(digits, [int(name) for name in classes]))
    grey = np.clip(np.rint(scans[at].reshape(-1, 8, 8) * (255 / 16)), 0, 255).astype(np.uint8)
    large = np.stack([cv2.resize(scan, (32, 32), interpolation=cv2.INTER_CUBIC) for scan in grey])
    labels = np.array([classes.index(str(digit)) for digit in digits[at]], np.int64)
    names = [f"digit_{digits[position]}_{position:04d}.png" for position in at]
    origin = {"package": "scikit-learn", "dataset": "load_digits"}
    return Records(np.repeat(large[..., None], 3, axis=3), labels, names, None, classes, "digits", False, origin)


def _chosen(classes: tuple[str, ...], known: tuple[str, ...], source: str) -> tuple[str, ...]:
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise DataError(
            "--classes", ",".join(classes), f"{source} has no {unknown[0]!r}; choose from {', '.join(known)}"
        )
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise DataError("--classes", ",".join(classes), "needs two or more different classes")
    return classes
